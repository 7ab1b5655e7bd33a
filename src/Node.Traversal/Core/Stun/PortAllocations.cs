namespace Node.Traversal.Core.Stun;

/// <summary>One mapping: the local port and the public one.</summary>
internal readonly record struct PortSample(ushort Local, ushort Public);

/// <summary>Finds the rule behind public ports, in the order in which they were given.</summary>
internal static class PortAllocations
{
    /// <summary>Fewer mappings say nothing.</summary>
    private const int MinSamples = 4;

    /// <summary>A longer step than this between two mappings is no sequence. Other hosts behind the NAT take ports of it too.</summary>
    private const int LongestStep = 128;

    /// <summary>The longest step of a sequence whose steps differ, because other hosts take ports in between.</summary>
    private const int LongestIrregularStep = 16;

    /// <summary>Ports a NAT may choose from: all but the well-known ones.</summary>
    private const double AllPorts = 65536 - 1024;

    /// <summary>How seldom chance may look like a block.</summary>
    private const double Doubt = 0.001;

    public static PortAllocation Of(IReadOnlyList<PortSample> samples)
    {
        if (samples.Count == 0) return default;
        ushort lowest = samples.Min(sample => sample.Public);
        ushort highest = samples.Max(sample => sample.Public);
        if (samples.Count < MinSamples) return new PortAllocation(PortAllocationPattern.Unknown, 0, lowest, highest, false);

        // A port that another host has taken already cannot be kept: one in four may be another.
        int kept = samples.Count(sample => sample.Local == sample.Public);
        if (kept * 4 >= samples.Count * 3) return new PortAllocation(PortAllocationPattern.Preserving, 0, lowest, highest, false);

        int step = StepOf(samples);
        return step != 0
            ? new PortAllocation(PortAllocationPattern.Sequential, step, lowest, highest, false)
            : new PortAllocation(PortAllocationPattern.Random, 0, lowest, highest, IsConfined(samples.Count, highest - lowest));
    }

    /// <summary>The step of a sequence; 0 where there is none. All but one of the differences must fit: at the end of its range a sequence starts anew.</summary>
    private static int StepOf(IReadOnlyList<PortSample> samples)
    {
        int[] differences = [.. samples.Zip(samples.Skip(1), (one, next) => next.Public - one.Public)];
        int[] rising = [.. differences.Where(difference => difference is > 0 and <= LongestStep)];
        int[] falling = [.. differences.Where(difference => difference is < 0 and >= -LongestStep)];
        int[] steps = rising.Length >= falling.Length ? rising : falling;
        if (steps.Length < MinSamples - 2 || steps.Length < differences.Length - 1) return 0;

        // The most frequent one; of several the shortest, because other hosts only make steps longer.
        IGrouping<int, int> usual = steps.GroupBy(step => step).OrderByDescending(group => group.Count()).ThenBy(group => Math.Abs(group.Key)).First();

        // In a small block, chance alone makes short steps in one direction now and then: a sequence repeats its step, or takes tiny ones.
        bool isRegular = usual.Count() * 4 >= differences.Length * 3 || steps.All(step => Math.Abs(step) <= LongestIrregularStep);
        return isRegular ? usual.Key : 0;
    }

    /// <summary>The chance that n ports out of all lie within a span s is about n·s^(n-1), with s as a part of all ports.</summary>
    private static bool IsConfined(int count, int span) => count * Math.Pow((span + 1) / AllPorts, count - 1) < Doubt;
}
