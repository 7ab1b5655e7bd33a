using Addresses;

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

    /// <summary>The most ports of one address that a peer's list may name: more is a port scan in the peer's name.</summary>
    public const int MaxPortsOfAddress = 8;

    /// <summary>Ports below this belong to services: a peer is tried there only once it has spoken from there.</summary>
    public const ushort LowestAnnouncedPort = 1024;

    /// <summary>Clouds' metadata services outside 169.254.0.0/16: they hand out credentials, and are no peer's.</summary>
    private static readonly IpPrefix[] MetadataServices = [Single("fd00:ec2::254"), Single("100.100.100.200"), Single("168.63.129.16")];

    private readonly List<IpPrefix> _tunnelRanges = [];
    private readonly HashSet<UInt128> _tunnelAddresses = [];
    private readonly HashSet<UInt128> _localAddresses = [];
    private readonly HashSet<UInt128> _gateways = [];

    /// <summary>Says that loopback addresses count.</summary>
    public bool AllowLoopback { get; set; }

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

    /// <summary>Picks from a peer's list what may be tried on its word alone.</summary>
    /// <param name="addresses">The list, best first.</param>
    /// <param name="isOurs">Says whether an address is a socket of this node.</param>
    public TransportAddress[] PickAnnounced(IEnumerable<TransportAddress> addresses, Func<TransportAddress, bool> isOurs)
    {
        Dictionary<UInt128, int> ports = [];
        return [.. addresses.Distinct().Where(address => IsAnnounceable(address) && !isOurs(address) && IsWithinLimit(address))];

        bool IsWithinLimit(TransportAddress address) => (ports[address.Bits] = ports.GetValueOrDefault(address.Bits) + 1) <= MaxPortsOfAddress;
    }

    /// <summary>Says whether a peer may be reached there, or may be speaking from there.</summary>
    public bool IsAllowed(TransportAddress address)
    {
        if (!address.IsValid || address.Port == 0 || _tunnelAddresses.Contains(address.Bits)) return false;

        AddressScope scope = AddressScopes.ScopeOf(address);
        if (scope is AddressScope.Unusable or AddressScope.LinkLocal) return false;
        if (scope == AddressScope.Loopback) return AllowLoopback;
        if (_localAddresses.Contains(address.Bits)) return true;
        return !IsForbidden(address) && !(AddressScopes.TryReadEmbedded(address, out TransportAddress embedded) && IsForbidden(embedded));
    }

    private bool IsForbidden(TransportAddress address)
    {
        foreach (IpPrefix range in _tunnelRanges)
        {
            if (range.Contains(address)) return true;
        }

        foreach (IpPrefix service in MetadataServices)
        {
            if (service.Contains(address)) return true;
        }

        return _tunnelAddresses.Contains(address.Bits);
    }

    private bool IsAnnounceable(TransportAddress address)
    {
        if (!IsAllowed(address) || address.Port < LowestAnnouncedPort || _gateways.Contains(address.Bits)) return false;
        return !AddressScopes.TryReadEmbedded(address, out TransportAddress embedded) || AddressScopes.ScopeOf(embedded) == AddressScope.Global; // No LAN lies behind a translator.
    }

    private static IpPrefix Single(string address) => IpPrefix.TryParse(address, out IpPrefix prefix) ? prefix : throw new FormatException(address);

    private static void Replace(HashSet<UInt128> set, IEnumerable<TransportAddress> addresses)
    {
        set.Clear();
        foreach (TransportAddress address in addresses) set.Add(address.Bits);
    }
}
