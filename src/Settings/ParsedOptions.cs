using System.Globalization;

namespace Settings;

/// <summary>The settings a program was started with, and where each came from.</summary>
public sealed class ParsedOptions
{
    private readonly Dictionary<OptionKey, (string Source, string[] Values)> _given = [];

    private readonly List<string> _warnings = [];

    internal ParsedOptions()
    {
    }

    /// <summary>What to print instead of running, where <c>--help</c> or <c>--version</c> was given; otherwise null.</summary>
    public string? Answer { get; internal set; }

    /// <summary>What may be a slip and hinders nothing, a sentence each: it goes to stderr at the start.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>The value of an option or argument, its default, or null.</summary>
    public string? Text(OptionKey key) => _given.TryGetValue(key, out (string, string[] Values) given) ? given.Values[0] : key.DefaultText;

    /// <summary>The values of a list, in the order given; its defaults where none is given; never null.</summary>
    public IReadOnlyList<string> List(OptionKey key) =>
        _given.TryGetValue(key, out (string, string[] Values) given) ? given.Values : ListText.Split(key.DefaultText ?? "");

    /// <summary>Says whether a flag is on.</summary>
    public bool Flag(OptionKey key) => Text(key) == FlagText.On;

    /// <summary>The value of an option as a whole number, or null where it is not given.</summary>
    /// <exception cref="OptionException">Not a number, or one outside the range.</exception>
    public int? Number(OptionKey key, int least, int most)
    {
        if (Text(key) is not { } text) return null;
        bool isGood = int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most;
        return isGood ? number : throw new OptionException(SourceOf(key), $"'{text}' is not a number from {least} to {most}", "give one");
    }

    /// <summary>The value of an option that must be given.</summary>
    /// <exception cref="OptionException">It is not given.</exception>
    public string Required(OptionKey key) =>
        Text(key) ?? throw new OptionException(key.Spelling, "it is missing", $"give {(key.Kind == OptionKind.Argument ? "" : key.Spelling + " ")}{key.Placeholder}");

    /// <summary>Says whether the option was given anywhere; a default does not count.</summary>
    public bool IsGiven(OptionKey key) => _given.ContainsKey(key);

    /// <summary>Where the value came from, for messages: <c>--listen</c>, <c>STUN_LISTEN</c>, or <c>"listen" in FILE</c>.</summary>
    public string SourceOf(OptionKey key) => _given.TryGetValue(key, out (string Source, string[]) given) ? given.Source : key.Spelling;

    internal void Warn(string warning) => _warnings.Add(warning);

    internal void Set(OptionKey key, string source, string[] values) => _given[key] = (source, values);

    internal void Append(OptionKey key, string source, string[] values) =>
        _given[key] = (source, _given.TryGetValue(key, out (string, string[] Values) given) ? [.. given.Values, .. values] : values);
}
