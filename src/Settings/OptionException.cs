namespace Settings;

/// <summary>A setting that cannot be used. The message is one sentence for the person at the terminal; the program ends with exit code 2.</summary>
/// <param name="name">Which setting, as it was given: see <see cref="ParsedOptions.SourceOf"/>.</param>
/// <param name="problem">What is wrong with it.</param>
/// <param name="remedy">What would be right.</param>
public sealed class OptionException(string name, string problem, string remedy) : Exception($"{name}: {problem}; {remedy}.")
{
    /// <summary>The exit code of a program that was started with a bad option or a bad file.</summary>
    public const int ExitCode = 2;
}
