using System.Net.NetworkInformation;
using Addresses;
using Node.Traversal.Core.Links;
using Relay.Protocol.Disco;

namespace Node.Traversal.Io;

/// <summary>Reads which links the machine is on and its link-local addresses there, on Linux; elsewhere no link can be named.</summary>
internal static class LinkReader
{
    private const string RoutesFile = "/proc/net/route";
    private const string NeighboursFile = "/proc/net/arp";
    private const string Ipv6RoutesFile = "/proc/net/ipv6_route";

    /// <summary>Reads them; at most <see cref="AnnouncedLink.MaxLinks"/>, always in one order.</summary>
    /// <param name="interfaces">The interfaces that count: WireGuard's own not among them.</param>
    /// <exception cref="NetworkInformationException">An interface has gone away while it was read.</exception>
    public static OwnLink[] Read(IEnumerable<NetworkInterface> interfaces)
    {
        if (!OperatingSystem.IsLinux()) return [];
        (string Interface, ushort Id)[] names = ReadNames();
        if (names.Length == 0) return [];

        return [..
            (from network in interfaces
             let addresses = LinkLocalOf(network)
             where addresses.Length > 0
             from name in names
             where name.Interface == network.Name
             orderby addresses[0].Zone, name.Id
             select new OwnLink(name.Id, addresses[0].Zone, addresses)).Take(AnnouncedLink.MaxLinks)];
    }

    private static (string Interface, ushort Id)[] ReadNames()
    {
        try
        {
            return [.. LinuxLinks.Names(Lines(RoutesFile), [.. Lines(NeighboursFile)], Lines(Ipv6RoutesFile))];
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return []; // No table, no name.
        }
    }

    /// <summary>A machine without IPv6, or without ARP, lacks the file.</summary>
    private static IEnumerable<string> Lines(string file) => File.Exists(file) ? File.ReadLines(file) : [];

    private static TransportAddress[] LinkLocalOf(NetworkInterface network) =>
        [.. from unicast in network.GetIPProperties().UnicastAddresses
            where unicast.Address is { IsIPv6LinkLocal: true, ScopeId: > 0 }
            let address = TransportAddress.From(unicast.Address, 0).WithZone((uint)unicast.Address.ScopeId)
            orderby address.Bits
            select address];
}
