using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// The relay for a pair that is not direct: of the regions that both ends have measured, the one by which the whole way is shortest; and a
/// stand-in, connected and proven too, for the moment in which the first is lost. A region carries data only while Hellos sent by it are answered
/// by it. Where none is proven, packets go as they would without all this (<see cref="PeerRoute"/>), from the next one on.
/// </summary>
/// <remarks>
/// Both ends reckon with what each has told the other, so both come to the same regions. A peer that lies about its latencies can have us
/// connect to another region of our own map, and no more.
/// </remarks>
internal sealed class PairRelay(NodeContext context, PeerRoute route)
{
    /// <summary>Regions held for a pair: the one that carries it and the stand-in.</summary>
    private const int MaxWays = 2;

    /// <summary>A region takes over, or is preferred to a home that is connected anyway, where the round trip by it is shorter by more than both.</summary>
    private const int ShorterByMilliseconds = 10;
    private const double ShorterByShare = 0.15;

    /// <summary>From an answer to the next question: what a relayed pair pays for certainty is a Hello and an answer, of 300 bytes each.</summary>
    private static readonly TimeSpan AskEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long an answer is waited for: longer than any relayed round trip that is of use.</summary>
    private static readonly TimeSpan AskAgainAfter = TimeSpan.FromSeconds(3);

    /// <summary>A peer that is heard by a region is asked there at once, but not more often than this.</summary>
    private static readonly TimeSpan MinAskGap = TimeSpan.FromSeconds(1);

    /// <summary>A region by which nothing is answered for so long (four questions) is no way to the peer.</summary>
    private static readonly TimeSpan GiveUpAfter = TimeSpan.FromSeconds(10);

    /// <summary>How long such a region is passed over: the peer cannot reach it, or has too many others to be connected to.</summary>
    private static readonly TimeSpan AvoidFor = TimeSpan.FromMinutes(5);

    private readonly Dictionary<int, Instant> _avoidedUntil = [];
    private Way[] _ways = [];
    private Instant? _nextLook;

    /// <summary>How far the peer says it is from the relays.</summary>
    public IReadOnlyList<RegionLatency> OfPeer { get; set; } = [];

    /// <summary>The regions to be connected to for this pair's sake, the better first.</summary>
    public IEnumerable<int> Wanted => _ways.Select(way => way.Region);

    /// <summary>When a region is to be asked by (<see cref="TryTakeDue"/>); null = none is.</summary>
    public Instant? NextAsk => Earliest(_ways.Select(way => way.NextAsk));

    /// <summary>When <see cref="Update"/> is due; null = after another input only.</summary>
    public Instant? NextTimeout => Earliest(_ways.Select(way => way.AskingSince + GiveUpAfter).Append(_nextLook));

    /// <summary>The region that carries data now: the first that is proven, or <paramref name="usual"/>, which needs no proof, where none is or that is nearer.</summary>
    public int Choose(int usual)
    {
        foreach (Way way in _ways)
        {
            if (way.Region == usual || (way.IsProven && context.IsConnected(way.Region))) return way.Region;
        }

        return usual;
    }

    /// <summary>Works out which regions are held now.</summary>
    /// <param name="isNeeded">Says whether there is traffic, and no direct path.</param>
    /// <param name="now">The present.</param>
    public void Update(bool isNeeded, Instant now)
    {
        if (!isNeeded && _ways.Length == 0) return;
        GiveUp(now);
        int[] regions = isNeeded ? [.. Rank(now)] : [];
        if (!regions.SequenceEqual(Wanted))
        {
            _ways = [.. regions.Select(region => Find(region) ?? new Way(region))];
            context.HaveRoutesChanged = true;
        }

        _nextLook = _ways.Length == 0 ? null : now + AskEvery; // The traffic may have ended by then.
        int usual = route.Choose(now);
        foreach (Way way in _ways)
        {
            bool isAsked = way.Region != usual && context.IsConnected(way.Region);
            if (!isAsked) way.Rest();
            else if (way.NextAsk is null) way.NextAsk = now;
        }
    }

    /// <summary>Takes a region by which the peer is to be asked now.</summary>
    public bool TryTakeDue(Instant now, out int region)
    {
        Way? due = Array.Find(_ways, way => way.NextAsk <= now);
        region = due?.Region ?? 0;
        if (due is null) return false;
        due.AskedAt = now;
        due.AskingSince ??= now;
        due.NextAsk = now + AskAgainAfter;
        return true;
    }

