using System.Net.NetworkInformation;
using Addresses;
using Node.Traversal.Core.Links;
using Relay.Protocol.Disco;

namespace Node.Traversal.Io;

/// <summary>Reads which links the machine is on and its link-local addresses there, on Linux; elsewhere no link can be named.</summary>
internal static class LinkReader
{
    /// <summary>Reads them; at most <see cref="AnnouncedLink.MaxLinks"/>, always in one order.</summary>
    /// <param name="interfaces">The interfaces that count: WireGuard's own not among them.</param>
    /// <exception cref="NetworkInformationException">An interface has gone away while it was read.</exception>
    public static OwnLink[] Read(IEnumerable<NetworkInterface> interfaces)
    {
        if (!OperatingSystem.IsLinux()) return [];
        (string Interface, ushort Id)[] names =
            [.. LinuxLinks.Names(LinuxTable.Read(LinuxTable.Ipv4Routes), [.. LinuxTable.Read(LinuxTable.Ipv4Neighbours)], LinuxTable.Read(LinuxTable.Ipv6Routes))];
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

    private static TransportAddress[] LinkLocalOf(NetworkInterface network) =>
        [.. from unicast in network.GetIPProperties().UnicastAddresses
            where unicast.Address is { IsIPv6LinkLocal: true, ScopeId: > 0 }
            let address = TransportAddress.From(unicast.Address, 0).WithZone((uint)unicast.Address.ScopeId)
            orderby address.Bits
            select address];
}
