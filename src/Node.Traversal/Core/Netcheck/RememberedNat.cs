using Addresses;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Netcheck;

/// <summary>What was found out of a network's NAT or firewall for one family when the node was last there.</summary>
/// <param name="Address">The public address that went with it; its port says nothing.</param>
/// <param name="Profile">What was found out.</param>
internal readonly record struct RememberedNat(TransportAddress Address, NatProfile Profile)
{
    /// <summary>An IPv6 host takes another address in its network every day.</summary>
    private const int Ipv6HostBits = 64;

    /// <summary>
    /// Says whether it may still be so. Until STUN has shown a public address it may, and after that only where the address is the same; where
    /// UDP is silent, nothing bears it out; and what is seen or found out now is right where the two differ.
    /// </summary>
    /// <param name="address">The public address at present; not valid = none was shown yet, or servers are at odds over it.</param>
    /// <param name="live">What the servers see of the node's own port.</param>
    /// <param name="found">What a discovery has found out since the node came here.</param>
    public bool Holds(TransportAddress address, NatProfile live, NatProfile found)
    {
        bool isElsewhere = address.IsValid && !IsSameHost(address);
        return !isElsewhere && live.Udp != UdpReach.Blocked && !IsContradictedBy(live, found);
    }

    private bool IsSameHost(TransportAddress address) =>
        address.IsIpv4 == Address.IsIpv4 && (address.IsIpv4 ? address.Bits == Address.Bits : address.Bits >> Ipv6HostBits == Address.Bits >> Ipv6HostBits);

    private bool IsContradictedBy(NatProfile live, NatProfile found)
    {
        bool isMappingSeenOtherwise = Profile.Mapping != NatMapping.Unknown && NatProfiles.Merge(live, Profile).IsHard != Profile.IsHard;
        bool isMappingOther = found.Mapping != NatMapping.Unknown && Profile.Mapping != NatMapping.Unknown && found.IsHard != Profile.IsHard;
        bool isFilteringOther = found.Filtering != NatFiltering.Unknown && Profile.Filtering != NatFiltering.Unknown && found.Filtering != Profile.Filtering;
        bool isAllocationOther = found.Allocation != NatPortAllocation.Unknown && Profile.Allocation != NatPortAllocation.Unknown && found.Allocation != Profile.Allocation;
        return isMappingSeenOtherwise || isMappingOther || isFilteringOther || isAllocationOther;
    }
}
