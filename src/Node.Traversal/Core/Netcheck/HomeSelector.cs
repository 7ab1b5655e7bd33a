using Node.Traversal.Core.RelayMaps;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Chooses the node's home: the region with the lowest latency of late. It stays where another is not clearly nearer, and while there is
/// evidence that it lives; one that was left because it could not be reached is gone back to. Where no latency is known at all, the node's
/// meeting region serves, for there it is connected anyway.
/// </summary>
internal sealed class HomeSelector(NodeContext context)
{
    /// <summary>How long slower regions are waited for once one has answered.</summary>
    private static readonly TimeSpan PatienceAfterFirst = TimeSpan.FromMilliseconds(300);

    /// <summary>Another region must be nearer by as much, and its latency no more than this share of home's: every move is announced to every peer.</summary>
    private static readonly TimeSpan NearerBy = TimeSpan.FromMilliseconds(10);
    private const double NearerShare = 2.0 / 3;

    /// <summary>Where the home was heard so recently, its silence to STUN does not count.</summary>
    private static readonly TimeSpan AliveWithin = TimeSpan.FromSeconds(8);

    /// <summary>How long a relay that was lost must have been connected again before home returns there: one that comes and goes is no home.</summary>
    private static readonly TimeSpan SteadyAfter = TimeSpan.FromSeconds(5);

    private Instant? _firstAnswer;
    private bool _isChosenByLatency;
    private int _lostHome;

    /// <summary>When <see cref="Choose"/> may come to another result; null = only after another input.</summary>
    public Instant? NextTimeout { get; private set; }

    /// <summary>Says where home is now. Sets the context's next home where there is to be another, once it is connected.</summary>
    /// <param name="stun">The latencies.</param>
    /// <param name="now">The present.</param>
    /// <returns>The region; 0 = not yet known, or there is none.</returns>
    public int Choose(StunProber stun, Instant now)
    {
        NextTimeout = null;
        int current = context.HomeRegion;
        int next = 0;
        int chosen = Decide(stun, current, ref next, now);
        if (context.NextHome != next) context.HaveRoutesChanged = true;
        context.NextHome = next;
        if (chosen != current && current != 0) NoteLeft(current, chosen, now);
        return chosen;
    }

    private int Decide(StunProber stun, int current, ref int next, Instant now)
    {
        if (context.Moves.NewHome(current) is var moved and not 0) return moved; // Its relay is about to end, and the next is connected.

        bool isCurrentGood = current != 0 && context.Map.Find(current) is { MayBeHome: true } && !context.IsUnreachable(current, now);
        if (!isCurrentGood) return ChooseAnew(stun, current, now);
        if (stun.Latencies.Rounds == 0) return current; // Nobody is known to be nearer.

        RelayRegion[] candidates = [.. CandidatesBeside(current).Where(region => stun.Latencies.IsInLastRound(region.Id))];
        int nearest = Nearest(stun, candidates.Where(region => !context.IsUnreachable(region.Id, now)));
        if (nearest == current) _isChosenByLatency = true;
        if (nearest == 0 || nearest == current || IsKept(stun.Latencies, current, nearest, now))
        {
            if (Nearest(stun, candidates) == _lostHome) next = _lostHome; // It answers, or did lately: its relay is tried until it is back.
            return current;
        }

        // Home moves only to a relay that is connected, so that nobody is told of a home where the node is not to be found.
        next = nearest;
        if (!context.IsConnected(nearest) || !IsSteady(nearest, now)) return current;
        _isChosenByLatency = true;
        return nearest;
    }

    /// <summary>There is no home, or it cannot be reached.</summary>
    private int ChooseAnew(StunProber stun, int current, Instant now)
    {
        RelayRegion[] reachable = [.. CandidatesBeside(current).Where(region => !context.IsUnreachable(region.Id, now))];
        RelayRegion[] measured = [.. reachable.Where(region => stun.LatencyOf(region.Id) is not null)];
        if (measured.Length > 0)
        {
            _firstAnswer ??= now;
            Instant patience = _firstAnswer.Value + PatienceAfterFirst;
            bool isComplete = measured.Length == reachable.Length || now >= patience || stun.HasCompletedCycle;
            if (!isComplete) NextTimeout = patience;
            if (!isComplete) return current;
            _isChosenByLatency = true;
            return Nearest(stun, measured);
        }

        _isChosenByLatency = false;
        _firstAnswer = null;
        if (!stun.HasCompletedCycle) return 0;
        int[] ranked = MeetingRegions.Rank(context.OwnKey, context.Map);
        foreach (int region in ranked)
        {
            if (!context.IsUnreachable(region, now) && !context.Moves.IsLeaving(region)) return region;
        }

        return current != 0 && ranked.Contains(current) ? current : ranked.FirstOrDefault(); // All are out of reach: wait where we would be.
    }

    private bool IsKept(RegionLatencies latencies, int current, int nearest, Instant now)
    {
        if (nearest == _lostHome) return false; // It was home, and is the nearest still.
        if (!_isChosenByLatency) return false; // It is home for want of anything known.
        if (!latencies.IsInLastRound(current) && !context.WasHeard(current, AliveWithin, now)) return false;

        TimeSpan? ofCurrent = latencies.BestOf(current);
        TimeSpan? ofNearest = latencies.BestOf(nearest);
        return ofCurrent is null || ofCurrent - ofNearest < NearerBy || ofNearest > NearerShare * ofCurrent;
    }

    private bool IsSteady(int region, Instant now)
    {
        if (region != _lostHome || context.Link(region).ConnectedSince is not { } since || now - since >= SteadyAfter) return true;
        NextTimeout = since + SteadyAfter;
        return false;
    }

    /// <summary>A home that was left against its latency is remembered, until home is there again or elsewhere for a better reason.</summary>
    private void NoteLeft(int current, int chosen, Instant now)
    {
        bool isForced = context.Moves.IsLeaving(current) || context.IsUnreachable(current, now);
        if (chosen == _lostHome) _lostHome = 0;
        else if (_lostHome == 0 && isForced) _lostHome = current;
        else if (!isForced) _lostHome = 0;
    }

    /// <summary>The regions that may be home; nothing new is begun where a relay is about to end.</summary>
    private IEnumerable<RelayRegion> CandidatesBeside(int current) =>
        context.Map.Regions.Where(region => region.MayBeHome && (region.Id == current || !context.Moves.IsLeaving(region.Id)));

    private static int Nearest(StunProber stun, IEnumerable<RelayRegion> regions) =>
        regions.Where(region => stun.LatencyOf(region.Id) is not null).OrderBy(region => stun.LatencyOf(region.Id)).FirstOrDefault()?.Id ?? 0;
}
