namespace Settings;

/// <summary>A program with commands: <c>relay-node up …</c>, <c>relay-node status …</c>. Their settings may share one file.</summary>
/// <param name="program">The program's name as it is typed.</param>
/// <param name="summary">One sentence for <c>--help</c>.</param>
/// <param name="environmentPrefix">What its environment variables begin with, without the underscore.</param>
public sealed class CommandSet(string program, string summary, string environmentPrefix)
{
    private readonly List<(string Name, OptionSet Options, Func<ParsedOptions, CancellationToken, Task<int>> Run)> _commands = [];

    internal string Program => program;
    internal string Summary => summary;
    internal IEnumerable<(string Name, OptionSet Options)> Commands => _commands.Select(command => (command.Name, command.Options));

    /// <summary>Begins the options of a command.</summary>
    /// <param name="name">The command as it is typed.</param>
    /// <param name="summary">One sentence for <c>--help</c>.</param>
    /// <param name="failure">As <see cref="OptionSet.Failure"/>, where the command has an exit code 1 of its own.</param>
    public OptionSet Begin(string name, string summary, string? failure = null) =>
        new($"{program} {name}", summary, environmentPrefix) { Failure = failure ?? OptionSet.AnyFailure };

    /// <summary>Adds a command whose options are complete.</summary>
    /// <param name="options">What <see cref="Begin"/> gave.</param>
    /// <param name="run">What the command does; its result is the exit code.</param>
    public void Add(OptionSet options, Func<ParsedOptions, CancellationToken, Task<int>> run)
    {
        foreach ((_, OptionSet other, _) in _commands)
        {
            other.ForeignJsonKeys.UnionWith(options.Keys.Select(key => key.JsonKey));
            options.ForeignJsonKeys.UnionWith(other.Keys.Select(key => key.JsonKey));
            other.ForeignVariables.UnionWith(options.Variables);
            options.ForeignVariables.UnionWith(other.Variables);
        }

        _commands.Add((options.Program[(program.Length + 1)..], options, run));
    }

    /// <summary>Finds the command that is asked for. Where help or the version was asked for, there is only an answer.</summary>
    /// <exception cref="OptionException">No command, or an unknown one.</exception>
    internal (OptionSet Options, Func<ParsedOptions, CancellationToken, Task<int>> Run)? Find(string? name, out string? answer)
    {
        answer = name switch
        {
            "--help" or "-h" or "-?" => HelpText.Write(this),
            "--version" => HelpText.Version(program),
            _ => null,
        };
        if (answer is not null) return null;

        foreach ((string known, OptionSet options, Func<ParsedOptions, CancellationToken, Task<int>> run) in _commands)
        {
            if (known == name) return (options, run);
        }

        string list = string.Join(" or ", _commands.Select(command => $"'{program} {command.Name}'"));
        throw name is null
            ? new OptionException(program, "the command is missing", $"give {list}")
            : new OptionException($"'{name}'", "there is no such command", $"give {list}");
    }
}
