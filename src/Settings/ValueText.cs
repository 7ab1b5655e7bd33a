namespace Settings;

/// <summary>Lists in one string: values joined by commas.</summary>
internal static class ListText
{
    /// <summary>The default of an option: there may be none.</summary>
    public static string[] Split(string text) => text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);

    /// <exception cref="OptionException">There is no value between the commas: a program that was told to listen must not listen nowhere.</exception>
    public static string[] Split(string source, string text) =>
        Split(text) is { Length: > 0 } values ? values : throw new OptionException(source, $"there is no value in '{text}'", "give one, or several joined by commas");
}

/// <summary>Flags in one string.</summary>
internal static class FlagText
{
    public const string On = "true";
    public const string Off = "false";

    /// <exception cref="OptionException">Neither yes nor no.</exception>
    public static string Normalize(string source, string text) => text.ToLowerInvariant() switch
    {
        "true" or "1" or "yes" or "on" => On,
        "false" or "0" or "no" or "off" => Off,
        _ => throw new OptionException(source, $"'{text}' is neither true nor false", "give true or false"),
    };
}
