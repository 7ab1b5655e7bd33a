using Addresses;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Core.Links;

/// <summary>
/// Reads from Linux's own tables, which anybody may, by which routers this machine's links are known: /proc/net/route and /proc/net/arp for
/// IPv4, /proc/net/ipv6_route for IPv6, whose routers' link-layer addresses stand in no such table.
/// </summary>
internal static class LinuxLinks
{
    /// <summary>Names the links, each with the name of the interface that is on it. One link may have several names.</summary>
    /// <param name="routes">The lines of /proc/net/route.</param>
    /// <param name="neighbours">The lines of /proc/net/arp.</param>
    /// <param name="ipv6Routes">The lines of /proc/net/ipv6_route.</param>
    public static IEnumerable<(string Interface, ushort Id)> Names(IEnumerable<string> routes, IReadOnlyList<string> neighbours, IEnumerable<string> ipv6Routes)
    {
        LinuxIpv6Routes.Route[] table = LinuxIpv6Routes.Read(ipv6Routes);
        IEnumerable<(string, ushort)> ipv6 =
            from route in table.Where(route => route.Gateway.IsValid).DistinctBy(route => (route.Interface, route.Gateway)).Take(LinuxRoutes.MaxRouters)
            from id in LinkId.OfRouter(route.Gateway, table.Where(other => other.Interface == route.Interface && !other.Gateway.IsValid).Select(other => other.Prefix))
            select (route.Interface, id);
        IEnumerable<(string, ushort)> ipv4 = LinuxRoutes.Routers(routes, neighbours).Select(router => (router.Interface, LinkId.OfRouter(router.Router, router.LinkAddress)));
        return ipv6.Concat(ipv4).Distinct();
    }
}
