using Relay.Protocol.Disco;

namespace Simulation;

/// <summary>A NAT's profile as it is built: what a discovery that fails in nothing finds out.</summary>
internal static class TrueProfile
{
    /// <summary>The profile of a kind; null = no NAT and no firewall.</summary>
    public static NatProfile Of(NatKind? kind)
    {
        if (kind is null)
        {
            return new NatProfile(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.EndpointIndependent, Allocation = NatPortAllocation.Preserving };
        }

        bool isConfined = kind.HighestPort - kind.LowestPort < 16384 && !kind.PreservesPorts && kind.PortStep == 0;
        return new NatProfile(MappingOf(kind.Mapping), UdpReach.Works)
        {
            Filtering = FilteringOf(kind.Filtering),
            Allocation = kind.PreservesPorts ? NatPortAllocation.Preserving : kind.PortStep != 0 ? NatPortAllocation.Sequential : NatPortAllocation.Random,
            PortStep = (short)(kind.PreservesPorts ? 0 : kind.PortStep),
            LowestPort = isConfined ? kind.LowestPort : (ushort)0,
            HighestPort = isConfined ? kind.HighestPort : (ushort)0,
            Hairpins = kind.Hairpins,
        };
    }

    private static NatMapping MappingOf(Mapping mapping) => mapping switch
    {
        Mapping.EndpointIndependent => NatMapping.EndpointIndependent,
        Mapping.AddressDependent => NatMapping.AddressDependent,
        _ => NatMapping.AddressAndPortDependent,
    };

    private static NatFiltering FilteringOf(Filtering filtering) => filtering switch
    {
        Filtering.EndpointIndependent => NatFiltering.EndpointIndependent,
        Filtering.AddressDependent => NatFiltering.AddressDependent,
        _ => NatFiltering.AddressAndPortDependent,
    };
}
