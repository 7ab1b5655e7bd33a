using System.Runtime.CompilerServices;

namespace Relay.Server.Core;

/// <summary>How long the packets of one take have waited, in the buckets of a histogram: counted on the stack, and added to the relay's counters once.</summary>
internal struct QueueWaits
{
    /// <summary>The number of buckets; the last has no bound.</summary>
    public const int Buckets = 11;

    private static readonly TimeSpan[] AllBounds = [.. new double[] { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000 }.Select(milliseconds => TimeSpan.FromMilliseconds(milliseconds))];

    private Counts _counts;

    /// <summary>The upper bounds of all buckets but the last.</summary>
    public static ReadOnlySpan<TimeSpan> Bounds => AllBounds;

    /// <summary>All waits added up, in ticks.</summary>
    public long TotalTicks { get; private set; }

    /// <summary>The packets in a bucket.</summary>
    public readonly int this[int bucket] => _counts[bucket];

    public void Count(TimeSpan wait)
    {
        int bucket = 0;
        while (bucket < Buckets - 1 && wait > AllBounds[bucket]) bucket++;
        _counts[bucket]++;
        TotalTicks += wait.Ticks;
    }

    [InlineArray(Buckets)]
    private struct Counts
    {
        private int _first;
    }
}
