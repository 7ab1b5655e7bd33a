namespace Node.Traversal.Core.Paths;

/// <summary>How often a path is checked that nothing else passes over: often enough for the less patient of the NATs at its ends.</summary>
internal static class KeepaliveInterval
{
    /// <summary>The share of a mapping's lifetime after which it is renewed: a lost check can be repeated in the rest.</summary>
    private const double ShareOfLifetime = 0.8;

    /// <summary>No NAT is worth more packets than this: RFC 4787 §4.3 wants two minutes of it.</summary>
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(4);

    /// <summary>What was measured may change, with another router or its load.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);

    /// <summary>The interval between two ends whose NATs keep an idle mapping for so many seconds; 0 = not known, and then not more than the usual is risked.</summary>
    public static TimeSpan For(int lifetimeHere, int lifetimeThere)
    {
        TimeSpan here = Of(lifetimeHere);
        TimeSpan there = Of(lifetimeThere);
        return here < there ? here : there;
    }

    private static TimeSpan Of(int lifetimeSeconds)
    {
        if (lifetimeSeconds == 0) return PathUpkeep.UsualKeepalive;
        TimeSpan interval = TimeSpan.FromSeconds(lifetimeSeconds) * ShareOfLifetime;
        return interval < Shortest ? Shortest : interval < Longest ? interval : Longest;
    }
}
