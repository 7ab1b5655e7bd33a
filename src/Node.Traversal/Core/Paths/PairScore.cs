using Addresses;

namespace Node.Traversal.Core.Paths;

/// <summary>What a pair is worth: its round trip, weighed by the kind of address. Less is better.</summary>
internal readonly record struct PairScore(double CostMicroseconds, bool IsLocal)
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
        bool isLocal = scope is AddressScope.Private or AddressScope.LinkLocal or AddressScope.Loopback;
        if (isLocal) cost *= PrivateWeight;
        if (pair.Id.Remote.IsIpv6) cost *= Ipv6Weight;
        return new PairScore(cost, isLocal);
    }

    /// <summary>Says whether this is enough better than <paramref name="other"/> to switch.</summary>
    /// <remarks>Within one network no switch is too small: what a router turns back at its public side stays its burden otherwise.</remarks>
    public bool Beats(PairScore other)
    {
        if (IsLocal && !other.IsLocal) return CostMicroseconds <= other.CostMicroseconds;
        return CostMicroseconds < other.CostMicroseconds * SwitchRatio && other.CostMicroseconds - CostMicroseconds > SwitchMarginMicroseconds;
    }
}
