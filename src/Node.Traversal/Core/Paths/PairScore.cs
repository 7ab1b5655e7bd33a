using Addresses;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// What a pair is worth. Scores are in a total order, the best first: pairs that are reached before those that are not, then by cost, then
/// by name. Cost is the smoothed round trip, weighed by the kind of address, and what losses add to it. A switch takes more than a better
/// place in that order: see <see cref="Beats"/>.
/// </summary>
/// <param name="Reach">Whether checks are answered on it.</param>
/// <param name="WeighedRttMicroseconds">The round trip, less what the kind of address is worth.</param>
/// <param name="Id">The pair.</param>
internal readonly record struct PairScore(PairReach Reach, double WeighedRttMicroseconds, PairId Id) : IComparable<PairScore>
{
    // A switch must be worth it: packets overtake each other when the path changes.
    private const double SwitchRatio = 0.8;
    private const double SwitchMarginMicroseconds = 500;

    // A path inside one network has no NAT to keep open, and IPv6 mostly none.
    private const double PrivateWeight = 0.8;
    private const double Ipv6Weight = 0.9;

    /// <summary>What a loss of everything would cost; so one percent costs 10 ms, about what TCP loses by it.</summary>
    private const double FullLossMicroseconds = 1_000_000;

    /// <summary>Checks without which a loss is nothing but a loss.</summary>
    private const int MinLossSamples = 16;

    /// <summary>A pair is cleaner than another by this and two standard errors: less is chance.</summary>
    private const double LossMargin = 0.02;
    private const double StandardErrors = 2;

    /// <summary>How far single round trips lie from the mean: within this, two pairs are as fast as each other.</summary>
    public double JitterMicroseconds { get; init; }

    /// <summary>The share of checks lost, 0 to 1.</summary>
    public double Loss { get; init; }

    /// <summary>The checks that say so.</summary>
    public int LossSamples { get; init; }

    /// <summary>Says that the path stays inside one network.</summary>
    public bool IsLocal { get; init; }

    /// <summary>What pairs are compared by. Less is better.</summary>
    public double CostMicroseconds => WeighedRttMicroseconds + (LossSamples >= MinLossSamples ? Loss * FullLossMicroseconds : 0);

    /// <summary>The score of a pair at this moment.</summary>
    public static PairScore Of(CandidatePair pair, Instant now)
    {
        PairReach reach = pair.IsBarred(now) ? PairReach.Barred
            : pair.Rtt is null ? PairReach.Unanswered
            : pair.IsSilent(now) ? PairReach.Silent
            : PairReach.Answered;
        AddressScope scope = AddressScopes.ScopeOf(pair.Id.Remote);
        bool isLocal = scope is AddressScope.Private or AddressScope.LinkLocal or AddressScope.Loopback;
        double weight = (isLocal ? PrivateWeight : 1) * (pair.Id.Remote.IsIpv6 ? Ipv6Weight : 1);
        return new PairScore(reach, (pair.Rtt ?? TimeSpan.Zero).TotalMicroseconds * weight, pair.Id)
        {
            JitterMicroseconds = pair.RttVariation.TotalMicroseconds,
            Loss = pair.Loss.Share,
            LossSamples = pair.Loss.Samples,
            IsLocal = isLocal,
        };
    }

    /// <summary>The total order: negative where this is better.</summary>
    public int CompareTo(PairScore other)
    {
        if (Reach != other.Reach) return Reach.CompareTo(other.Reach);
        int byCost = CostMicroseconds.CompareTo(other.CostMicroseconds);
        return byCost != 0 ? byCost : Id.CompareTo(other.Id);
    }

    /// <summary>Says whether this is enough better than <paramref name="other"/> to switch. Of two pairs at most one beats the other.</summary>
    /// <remarks>Within one network no switch is too small: what a router turns back at its public side stays its burden otherwise.</remarks>
    public bool Beats(PairScore other)
    {
        if (Reach != other.Reach) return Reach < other.Reach;
        if (!IsEnoughBelow(CostMicroseconds, other.CostMicroseconds, other)) return false;
        return IsEnoughBelow(WeighedRttMicroseconds, other.WeighedRttMicroseconds, other) || IsCleanerThan(other);
    }

    private bool IsEnoughBelow(double cost, double othersCost, PairScore other)
    {
        if (IsLocal && !other.IsLocal) return cost <= othersCost;
        return cost < othersCost * SwitchRatio && othersCost - cost > SwitchMarginMicroseconds + (JitterMicroseconds + other.JitterMicroseconds) / 2;
    }

    private bool IsCleanerThan(PairScore other)
    {
        if (LossSamples < MinLossSamples || other.LossSamples < MinLossSamples) return false;
        double mean = (Loss + other.Loss) / 2;
        double standardError = Math.Sqrt(mean * (1 - mean) * (1.0 / LossSamples + 1.0 / other.LossSamples));
        return other.Loss - Loss >= LossMargin + StandardErrors * standardError;
    }
}

/// <summary>Whether a pair is reached, the best first.</summary>
internal enum PairReach
{
    /// <summary>Checks are answered.</summary>
    Answered,

    /// <summary>They were, and the latest are not.</summary>
    Silent,

    /// <summary>None ever was.</summary>
    Unanswered,

    /// <summary>Checks passed and data did not: it is not to be used for a while.</summary>
    Barred,
}
