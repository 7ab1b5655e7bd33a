namespace Relay.Server.Shards;

/// <summary>How long the rounds of a shard took: what a client may have waited for others. One thread counts, any may read.</summary>
internal sealed class RoundTimes
{
    private readonly long[] _counts = new long[Bounds.Length + 1];

    /// <summary>The upper bounds of the classes but the last, in seconds.</summary>
    public static double[] Bounds { get; } = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05];

    /// <summary>Rounds by class: up to the bound of the same index, and above all bounds at the end.</summary>
    public IReadOnlyList<long> Counts => _counts;

    public void Count(TimeSpan time)
    {
        double seconds = time.TotalSeconds;
        int index = 0;
        while (index < Bounds.Length && seconds > Bounds[index]) index++;
        Volatile.Write(ref _counts[index], _counts[index] + 1);
    }
}
