using Addresses;
using Node.Traversal.Core.Stun;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Netcheck;

/// <summary>Puts together what different ways of asking have shown of one NAT.</summary>
internal static class NatProfiles
{
    /// <summary>What providers give to customers behind their NATs (RFC 6598).</summary>
    private static readonly IpPrefix Carriers = IpPrefix.TryParse("100.64.0.0/10", out IpPrefix shared) ? shared : default;

    /// <summary>A discovery's findings as a profile.</summary>
    public static NatProfile Of(NatBehavior found)
    {
        if (!found.IsAnswered) return default;
        PortAllocation ports = found.PortAllocation;
        (ushort lowest, ushort highest) = ports.IsConfined ? BlockAround(ports.Lowest, ports.Highest) : default;
        return new NatProfile(MappingOf(found.Mapping), UdpReach.Works)
        {
            Filtering = FilteringOf(found.Filtering),
            Allocation = AllocationOf(ports.Pattern),
            PortStep = (short)ports.Step,
            LowestPort = lowest,
            HighestPort = highest,
            Hairpins = found.Hairpinning,
        };
    }

    /// <summary>Completes one finding by a further one, from another server: what the first could not tell.</summary>
    public static NatProfile Complete(NatProfile first, NatProfile further) => first with
    {
        Mapping = first.Mapping is NatMapping.Unknown or NatMapping.EndpointDependent && further.Mapping != NatMapping.Unknown ? further.Mapping : first.Mapping,
        Udp = first.Udp == UdpReach.Works ? first.Udp : further.Udp,
        Filtering = (first.Filtering, further.Filtering) switch
        {
            (NatFiltering.Unknown, _) => further.Filtering,
            (NatFiltering.AddressDependent, NatFiltering.EndpointIndependent) => further.Filtering, // All that a server with one address can tell is the lesser.
            _ => first.Filtering,
        },
        Allocation = first.Allocation == NatPortAllocation.Unknown ? further.Allocation : first.Allocation,
        PortStep = first.Allocation == NatPortAllocation.Unknown ? further.PortStep : first.PortStep,
        LowestPort = first.HighestPort == 0 ? further.LowestPort : first.LowestPort,
        HighestPort = first.HighestPort == 0 ? further.HighestPort : first.HighestPort,
        Hairpins = first.Hairpins ?? further.Hairpins,
        LifetimeSeconds = first.LifetimeSeconds == 0 ? further.LifetimeSeconds : first.LifetimeSeconds,
    };

    /// <summary>
    /// What is so of the node's own port. The servers that see that port decide whether its mapping depends on the destination: a discovery
    /// has ports of its own, and one server's word. But out of a small block of ports two servers see the same one by chance, and would ever
    /// after: there a discovery that has seen it differ is right. How exactly it depends, and all the rest, only a discovery tells.
    /// </summary>
    public static NatProfile Merge(NatProfile live, NatProfile found) => found with
    {
        Udp = live.Udp,
        Mapping = live.Mapping switch
        {
            NatMapping.Unknown => found.Mapping,
            NatMapping.EndpointDependent when found.IsHard => found.Mapping,
            NatMapping.EndpointIndependent when found.IsHard && found.HighestPort != 0 => found.Mapping,
            _ => live.Mapping,
        },
    };

    /// <summary>Completes the IPv4 profile by what the gateway tells, and the addresses on the way.</summary>
    /// <param name="profile">What is known otherwise.</param>
    /// <param name="gateway">What the gateway offers, and what its own address is.</param>
    /// <param name="seen">Where STUN servers see us: one of a provider's network sees the inside of its NAT.</param>
    public static NatProfile WithGateway(NatProfile profile, PortMappingStatus gateway, IEnumerable<TransportAddress> seen)
    {
        TransportAddress[] outside = [.. new[] { gateway.Pcp, gateway.NatPmp, gateway.Upnp }.OfType<PortMappingOffer>().Select(offer => offer.External)];
        bool isCarrierBeyond = outside.Any(Carriers.Contains);
        return profile with
        {
            IsNested = profile.IsNested || isCarrierBeyond || gateway.State == PortMappingState.NestedNat,
            IsCarrierGrade = profile.IsCarrierGrade || isCarrierBeyond || Carriers.Contains(gateway.Local) || seen.Any(Carriers.Contains),
            OffersPortMapping = profile.OffersPortMapping || gateway.Offered != PortMappingProtocols.None,
        };
    }

    /// <summary>The block that samples came from reaches, at either end, about as far beyond them as they lie apart.</summary>
    private static (ushort Lowest, ushort Highest) BlockAround(ushort lowest, ushort highest)
    {
        int gap = (highest - lowest) / (AllocationTest.MaxSamples - 1);
        return ((ushort)Math.Max(1, lowest - gap), (ushort)Math.Min(ushort.MaxValue, highest + gap));
    }

    private static NatMapping MappingOf(MappingBehavior mapping) => mapping switch
    {
        MappingBehavior.EndpointIndependent => NatMapping.EndpointIndependent,
        MappingBehavior.AddressDependent => NatMapping.AddressDependent,
        MappingBehavior.AddressAndPortDependent => NatMapping.AddressAndPortDependent,
        _ => NatMapping.Unknown,
    };

    private static NatFiltering FilteringOf(FilteringBehavior filtering) => filtering switch
    {
        FilteringBehavior.EndpointIndependent => NatFiltering.EndpointIndependent,
        FilteringBehavior.AddressDependent => NatFiltering.AddressDependent,
        FilteringBehavior.AddressAndPortDependent => NatFiltering.AddressAndPortDependent,
        _ => NatFiltering.Unknown,
    };

    private static NatPortAllocation AllocationOf(PortAllocationPattern pattern) => pattern switch
    {
        PortAllocationPattern.Preserving => NatPortAllocation.Preserving,
        PortAllocationPattern.Sequential => NatPortAllocation.Sequential,
        PortAllocationPattern.Random => NatPortAllocation.Random,
        _ => NatPortAllocation.Unknown,
    };
}
