using Addresses;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Core;

/// <summary>
/// Says which addresses may be candidates, ours and the peers'. Never a tunnel inside the tunnel: an address that routes into WireGuard
/// would make a path that carries itself.
/// </summary>
internal sealed class CandidateFilter
{
    /// <summary>
    /// A range shorter than this is a default route in disguise (0.0.0.0/0, 0.0.0.0/1, ::/0, 2000::/3): it says nothing of where an address
    /// is. There the firewall mark keeps our packets out of the tunnel, for all addresses alike.
    /// </summary>
    public const int ShortestTunnelRange = 8;

    /// <summary>Ports below belong to services: nobody is sent there on a stranger's word, though a peer may speak from there.</summary>
    public const ushort LowestAnnouncedPort = 1024;

    /// <summary>The most ports of one address that a peer's list may name: more is a port scan in the peer's name.</summary>
    public const int MaxPortsOfAddress = 8;

    /// <summary>Where clouds keep what only their own machines may ask for, besides the link-local 169.254.169.254.</summary>
    private static readonly UInt128[] MetadataServices = [Bits("[fd00:ec2::254]:0"), Bits("100.100.100.200:0"), Bits("168.63.129.16:0")];

    private readonly List<IpPrefix> _tunnelRanges = [];
    private readonly HashSet<UInt128> _tunnelAddresses = [];
    private readonly HashSet<UInt128> _localAddresses = [];
    private readonly HashSet<UInt128> _gateways = [];

    /// <summary>Says that loopback addresses count.</summary>
    public bool AllowLoopback { get; set; }

    /// <summary>How this network without IPv4 writes IPv4 addresses; null = it is none, or has no NAT64.</summary>
    public Nat64Prefix? Nat64 { get; set; }

    /// <summary>Takes the AllowedIPs of all peers.</summary>
    public void SetTunnelRanges(IEnumerable<IpPrefix> ranges)
    {
        _tunnelRanges.Clear();
        _tunnelRanges.AddRange(ranges.Where(range => range.Length >= ShortestTunnelRange));
    }

    /// <summary>Takes the addresses of the WireGuard interface.</summary>
    public void SetTunnelAddresses(IEnumerable<TransportAddress> addresses) => Replace(_tunnelAddresses, addresses);

    /// <summary>Takes the addresses of the other interfaces: these are real, whatever AllowedIPs say.</summary>
    public void SetLocalAddresses(IEnumerable<TransportAddress> addresses) => Replace(_localAddresses, addresses);

    /// <summary>Takes the routers of this machine's own links.</summary>
    public void SetGateways(IEnumerable<TransportAddress> addresses) => Replace(_gateways, addresses);

    /// <summary>Says whether a peer may be reached there, or may be speaking from there.</summary>
    public bool IsAllowed(TransportAddress address)
    {
        if (!address.IsValid || address.Port == 0 || IsRefused(address)) return false;

        // An IPv4 address inside an IPv6 one is where packets end: it must be allowed too.
        TransportAddress embedded = EmbeddedIn(address);
        return !embedded.IsValid || !IsRefused(embedded);
    }

    /// <summary>Says whether a peer that says it can be reached there is tried there: not at our own router, and at no private address behind a translator.</summary>
    public bool IsAnnounceable(TransportAddress address)
    {
        if (address.Port < LowestAnnouncedPort || !IsAllowed(address) || _gateways.Contains(address.Bits)) return false;
        TransportAddress embedded = EmbeddedIn(address);
        return !embedded.IsValid || AddressScopes.ScopeOf(embedded) == AddressScope.Global;
    }

    /// <summary>As <see cref="IsAnnounceable"/>, for a link-local address on a link that we share with the peer: not at the router, not at ourselves, and with nothing inside it.</summary>
    public bool IsAnnounceableOnLink(TransportAddress address) =>
        address.IsIpv6LinkLocal && address.Port >= LowestAnnouncedPort && !_gateways.Contains(address.Bits) && !_tunnelAddresses.Contains(address.Bits)
        && !EmbeddedIn(address).IsValid;

    private TransportAddress EmbeddedIn(TransportAddress address) =>
        Nat64 is { } prefix && prefix.Contains(address) ? prefix.Ipv4In(address) : AddressScopes.EmbeddedIn(address);

    private bool IsRefused(TransportAddress address)
    {
        if (_tunnelAddresses.Contains(address.Bits)) return true;

        AddressScope scope = AddressScopes.ScopeOf(address);
        if (scope is AddressScope.Unusable or AddressScope.LinkLocal || MetadataServices.Contains(address.Bits)) return true;
        if (scope == AddressScope.Loopback) return !AllowLoopback;
        if (_localAddresses.Contains(address.Bits)) return false;

        foreach (IpPrefix range in _tunnelRanges)
        {
            if (range.Contains(address)) return true;
        }

        return false;
    }

    private static UInt128 Bits(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address.Bits : throw new FormatException(text);

    private static void Replace(HashSet<UInt128> set, IEnumerable<TransportAddress> addresses)
    {
        set.Clear();
        foreach (TransportAddress address in addresses) set.Add(address.Bits);
    }
}
