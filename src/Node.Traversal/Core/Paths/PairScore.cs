using Addresses;

namespace Node.Traversal.Core.Paths;

/// <summary>What a pair is worth: its round trip, weighed by the kind of address. Less is better.</summary>
internal readonly record struct PairScore(double CostMicroseconds)
{
    // A switch must be worth it: packets overtake each other when the path changes.
    private const double SwitchRatio = 0.8;
    private const double SwitchMarginMicroseconds = 500;

    // A path inside one network has no NAT to keep open, and IPv6 mostly none.
    private const double PrivateWeight = 0.8;
    private const double Ipv6Weight = 0.9;

    /// <summary>The score of a pair whose checks were answered; null where none was.</summary>
    public static PairScore? Of(CandidatePair pair)
    {
        if (pair.Rtt is not { } rtt) return null;

        AddressScope scope = AddressScopes.ScopeOf(pair.Id.Remote);
        double cost = rtt.TotalMicroseconds;
        if (scope is AddressScope.Private or AddressScope.LinkLocal or AddressScope.Loopback) cost *= PrivateWeight;
        if (pair.Id.Remote.IsIpv6) cost *= Ipv6Weight;
        return new PairScore(cost);
    }

    /// <summary>Says whether this is enough better than <paramref name="other"/> to switch.</summary>
    public bool Beats(PairScore other) =>
        CostMicroseconds < other.CostMicroseconds * SwitchRatio && other.CostMicroseconds - CostMicroseconds > SwitchMarginMicroseconds;
}
