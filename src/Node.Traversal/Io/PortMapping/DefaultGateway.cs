using System.Buffers.Binary;
using System.Globalization;
using Addresses;

namespace Node.Traversal.Io.PortMapping;

/// <summary>Finds the IPv4 default gateway in Linux's main routing table.</summary>
internal static class DefaultGateway
{
    private const string RoutesFile = "/proc/net/route";
    private const int MaxRoutes = 10_000; // Some routers carry hundreds of thousands; the default route stands at the top.
    private const int FlagUp = 1;
    private const int FlagGateway = 2;

    /// <summary>The gateway of the default route with the lowest metric; not valid where there is none, or the table cannot be read.</summary>
    public static TransportAddress Find()
    {
        if (!OperatingSystem.IsLinux()) return default;
        try
        {
            return Find(File.ReadLines(RoutesFile));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return default; // No table, no gateway.
        }
    }

    /// <summary>Finds it in the table's lines: interface, destination, gateway, flags, two counters, metric, mask, and more; addresses in hexadecimal, byte order of the machine.</summary>
    public static TransportAddress Find(IEnumerable<string> lines)
    {
        TransportAddress best = default;
        long lowest = long.MaxValue;
        foreach (string line in lines.Take(MaxRoutes))
        {
            string[] words = line.Split('\t', StringSplitOptions.TrimEntries);
            if (words.Length < 8 || !TryHex(words[1], out uint destination) || !TryHex(words[2], out uint gateway) || !TryHex(words[3], out uint flags) || !TryHex(words[7], out uint mask)) continue;
            bool isDefault = destination == 0 && mask == 0 && (flags & (FlagUp | FlagGateway)) == (FlagUp | FlagGateway) && gateway != 0;
            if (!isDefault || !long.TryParse(words[6], NumberStyles.None, CultureInfo.InvariantCulture, out long metric) || metric >= lowest) continue;
            lowest = metric;
            best = TransportAddress.FromIpv4(BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(gateway) : gateway, 0);
        }

        return best;
    }

    private static bool TryHex(string text, out uint value) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
