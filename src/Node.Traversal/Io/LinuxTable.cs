namespace Node.Traversal.Io;

/// <summary>Reads Linux's own tables in /proc/net. Elsewhere, and where one cannot be read, it is as if it were empty.</summary>
internal static class LinuxTable
{
    /// <summary>The IPv4 routes of the main table.</summary>
    public const string Ipv4Routes = "/proc/net/route";

    /// <summary>The IPv6 routes.</summary>
    public const string Ipv6Routes = "/proc/net/ipv6_route";

    /// <summary>The IPv4 neighbours and their link-layer addresses.</summary>
    public const string Ipv4Neighbours = "/proc/net/arp";

    /// <summary>The lines of a table, one after the other as they are asked for.</summary>
    public static IEnumerable<string> Read(string file)
    {
        using StreamReader? table = Open(file);
        while (NextLine(table) is { } line) yield return line;
    }

    private static StreamReader? Open(string file)
    {
        if (!OperatingSystem.IsLinux()) return null;
        try
        {
            return new StreamReader(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? NextLine(StreamReader? table)
    {
        try
        {
            return table?.ReadLine();
        }
        catch (IOException)
        {
            return null;
        }
    }
}
