using Node.Traversal;
using Settings;

namespace Node.Agent;

/// <summary>Chooses the HTTP proxy to relays: what the command line says, else the wg-quick file, else the environment as other programs have it.</summary>
internal static class RelayProxyChoice
{
    /// <summary>What would be right, for messages.</summary>
    public const string Remedy = "write http://HOST:PORT, http://USER:PASSWORD@HOST:PORT with special characters as %XX, or off";

    private const string Off = "off";

    /// <summary>Reads what an option or the file says, where they say anything.</summary>
    /// <param name="text">The proxy, or <c>off</c>; null = they say nothing.</param>
    /// <param name="source">Where it is said, for messages.</param>
    /// <param name="variable">Gives a variable of the environment; null = it is not set.</param>
    /// <exception cref="OptionException">It is no proxy that can be used. The message never quotes it: a password may be in it.</exception>
    public static ProxySettings Read(string? text, string source, Func<string, string?> variable)
    {
        if (text == Off) return ProxySettings.None;
        try
        {
            return text is null ? ProxySettings.FromEnvironment(variable) : new ProxySettings(HttpProxy.Parse(text)).WithExceptions(variable);
        }
        catch (FormatException exception)
        {
            throw text is null
                ? new OptionException("the environment", exception.Message, "give --proxy off if relays are reached without")
                : new OptionException(source, exception.Message, Remedy);
        }
    }

    /// <summary>What the option says; null where it is not given.</summary>
    /// <exception cref="OptionException">It is no proxy that can be used.</exception>
    public static string? Checked(ParsedOptions values, OptionKey key)
    {
        string? text = values.Text(key);
        return text is not null && ProblemOf(text) is { } problem ? throw new OptionException(values.SourceOf(key), problem, Remedy) : text;
    }

    /// <summary>What is wrong with the text; null where nothing is. Never quotes it.</summary>
    public static string? ProblemOf(string text)
    {
        if (text == Off) return null;
        try
        {
            HttpProxy.Parse(text);
            return null;
        }
        catch (FormatException exception)
        {
            return exception.Message;
        }
    }
}
