using System.Reflection;
using System.Text;

namespace Settings;

/// <summary>What <c>--help</c> and <c>--version</c> print.</summary>
internal static class HelpText
{
    private const int Column = 30;

    public static string Write(OptionSet options)
    {
        StringBuilder text = new();
        string arguments = string.Concat(options.Keys.Where(key => key.Kind == OptionKind.Argument).Select(key => $" {key.Placeholder}"));
        text.AppendLine($"{options.Program}{arguments} [options]").AppendLine().AppendLine(options.Summary).AppendLine();
        foreach (OptionKey key in options.Keys.OrderBy(key => key.Kind != OptionKind.Argument)) AppendOption(text, options, key);
        AppendRow(text, "--help", "Prints this.");
        AppendRow(text, "--version", "Prints the version.");
        return text.AppendLine()
            .AppendLine("The command line wins over the environment, and that over the file.")
            .Append($"Exit code 0: all went as asked. 1: {options.Failure}. {OptionException.ExitCode}: a setting cannot be used, and stderr says which.").ToString();
    }

    public static string Write(CommandSet commands)
    {
        StringBuilder text = new();
        text.AppendLine($"{commands.Program} COMMAND [options]").AppendLine().AppendLine(commands.Summary).AppendLine();
        foreach ((string name, OptionSet options) in commands.Commands) AppendRow(text, name, options.Summary);
        return text.AppendLine().Append($"{commands.Program} COMMAND --help lists the options of a command.").ToString();
    }

    /// <summary>The program's name and version, without the build's commit.</summary>
    public static string Version(string program)
    {
        string? version = Assembly.GetEntryAssembly()?.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;
        return $"{program.Split(' ')[0]} {version?.Split('+')[0] ?? "unknown"}";
    }

    private static void AppendOption(StringBuilder text, OptionSet options, OptionKey key)
    {
        string name = key.Kind == OptionKind.Argument ? key.Placeholder : $"{key.Spelling} {key.Placeholder}".TrimEnd();
        string repeat = key.Kind == OptionKind.List ? " May be repeated." : "";
        string fallback = key.DefaultText is null ? "" : $" Default: {key.DefaultText}.";
        string json = key == options.Config ? "" : $", \"{key.JsonKey}\"";
        AppendRow(text, name, key.Help + repeat + fallback);
        AppendRow(text, "", $"[{key.EnvironmentName(options.EnvironmentPrefix)}{json}]");
    }

    private static void AppendRow(StringBuilder text, string left, string right)
    {
        string row = left.Length + 4 > Column ? $"  {left}{Environment.NewLine}{new string(' ', Column)}{right}" : $"  {left}".PadRight(Column) + right;
        text.AppendLine(row.TrimEnd());
    }
}
