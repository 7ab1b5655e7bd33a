using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Addresses;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Understands Linux's table of IPv6 routes. Lines of /proc/net/ipv6_route are destination, its length, source, its length, gateway, metric, two
/// counters, flags, interface; all but the last in hexadecimal.
/// </summary>
internal static class LinuxIpv6Routes
{
    private const int Words = 10;
    private const int AddressDigits = 32;
    private const int MaxPrefixLength = 128;
    private const uint FlagUp = 1;

    /// <summary>Reads the routes that are up, <see cref="LinuxRoutes.MaxLines"/> at most. What is no such line is passed over.</summary>
    public static Route[] Read(IEnumerable<string> lines) => [.. lines.Take(LinuxRoutes.MaxLines).Select(Parse).OfType<Route>()];

    /// <summary>The gateway of the default route with the lowest metric, and its interface; not valid where there is none.</summary>
    public static (TransportAddress Gateway, string Interface) FindGateway(IEnumerable<string> lines)
    {
        Route? way = Read(lines).Where(route => route is { Prefix.Length: 0, SourceLength: 0, Gateway.IsValid: true }).MinBy(route => route.Metric);
        return way is null ? (default, "") : (way.Gateway, way.Interface);
    }

    private static Route? Parse(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < Words || !TryAddress(words[0], out UInt128 destination) || !TryAddress(words[4], out UInt128 gateway)) return null;
        if (!TryHex(words[1], out uint length) || length > MaxPrefixLength || !TryHex(words[3], out uint sourceLength)) return null;
        if (!TryHex(words[5], out uint metric) || !TryHex(words[8], out uint flags) || (flags & FlagUp) == 0) return null;
        IPAddress network = TransportAddress.FromIpv6(destination, 0).ToIPAddress();
        if (network.AddressFamily != AddressFamily.InterNetworkV6) return null;
        TransportAddress router = LinuxRoutes.IsGateway(flags) && gateway != 0 ? TransportAddress.FromIpv6(gateway, 0) : default;
        return new Route(words[9], IpPrefix.Create(network, (int)length), (int)sourceLength, router, metric);
    }

    private static bool TryAddress(string text, out UInt128 address)
    {
        address = 0;
        return text.Length == AddressDigits && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address);
    }

    private static bool TryHex(string text, out uint value) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    /// <summary>A route.</summary>
    /// <param name="Interface">The interface it leads out by.</param>
    /// <param name="Prefix">Where it leads.</param>
    /// <param name="SourceLength">How much of the source counts, in bits; 0 = it is anybody's.</param>
    /// <param name="Gateway">By which router; not valid = straight onto the link.</param>
    /// <param name="Metric">The lowest wins.</param>
    internal sealed record Route(string Interface, IpPrefix Prefix, int SourceLength, TransportAddress Gateway, uint Metric);
}