    /// <summary>Puts what is due off, to keep the pace of all peers together.</summary>
    public void Postpone(Instant until)
    {
        foreach (Way way in _ways) way.NextAsk = way.NextAsk is { } next ? Instant.Max(next, until) : null;
    }

    /// <summary>The peer was heard by a region.</summary>
    /// <param name="region">The region.</param>
    /// <param name="isAnswer">Says that it has answered there what we have asked there: packets pass both ways.</param>
    /// <param name="now">The present.</param>
    public void HandleHeard(int region, bool isAnswer, Instant now)
    {
        if (Find(region) is not { NextAsk: { } next } way) return;
        if (isAnswer)
        {
            way.IsProven = true;
            way.AskingSince = null;
            way.NextAsk = now + AskEvery;
        }
        else if (!way.IsProven)
        {
            way.NextAsk = Instant.Min(next, way.AskedAt is { } asked ? Instant.Max(now, asked + MinAskGap) : now); // It is there now.
        }
    }

    /// <summary>The relay says that the peer is not there.</summary>
    public void HandleGone(int region)
    {
        if (Find(region) is { } way) way.IsProven = false;
    }

    /// <summary>The peer has started anew: it has still to come where it was.</summary>
    public void HandleRestarted()
    {
        foreach (Way way in _ways) way.Rest();
    }

    private void GiveUp(Instant now)
    {
        foreach (Way way in _ways)
        {
            if (!(now - way.AskingSince >= GiveUpAfter)) continue;
            way.Rest();
            _avoidedUntil[way.Region] = now + AvoidFor;
        }
    }

    private IEnumerable<int> Rank(Instant now)
    {
        (int Region, int Milliseconds)[] common = [.. context.Latencies
            .Join(OfPeer, own => own.RegionId, other => other.RegionId, (own, other) => (own.RegionId, own.Milliseconds + other.Milliseconds))
            .Where(way => IsUsable(way.RegionId, now))
            .OrderBy(way => way.Item2).ThenBy(way => way.RegionId)];
        if (common.Length == 0) return [];
        int first = First(common);
        return common.Select(way => way.Region).Where(region => region != first).Prepend(first).Take(MaxWays);
    }

    /// <summary>The shortest way; but the one there is, or by a home, where it is not clearly shorter.</summary>
    private int First((int Region, int Milliseconds)[] common)
    {
        int shortest = common[0].Milliseconds;
        int present = _ways.Length == 0 ? 0 : _ways[0].Region;
        foreach ((int region, int milliseconds) in common)
        {
            if (region == present && !IsClearlyShorter(shortest, milliseconds)) return region;
        }

        foreach ((int region, int milliseconds) in common)
        {
            bool isHome = region == context.HomeRegion || region == route.HomeRegion;
            if (isHome && !IsClearlyShorter(shortest, milliseconds)) return region;
        }

        return common[0].Region;
    }

    private bool IsUsable(int region, Instant now) =>
        context.Map.Find(region) is { } known && context.MayUse(known, now) && !(_avoidedUntil.TryGetValue(region, out Instant until) && now < until);

    private Way? Find(int region) => Array.Find(_ways, way => way.Region == region);

    private static bool IsClearlyShorter(int one, int other) => other - one > Math.Max(ShorterByMilliseconds, ShorterByShare * other);

    private static Instant? Earliest(IEnumerable<Instant?> instants)
    {
        Instant earliest = Instant.Never;
        foreach (Instant? instant in instants) earliest = Instant.Min(earliest, instant ?? Instant.Never);
        return earliest == Instant.Never ? null : earliest;
    }

    /// <summary>One region, and what is known of the way by it.</summary>
    private sealed class Way(int region)
    {
        public int Region => region;

        /// <summary>Says that the peer has answered by it, and has not failed to since.</summary>
        public bool IsProven { get; set; }

        /// <summary>When the peer was last asked by it.</summary>
        public Instant? AskedAt { get; set; }

        /// <summary>When the first of the questions was sent that are not answered; null = all are.</summary>
        public Instant? AskingSince { get; set; }

        /// <summary>When the next question is due; null = it is not connected, or needs no proof.</summary>
        public Instant? NextAsk { get; set; }

        /// <summary>Nothing is known of it any more, and nobody asks.</summary>
        public void Rest()
        {
            IsProven = false;
            AskingSince = null;
            NextAsk = null;
        }
    }
}
