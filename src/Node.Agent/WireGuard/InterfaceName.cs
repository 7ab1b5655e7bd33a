using Settings;

namespace Node.Agent.WireGuard;

/// <summary>The name of a network interface.</summary>
internal static class InterfaceName
{
    /// <summary>What would be a good one, for messages.</summary>
    public const string Remedy = "give up to 15 letters, digits and _=+.-";

    private const int MaxLength = 15; // IFNAMSIZ - 1.
    private const string Suffix = ".conf";

    /// <summary>Says whether wg-quick would take the name. It also keeps anything but a name from being given to a program.</summary>
    public static bool IsGood(string name) =>
        name.Length is > 0 and <= MaxLength && name[0] != '-' && name is not ("." or "..") && name.All(letter => char.IsAsciiLetterOrDigit(letter) || "_=+.-".Contains(letter));

    /// <summary>The interface of a wg-quick file: the file's name without <c>.conf</c>, as with wg-quick.</summary>
    /// <exception cref="OptionException">The file's name is no interface's.</exception>
    public static string FromFile(string file)
    {
        string name = Path.GetFileName(file);
        if (name.EndsWith(Suffix, StringComparison.Ordinal)) name = name[..^Suffix.Length];
        return IsGood(name) ? name : throw new OptionException(file, $"'{name}' is no name of an interface", "give the interface with --interface NAME");
    }
}
