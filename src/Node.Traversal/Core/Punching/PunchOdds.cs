namespace Node.Traversal.Core.Punching;

/// <summary>How likely two ends meet that know each other's ports only by the range they lie in.</summary>
internal static class PunchOdds
{
    /// <summary>One end has <paramref name="opened"/> of <paramref name="range"/> ports, the other tries <paramref name="tried"/> different ones: 1 − C(N−n,k)/C(N,k).</summary>
    public static double OneSide(int range, int opened, int tried)
    {
        if (opened + tried > range) return opened > 0 && tried > 0 ? 1 : 0;
        double missed = 1;
        for (int i = 0; i < tried; i++) missed *= (range - opened - i) / (double)(range - i);
        return 1 - missed;
    }

    /// <summary>Both ends send from ports that are not known to ports that are not known: 1 − exp(−x·y/(N·M)).</summary>
    public static double BothSides(int rangeHere, int rangeThere, int sentHere, int sentThere) =>
        1 - Math.Exp(-(double)sentHere * sentThere / ((double)rangeHere * rangeThere));
}
