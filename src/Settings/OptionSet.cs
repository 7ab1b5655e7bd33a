namespace Settings;

/// <summary>
/// The options of a program or of one of its commands. Each can be given on the command line, in the environment and in a JSON file;
/// the command line wins over the environment, and that over the file. <c>--help</c>, <c>--version</c> and <c>--config FILE</c> are built in.
/// </summary>
public sealed class OptionSet
{
    internal const string AnyFailure = "it failed, and stderr says why";

    private readonly List<OptionKey> _keys = [];

    /// <summary>Begins the options of a program.</summary>
    /// <param name="program">The program's name as it is typed, with its command if it has some: <c>relay-node up</c>.</param>
    /// <param name="summary">One sentence for <c>--help</c>.</param>
    /// <param name="environmentPrefix">What its environment variables begin with, without the underscore: <c>STUN</c>.</param>
    public OptionSet(string program, string summary, string environmentPrefix)
    {
        Program = program;
        Summary = summary;
        EnvironmentPrefix = environmentPrefix;
        Config = AddText("config", "FILE", "Settings as a JSON object.");
    }

    /// <summary>What exit code 1 means, for <c>--help</c>: a phrase.</summary>
    public string Failure { get; init; } = AnyFailure;

    /// <summary>The built-in <c>--config FILE</c>.</summary>
    public OptionKey Config { get; }

    internal string Program { get; }
    internal string Summary { get; }
    internal string EnvironmentPrefix { get; }
    internal IReadOnlyList<OptionKey> Keys => _keys;

    /// <summary>Settings of the program's other commands: they may stand in a file that all commands share.</summary>
    internal HashSet<string> ForeignJsonKeys { get; } = [];

    /// <summary>Variables of the program's other commands.</summary>
    internal HashSet<string> ForeignVariables { get; } = [];

    internal IEnumerable<string> Variables => _keys.Select(key => key.EnvironmentName(EnvironmentPrefix));

    /// <summary>Adds an option that takes one value.</summary>
    public OptionKey AddText(string name, string placeholder, string help, string? defaultText = null) =>
        Add(new OptionKey(name, OptionKind.Text, placeholder, help, defaultText));

    /// <summary>Adds an option that takes any number of values.</summary>
    /// <param name="name">Its name, as in <see cref="OptionKey.Name"/>.</param>
    /// <param name="placeholder">What a value looks like, for <c>--help</c>.</param>
    /// <param name="help">One sentence for <c>--help</c>.</param>
    /// <param name="defaultText">The values it has when none is given, joined by commas.</param>
    public OptionKey AddList(string name, string placeholder, string help, string? defaultText = null) =>
        Add(new OptionKey(name, OptionKind.List, placeholder, help, defaultText));

    /// <summary>Adds an option that is there or not.</summary>
    public OptionKey AddFlag(string name, string help) => Add(new OptionKey(name, OptionKind.Flag, "", help, null));

    /// <summary>Adds a value that is given without a name. Arguments take their positions in the order in which they are added.</summary>
    public OptionKey AddArgument(string name, string placeholder, string help) =>
        Add(new OptionKey(name, OptionKind.Argument, placeholder, help, null));

    /// <summary>Collects the settings. Where help or the version was asked for, only <see cref="ParsedOptions.Answer"/> counts.</summary>
    /// <exception cref="OptionException">An option or a file that cannot be used; the message says which, why, and what would be right.</exception>
    public ParsedOptions Parse(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        ParsedOptions values = new();
        if (!CommandLine.Read(this, arguments, values)) return values;

        ReadEnvironment(environment, values);
        if (values.Text(Config) is { } file) SettingsFile.Read(this, file, values);
        return values;
    }

    private void ReadEnvironment(IReadOnlyDictionary<string, string> environment, ParsedOptions values)
    {
        foreach (OptionKey key in _keys)
        {
            string name = key.EnvironmentName(EnvironmentPrefix);
            if (values.IsGiven(key) || !environment.TryGetValue(name, out string? text) || text.Length == 0) continue;
            values.Set(key, name, key.Kind switch
            {
                OptionKind.List => ListText.Split(name, text),
                OptionKind.Flag => [FlagText.Normalize(name, text)],
                _ => [text],
            });
        }

        WarnOfMisspelt(environment, values);
    }

    /// <summary>
    /// A variable that almost has the name of a setting is taken for a slip. Others may have our prefix too: Kubernetes makes RELAY_PORT and
    /// RELAY_SERVICE_HOST for a service of that name, and NODE_ENV and NODE_PATH are another program's.
    /// </summary>
    private void WarnOfMisspelt(IReadOnlyDictionary<string, string> environment, ParsedOptions values)
    {
        string prefix = EnvironmentPrefix + "_";
        string[] known = [.. Variables.Concat(ForeignVariables)];
        foreach (string name in environment.Keys.Where(name => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)).Except(known).Order(StringComparer.Ordinal))
        {
            string? nearest = NearestName.Of(name[prefix.Length..].ToUpperInvariant(), known.Select(variable => variable[prefix.Length..]));
            if (nearest is not null) values.Warn($"{name} in the environment: there is no such setting; did you mean {prefix}{nearest}?");
        }
    }

    private OptionKey Add(OptionKey key)
    {
        _keys.Add(key);
        return key;
    }
}
