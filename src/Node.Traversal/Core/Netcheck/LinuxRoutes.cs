using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using Addresses;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Understands Linux's own tables for IPv4: who the gateways are, and what network they stand in. Lines of /proc/net/route are interface, destination,
/// gateway, flags, two counters, metric, mask, and more; addresses are in hexadecimal, in the machine's byte order.
/// </summary>
internal static class LinuxRoutes
{
    /// <summary>Lines beyond this are not read: some machines carry the whole internet's table, and the default route stands at the top.</summary>
    public const int MaxLines = 10_000;

    /// <summary>Routers beyond this are not looked up: a machine that has so many is one itself.</summary>
    public const int MaxRouters = 16;

    private const uint FlagUp = 1;
    private const uint FlagGateway = 2;
    private const string NoLinkAddress = "00:00:00:00:00:00";

    /// <summary>Names the network that the tables show.</summary>
    /// <param name="routes">The lines of /proc/net/route.</param>
    /// <param name="neighbours">The lines of /proc/net/arp: address, hardware type, flags, link-layer address, mask, interface.</param>
    public static NetworkFingerprint Fingerprint(IEnumerable<string> routes, IEnumerable<string> neighbours)
    {
        Route[] table = ReadIpv4(routes);
        if (WayOut(table) is not { } way) return NetworkFingerprint.None;

        Route? local = table.Where(route => route.Interface == way.Interface && route.Gateway == 0 && (way.Gateway & route.Mask) == route.Destination && route.Mask != 0).MaxBy(route => route.Mask);
        TransportAddress gateway = TransportAddress.FromIpv4(way.Gateway, 0);
        IpPrefix? prefix = local is null ? null : IpPrefix.Create(TransportAddress.FromIpv4(local.Destination, 0).ToIPAddress(), BitOperations.PopCount(local.Mask));
        return NetworkFingerprint.Of(gateway, LinkAddressOf(neighbours, gateway.ToIPAddress().ToString(), way.Interface), prefix);
    }

    /// <summary>The gateway of the default route with the lowest metric, from the lines of /proc/net/route; not valid where there is none.</summary>
    public static TransportAddress FindIpv4Gateway(IEnumerable<string> routes) => WayOut(ReadIpv4(routes)) is { } way ? TransportAddress.FromIpv4(way.Gateway, 0) : default;

    /// <summary>Lists the IPv4 routers on this machine's links whose link-layer addresses are known, each with the interface that leads there. At most <see cref="MaxRouters"/> are looked at.</summary>
    public static IEnumerable<(string Interface, TransportAddress Router, string LinkAddress)> Routers(IEnumerable<string> routes, IReadOnlyList<string> neighbours) =>
        from route in ReadIpv4(routes).Where(route => route.Gateway != 0).DistinctBy(route => (route.Interface, route.Gateway)).Take(MaxRouters)
        let router = TransportAddress.FromIpv4(route.Gateway, 0)
        let linkAddress = LinkAddressOf(neighbours, router.ToIPAddress().ToString(), route.Interface)
        where linkAddress.Length > 0
        select (route.Interface, router, linkAddress);

    /// <summary>Says whether a route is up and leads to a router.</summary>
    public static bool IsGateway(uint flags) => (flags & (FlagUp | FlagGateway)) == (FlagUp | FlagGateway);

    private static Route? WayOut(Route[] table) => table.Where(route => route is { Mask: 0, Destination: 0, Gateway: not 0 }).MinBy(route => route.Metric);

    private static string LinkAddressOf(IEnumerable<string> neighbours, string gateway, string link)
    {
        foreach (string line in neighbours.Take(MaxLines))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 6 && words[0] == gateway && words[5] == link && words[3] != NoLinkAddress) return words[3].ToLowerInvariant();
        }

        return "";
    }

    private static Route[] ReadIpv4(IEnumerable<string> lines) => [.. lines.Take(MaxLines).Select(ReadIpv4).OfType<Route>()];

    private static Route? ReadIpv4(string line)
    {
        string[] words = line.Split('\t', StringSplitOptions.TrimEntries);
        bool isRoute = words.Length >= 8
            & TryHex(words, 1, out uint destination) & TryHex(words, 2, out uint gateway) & TryHex(words, 3, out uint flags) & TryHex(words, 7, out uint mask);
        if (!isRoute || (flags & FlagUp) == 0 || !long.TryParse(words[6], NumberStyles.None, CultureInfo.InvariantCulture, out long metric)) return null;
        return new Route(words[0], Ordered(destination), IsGateway(flags) ? Ordered(gateway) : 0, Ordered(mask), metric);
    }

    private static bool TryHex(string[] words, int index, out uint value)
    {
        value = 0;
        return index < words.Length && TryHex(words[index], out value);
    }

    private static bool TryHex(string text, out uint value) => uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);

    private static uint Ordered(uint value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    /// <summary>A route in the host's byte order.</summary>
    /// <param name="Interface">The interface it leads out by.</param>
    /// <param name="Destination">Where it leads.</param>
    /// <param name="Gateway">By which router; 0 = straight onto the link.</param>
    /// <param name="Mask">How much of the destination counts.</param>
    /// <param name="Metric">The lowest wins.</param>
    private sealed record Route(string Interface, uint Destination, uint Gateway, uint Mask, long Metric);
}
