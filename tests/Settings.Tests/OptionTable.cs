using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Settings.Tests;

/// <summary>The options that a program takes, as its <c>--help</c> prints them, held against its README. Shared by the programs' test projects.</summary>
internal static partial class OptionTable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly string[] BuiltIn = ["--help", "--version"];

    /// <summary>Asks a program for its help.</summary>
    /// <param name="program">The program's file beside the test's.</param>
    /// <param name="command">The command, where it has some.</param>
    public static async Task<string> HelpAsync(string program, params string[] command)
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, program), .. command, "--help"]) { RedirectStandardOutput = true })!;
        string help = await process.StandardOutput.ReadToEndAsync().WaitAsync(Patience);
        await process.WaitForExitAsync().WaitAsync(Patience);
        Assert.Equal(0, process.ExitCode);
        return help;
    }

    /// <summary>The options in a program's help: those at the beginning of a row.</summary>
    public static string[] OptionsOf(string help) => [.. OptionRow().Matches(help).Select(match => match.Groups[1].Value).Except(BuiltIn)];

    /// <summary>The commands in a program's help.</summary>
    public static string[] CommandsOf(string help) => [.. CommandRow().Matches(help).Select(match => match.Groups[1].Value)];

    /// <summary>Which of these options a README does not name, each as a word of its own.</summary>
    /// <param name="readme">The file, from the root of the source.</param>
    /// <param name="options">With their hyphens.</param>
    public static string[] MissingFrom(string readme, IEnumerable<string> options)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Relay.sln"))) root = Path.GetDirectoryName(root)!;
        string text = File.ReadAllText(Path.Combine(root, readme));
        return [.. options.Where(option => !Regex.IsMatch(text, $@"(?<![\w-]){Regex.Escape(option)}(?![\w-])"))];
    }

    [GeneratedRegex("^  (--[a-z0-9-]+)", RegexOptions.Multiline)]
    private static partial Regex OptionRow();

    [GeneratedRegex("^  ([a-z][a-z0-9-]*)", RegexOptions.Multiline)]
    private static partial Regex CommandRow();
}
