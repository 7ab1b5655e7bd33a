using System.Globalization;
using System.Net;
using Addresses;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Core.Links;

/// <summary>
/// Reads from Linux's own tables, which anybody may, by which routers this machine's links are known: /proc/net/route and /proc/net/arp for
/// IPv4, /proc/net/ipv6_route for IPv6, whose routers' link-layer addresses stand in no such table.
/// </summary>
internal static class LinuxLinks
{
    private const int Ipv6Words = 10;
    private const int AddressDigits = 32;
    private const uint FlagUp = 1;
    private const uint FlagGateway = 2;

    /// <summary>Names the links, each with the name of the interface that is on it. One link may have several names.</summary>
    /// <param name="routes">The lines of /proc/net/route.</param>
    /// <param name="neighbours">The lines of /proc/net/arp.</param>
    /// <param name="ipv6Routes">The lines of /proc/net/ipv6_route: destination, its length, source, its length, gateway, metric, two counters, flags, interface; all hexadecimal.</param>
    public static IEnumerable<(string Interface, ushort Id)> Names(IEnumerable<string> routes, IReadOnlyList<string> neighbours, IEnumerable<string> ipv6Routes)
    {
        Route[] table = [.. ipv6Routes.Take(LinuxRoutes.MaxLines).Select(Parse).OfType<Route>()];
        IEnumerable<(string, ushort)> ipv6 =
            from route in table.Where(route => route.Gateway.IsValid).DistinctBy(route => (route.Interface, route.Gateway)).Take(LinuxRoutes.MaxRouters)
            from id in LinkId.OfRouter(route.Gateway, table.Where(other => other.Interface == route.Interface && !other.Gateway.IsValid).Select(other => other.Prefix))
            select (route.Interface, id);
        IEnumerable<(string, ushort)> ipv4 = LinuxRoutes.Routers(routes, neighbours).Select(router => (router.Interface, LinkId.OfRouter(router.Router, router.LinkAddress)));
        return ipv6.Concat(ipv4).Distinct();
    }

    private static Route? Parse(string line)
    {
        string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < Ipv6Words || !TryAddress(words[0], out UInt128 destination) || !TryAddress(words[4], out UInt128 gateway)) return null;
        if (!TryHex(words[1], out uint length) || length > 128 || !TryHex(words[8], out uint flags) || (flags & FlagUp) == 0) return null;
        IPAddress network = TransportAddress.FromIpv6(destination, 0).ToIPAddress();
        if (network.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6) return null;
        TransportAddress router = (flags & FlagGateway) != 0 && gateway != 0 ? TransportAddress.FromIpv6(gateway, 0) : default;
        return new Route(words[9], IpPrefix.Create(network, (int)length), router);
    }

    private static bool TryAddress(string text, out UInt128 address)
    {
        address = 0;
        return text.Length == AddressDigits && UInt128.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out address);
    }

    private static bool TryHex(string text, out uint value) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    private sealed record Route(string Interface, IpPrefix Prefix, TransportAddress Gateway);
}
