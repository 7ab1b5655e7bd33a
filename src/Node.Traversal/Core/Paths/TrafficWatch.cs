using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>When a peer's traffic is looked at: often while there is some, and not at all once it rests. The data plane tells when it begins.</summary>
internal sealed class TrafficWatch(PathTraffic traffic)
{
    /// <summary>How often: a fraction of the shortest suspicion.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(25);

    /// <summary>Traffic is watched until it has rested for this long.</summary>
    private static readonly TimeSpan WatchFor = TimeSpan.FromSeconds(1);

    /// <summary>When the next look is due; null = there is nothing to see.</summary>
    public Instant? Next { get; private set; }

    /// <summary>There is something to see.</summary>
    public void Begin(Instant now) => Next ??= now + Interval;

    /// <summary>Moves past the look that is due.</summary>
    /// <param name="now">The present.</param>
    /// <param name="mustGoOn">Says that there is something to see, traffic or not.</param>
    public void Take(Instant now, bool mustGoOn)
    {
        if (mustGoOn || traffic.IsWithin(WatchFor, now))
        {
            Next = now + Interval;
            return;
        }

        Instant? seen = traffic.LastSent;
        Next = null;
        traffic.StopWatching();
        if (traffic.LastSent != seen) Next = now + Interval; // Sent between the two: it was not told, for we were watching.
    }
}
