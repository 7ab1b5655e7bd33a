using Relay.Protocol.Disco;

namespace Simulation;

/// <summary>The profile of a site's boxes as they are built: what a discovery that fails in nothing finds out.</summary>
internal static class TrueProfile
{
    public static NatProfile Of(SimSite site, bool isIpv4)
    {
        NatProfile profile = new(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.EndpointIndependent, Allocation = NatPortAllocation.Preserving };
        NatKind?[] boxes = isIpv4 ? [site.Nat?.Kind, site.Carrier?.Nat.Kind] : [site.Ipv6Firewall?.Kind];
        foreach (NatKind box in boxes.OfType<NatKind>()) profile = Behind(profile, box); // From the inside out.
        return profile with { IsNested = isIpv4 && site.Nat is { Kind.IsFirewall: false } && site.Carrier is not null, IsCarrierGrade = isIpv4 && site.Carrier is not null };
    }

    /// <summary>The harder mapping and the stricter filter show, and the ports of whoever does not keep those it is given.</summary>
    private static NatProfile Behind(NatProfile inner, NatKind box)
    {
        NatProfile profile = inner with
        {
            Mapping = Harder(inner.Mapping, MappingOf(box.Mapping)),
            Filtering = Stricter(inner.Filtering, FilteringOf(box.Filtering)),
            Hairpins = box.IsFirewall ? inner.Hairpins : box.Hairpins,
        };
        if (box.PreservesPorts && !box.IsHard) return profile;

        bool isRandom = box.PortStep == 0;
        return profile with
        {
            Allocation = isRandom ? NatPortAllocation.Random : NatPortAllocation.Sequential,
            PortStep = (short)box.PortStep,
            LowestPort = isRandom && box.IsConfined ? box.LowestPort : (ushort)0,
            HighestPort = isRandom && box.IsConfined ? box.HighestPort : (ushort)0,
        };
    }

    private static NatMapping Harder(NatMapping left, NatMapping right) => left > right ? left : right;

    private static NatFiltering Stricter(NatFiltering left, NatFiltering right) => left > right ? left : right;

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
