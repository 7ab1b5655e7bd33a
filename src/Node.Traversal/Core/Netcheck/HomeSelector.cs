using Node.Traversal.Core.RelayMaps;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Chooses the node's home: the region with the lowest latency at start. It stays, but where it cannot be reached; where no latency is
/// known (UDP blocked), the node's meeting region serves, for there it is connected anyway.
/// </summary>
internal sealed class HomeSelector(NodeContext context)
{
    /// <summary>How long slower regions are waited for once one has answered.</summary>
    private static readonly TimeSpan PatienceAfterFirst = TimeSpan.FromMilliseconds(300);

    private Instant? _firstAnswer;
    private bool _isChosenByLatency;

    /// <summary>When <see cref="Choose"/> may come to another result; null = only after another input.</summary>
    public Instant? NextTimeout => context.HomeRegion == 0 && _firstAnswer is { } first ? first + PatienceAfterFirst : null;

    /// <summary>Says where home is now.</summary>
    /// <param name="stun">The latencies.</param>
    /// <param name="now">The present.</param>
    /// <returns>The region; 0 = not yet known, or there is none.</returns>
    public int Choose(StunProber stun, Instant now)
    {
        int current = context.HomeRegion;
        if (context.Moves.NewHome(current) is var moved and not 0) return moved; // Its relay is about to end, and the next is connected.

        bool isCurrentGood = current != 0 && context.Map.Find(current) is { MayBeHome: true } && !context.IsUnreachable(current, now);
        if (isCurrentGood && _isChosenByLatency) return current;

        RelayRegion[] reachable = [.. context.Map.Regions.Where(region => region.MayBeHome && !context.IsUnreachable(region.Id, now) && (region.Id == current || !context.Moves.IsLeaving(region.Id)))];
        RelayRegion[] measured = [.. reachable.Where(region => stun.LatencyOf(region.Id) is not null)];
        if (measured.Length > 0)
        {
            _firstAnswer ??= now;
            bool isComplete = measured.Length == reachable.Length || now - _firstAnswer >= PatienceAfterFirst || stun.HasCompletedCycle;
            if (!isComplete) return current;
            _isChosenByLatency = true;
            return measured.MinBy(region => stun.LatencyOf(region.Id))!.Id;
        }

        _isChosenByLatency = false;
        _firstAnswer = null;
        if (isCurrentGood) return current;
        if (!stun.HasCompletedCycle) return 0;
        int[] ranked = MeetingRegions.Rank(context.OwnKey, context.Map);
        foreach (int region in ranked)
        {
            if (!context.IsUnreachable(region, now) && !context.Moves.IsLeaving(region)) return region;
        }

        return current != 0 && ranked.Contains(current) ? current : ranked.FirstOrDefault(); // All are out of reach: wait where we would be.
    }
}
