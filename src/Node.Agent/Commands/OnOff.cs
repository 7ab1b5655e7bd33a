using Settings;

namespace Node.Agent.Commands;

/// <summary>Reads switches.</summary>
internal static class OnOff
{
    /// <summary>What an option says; null where it is not given.</summary>
    /// <exception cref="OptionException">It says neither on nor off.</exception>
    public static bool? Read(ParsedOptions values, OptionKey key) => values.Text(key) switch
    {
        null => null,
        "on" => true,
        "off" => false,
        var text => throw new OptionException(values.SourceOf(key), $"'{text}' is neither on nor off", "give on or off"),
    };
}
