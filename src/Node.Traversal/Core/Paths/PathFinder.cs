using Addresses;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>A connectivity check to send.</summary>
internal readonly record struct PathCheck(PairId Pair, PingId Id)
{
    /// <summary>How many hops it may go; 0 = as many as the system says.</summary>
    public byte Ttl { get; init; }
}

/// <summary>
/// Finds and keeps the best direct path to one peer: checks every pair, promotes by answers only, suspects by silence, and gives up what
/// stays silent. It knows no keys: its owner seals the checks and opens the answers.
/// </summary>
internal sealed class PathFinder(PathTraffic traffic, EntropySource entropy)
{
    /// <summary>The most peer-reflexive pairs kept; the one heard least recently makes room.</summary>
    public const int MaxPeerReflexive = 16;

    private static readonly TimeSpan MinSuspectAfter = TimeSpan.FromMilliseconds(150);
    private static readonly TimeSpan MinCheckAfter = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan SuspectCheckInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SuspectVolleyInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>Checks unanswered for this long end a path. Loss makes single answers fail; twenty in a row is no loss.</summary>
    private static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(2);

    /// <summary>Keeps the mapping of the usual NAT (30 s) open, with room for a lost check.</summary>
    private static readonly TimeSpan IdleCheckInterval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan ActiveCheckInterval = TimeSpan.FromSeconds(5);

    /// <summary>A path that was never better may have become so: all pairs are checked again this often while there is traffic.</summary>
    private static readonly TimeSpan UpgradeInterval = TimeSpan.FromSeconds(60);

    /// <summary>The first answer wins at once; a better pair may have lost a packet, and has its chance this soon after.</summary>
    private static readonly TimeSpan FirstUpgradeAfter = TimeSpan.FromSeconds(1);

    /// <summary>A peer counts as active this long after its last data.</summary>
    private static readonly TimeSpan ActiveFor = TimeSpan.FromSeconds(45);

    /// <summary>How often the traffic of an active peer is looked at: a fraction of the shortest suspicion.</summary>
    private static readonly TimeSpan WatchInterval = TimeSpan.FromMilliseconds(25);

    /// <summary>Traffic is watched until it has rested for this long.</summary>
    private static readonly TimeSpan WatchFor = TimeSpan.FromSeconds(1);

    /// <summary>No pair is checked more often than this, whatever the peer sends.</summary>
    private static readonly TimeSpan MinCheckGap = TimeSpan.FromMilliseconds(40);

    private readonly Dictionary<PairId, CandidatePair> _pairs = [];
    private readonly SearchSchedule _search = new();
    private readonly Queue<PathCheck> _checks = [];

    private CandidatePair? _selected;
    private bool _isSuspect;
    private Instant? _nextWatch;
    private Instant? _nextKeepalive;
    private Instant? _nextUpgrade;
    private Instant? _nextSuspectVolley;
    private Instant? _nextAfterOpener;

    /// <summary>The pair that packets take; null = none, they go by relay.</summary>
    public PairId? Selected => _selected?.Id;

    /// <summary>Says that the selected pair may be broken.</summary>
    public bool IsSuspect => _selected is not null && _isSuspect;

    /// <summary>The round trip on the selected pair.</summary>
    public TimeSpan? Rtt => _selected?.Rtt;

    /// <summary>Rounds begun in the search under way; 0 = no search.</summary>
    public int SearchRounds => _search.Rounds;

    /// <summary>Says that a search is going on and has not yet had its full rounds.</summary>
    public bool IsSearching => _search.NextVolley is not null && _search.IsFullRound;

    /// <summary>Set whenever <see cref="Selected"/> or <see cref="IsSuspect"/> has changed; the owner clears it.</summary>
    public bool HasChanged { get; set; }

    /// <summary>Set when the peer should hear our addresses, so that it checks at the same time; the owner clears it.</summary>
    public bool WantsCallMeMaybe { get; set; }

    /// <summary>Says that no check can succeed as far as the two NAT profiles tell.</summary>
    public bool IsHopeless { get; set; }

    /// <summary>Says that the first check to an address that nothing was heard from only opens our own side, and that the next one follows soon.</summary>
    public bool OpensFirst { get; set; }

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => Earliest(_nextAfterOpener, _search.NextVolley, _nextWatch, _nextKeepalive, _nextUpgrade, _nextSuspectVolley);

    /// <summary>Says whether data has gone or come of late.</summary>
    public bool IsActive(Instant now) =>
        IsWithin(traffic.LastSent, now, ActiveFor) || IsWithin(traffic.LastReceivedDirect, now, ActiveFor) || IsWithin(traffic.LastReceivedByRelay, now, ActiveFor);

    /// <summary>The pairs' addresses, for the record kept over a restart and for tests.</summary>
    public IEnumerable<CandidatePair> Pairs => _pairs.Values;

    public bool TryDequeueTransmit(out PathCheck check) => _checks.TryDequeue(out check);

    /// <summary>Adds an address from the configuration.</summary>
    public void AddConfigured(TransportAddress remote)
    {
        PairId id = new(SocketId.For(remote), remote);
        if (!_pairs.TryAdd(id, new CandidatePair(id, CandidateOrigin.Configured))) _pairs[id].Origin = CandidateOrigin.Configured;
    }

    /// <summary>Takes the peer's whole list: it replaces the one before. Starts the search, or makes it look at once.</summary>
    public void HandleCandidates(ReadOnlySpan<TransportAddress> remotes, Instant now)
    {
        HashSet<PairId> announced = [];
        foreach (TransportAddress remote in remotes)
        {
            PairId id = new(SocketId.For(remote), remote);
            announced.Add(id);
            if (!_pairs.TryGetValue(id, out CandidatePair? pair)) _pairs.Add(id, new CandidatePair(id, CandidateOrigin.Announced));
            else if (pair.Origin == CandidateOrigin.PeerReflexive) pair.Origin = CandidateOrigin.Announced;
        }

        foreach (CandidatePair pair in _pairs.Values.Where(pair => pair.Origin == CandidateOrigin.Announced && !announced.Contains(pair.Id)).ToArray())
        {
            if (pair == _selected) pair.Origin = CandidateOrigin.PeerReflexive; // It works: only its checks may end it.
            else _pairs.Remove(pair.Id);
        }

        if (_selected is null) _search.Resume(now);
        if (_selected is null && _search.IsHeld(now)) return; // Both ends begin at one instant, and it has not come yet.
        CheckAll(now); // The peer is checking at this moment: so do we, and both NATs are open.
    }

    /// <summary>Starts looking for a path at that instant and not before, where there is none.</summary>
    public void StartSearchAt(Instant at)
    {
        if (_selected is null) _search.StartAt(at);
    }

    /// <summary>An answer has proven a way that was found otherwise than by our own checks.</summary>
    /// <returns>True: it counts as one of ours from now on.</returns>
    public bool HandleProven(PairId arrivedOn, PingId id, Instant sentAt, Instant now)
    {
        if (!_pairs.TryGetValue(arrivedOn, out CandidatePair? pair)) pair = AddPeerReflexive(arrivedOn);
        pair.NoteCheck(id, sentAt);
        return HandlePong(arrivedOn, id, now);
    }

    /// <summary>Says whether an extra socket carries the path, or the peer has used it of late: it may have chosen another than we have.</summary>
    public bool IsUsed(SocketId socket, Instant now) =>
        _pairs.Values.Any(pair => pair.Id.Socket == socket && (pair == _selected || IsWithin(pair.LastPing, now, IdleCheckInterval * 2)));

    /// <summary>One of our sockets is no more, and nor are its pairs.</summary>
    public void HandleSocketClosed(SocketId socket, Instant now)
    {
        if (_selected?.Id.Socket == socket) Lose(now);
        foreach (PairId id in _pairs.Keys.Where(id => id.Socket == socket).ToArray()) _pairs.Remove(id);
    }

    /// <summary>Starts looking for a path, with what is known.</summary>
    public void StartSearch(Instant now)
    {
        if (_selected is not null) return;
        _search.Start(now);
    }

    /// <summary>The peer's sealed check came in on this pair. Its address is the peer's, and what came in may well go out.</summary>
    public void HandlePing(PairId arrivedOn, Instant now)
    {
        if (!_pairs.TryGetValue(arrivedOn, out CandidatePair? pair)) pair = AddPeerReflexive(arrivedOn);
        pair.LastHeard = now;
        pair.LastPing = now;
        pair.IsOpened = true;
        if (pair == _selected && !_isSuspect) return;
        if (pair.LastPong is null || _selected is null || _isSuspect) Check(pair, now);
    }

    /// <summary>Takes the answer to a check. Only this promotes a pair, and nothing here demotes one.</summary>
    /// <returns>False where it answers no check in flight on that pair.</returns>
    public bool HandlePong(PairId arrivedOn, PingId id, Instant now)
    {
        if (!_pairs.TryGetValue(arrivedOn, out CandidatePair? pair) || !pair.TryCompleteCheck(id, now)) return false;

        if (pair == _selected)
        {
            PlanKeepalive(now);
            SetSuspect(false, now);
            return true;
        }

        bool isBetter = _selected is null || _isSuspect || (PairScore.Of(pair) is { } score && PairScore.Of(_selected) is { } current && score.Beats(current));
        if (isBetter) Select(pair, now);
        return true;
    }

    /// <summary>The data plane has news. From now on the traffic is watched until it rests.</summary>
    public void HandleTraffic(Instant now)
    {
        if (_selected is null) _search.Resume(now);
        _nextWatch ??= now + WatchInterval;
        if (_nextKeepalive is { } keepalive) _nextKeepalive = Instant.Min(keepalive, (_selected?.LastCheck ?? now) + ActiveCheckInterval);
        if (_selected is not null) _nextUpgrade ??= now + UpgradeInterval;
    }

    /// <summary>Our own addresses have changed: what worked may not, and what did not may.</summary>
    public void HandleNetworkChange(Instant now)
    {
        foreach (CandidatePair pair in _pairs.Values) pair.ForgetChecks();
        if (_selected is null)
        {
            _search.Start(now);
            return;
        }

        SetSuspect(true, now);
        CheckAll(now);
    }

    /// <summary>The peer has started anew: its answers to earlier checks will not come. Its addresses may well be the same.</summary>
    public void HandlePeerRestarted(Instant now) => HandleNetworkChange(now);

    /// <summary>The system refuses to send there.</summary>
    public void HandleSendFailed(TransportAddress remote, Instant now)
    {
        if (_selected?.Id.Remote == remote) Lose(now);
    }

    /// <summary>Does what is due. Here alone silence demotes a path.</summary>
    public void HandleTimeout(Instant now)
    {
        if (_nextWatch <= now) Watch(now);
        if (_selected is { } selected) LookAfter(selected, now);
        if (_nextKeepalive <= now && _selected is { } kept)
        {
            Check(kept, now);
            PlanKeepalive(now);
        }

        if (_nextUpgrade <= now)
        {
            CheckAll(now);
            _nextUpgrade = _selected is not null && IsActive(now) ? now + UpgradeInterval : null;
        }

        if (_nextSuspectVolley <= now)
        {
            CheckAll(now);
            _nextSuspectVolley = now + SuspectVolleyInterval;
        }

        if (_nextAfterOpener <= now)
        {
            _nextAfterOpener = null;
            if (_selected is null || _isSuspect) CheckAll(now);
        }

        if (_search.NextVolley <= now)
        {
            bool isFirst = _search.TakeVolley(now, IsActive(now), IsHopeless);
            if (isFirst) WantsCallMeMaybe = true;
            CheckAll(now);
        }
    }

    private void Watch(Instant now)
    {
        if (IsWithin(traffic.LastSent, now, WatchFor) || IsWithin(traffic.LastReceivedByRelay, now, WatchFor) || IsSuspect)
        {
            _nextWatch = now + WatchInterval;
            return;
        }

        Instant? seen = traffic.LastSent;
        _nextWatch = null;
        traffic.StopWatching();
        if (traffic.LastSent != seen) _nextWatch = now + WatchInterval; // Sent between the two: it was not told, for we were watching.
    }

    /// <summary>Judges the selected pair by its silence: of checks, or of data that should have been answered.</summary>
    private void LookAfter(CandidatePair selected, Instant now)
    {
        Instant? silentSince = Earliest(selected.UnansweredSince, DataSilentSince(selected));
        if (silentSince is not { } since)
        {
            SetSuspect(false, now);
            return;
        }

        TimeSpan rtt = selected.Rtt ?? TimeSpan.Zero;
        TimeSpan silence = now - since;
        bool isDueForCheck = silence >= Max(rtt, MinCheckAfter) && !IsWithin(selected.LastCheck, now, SuspectCheckInterval);
        if (isDueForCheck) Check(selected, now);

        if (selected.UnansweredSince is { } unanswered && now - unanswered >= LostAfter)
        {
            Lose(now);
            return;
        }

        TimeSpan suspectAfter = Max(rtt * 3, MinSuspectAfter);
        if (silence >= suspectAfter) SetSuspect(true, now);
        _nextWatch ??= now + WatchInterval;
    }

    /// <summary>Since when data has gone out on the selected pair with neither data nor an answered check since; null = all is answered.</summary>
    private Instant? DataSilentSince(CandidatePair selected)
    {
        if (traffic.UnansweredSince is not { } since) return null;
        if (selected.LastPong is not { } alive || alive <= since) return since;
        return traffic.LastSent >= alive ? alive : null;
    }

    private void Select(CandidatePair pair, Instant now)
    {
        _selected = pair;
        _isSuspect = false;
        _nextSuspectVolley = null;
        _search.Stop();
        _nextUpgrade = now + FirstUpgradeAfter;
        PlanKeepalive(now);
        HasChanged = true;
    }

    private void Lose(Instant now)
    {
        _selected = null;
        _isSuspect = false;
        _nextSuspectVolley = null;
        _nextKeepalive = null;
        _nextUpgrade = null;
        HasChanged = true;
        _search.Start(now);
    }

    private void SetSuspect(bool isSuspect, Instant now)
    {
        if (_isSuspect == isSuspect) return;
        _isSuspect = isSuspect;
        _nextSuspectVolley = isSuspect ? now : null;
        if (isSuspect) _nextWatch ??= now + WatchInterval;
        HasChanged = true;
    }

    private void PlanKeepalive(Instant now) => _nextKeepalive = now + (IsActive(now) ? ActiveCheckInterval : IdleCheckInterval);

    private void CheckAll(Instant now)
    {
        foreach (CandidatePair pair in _pairs.Values) Check(pair, now);
    }

    private void Check(CandidatePair pair, Instant now)
    {
        if (IsWithin(pair.LastCheck, now, MinCheckGap)) return;

        Span<byte> random = stackalloc byte[PingId.Length];
        entropy(random);
        PingId id = PingId.Read(random);
        pair.NoteCheck(id, now);
        if (pair == _selected) _nextWatch ??= now + WatchInterval; // Its answer, or the lack of it, must be seen.
        bool isOpener = OpensFirst && !pair.IsOpened && pair != _selected;
        pair.IsOpened = true;
        if (isOpener) _nextAfterOpener ??= now + PunchTiming.OpenerLead;
        _checks.Enqueue(new PathCheck(pair.Id, id) { Ttl = isOpener ? PunchTiming.OpenerTtl : (byte)0 });
    }

    private CandidatePair AddPeerReflexive(PairId id)
    {
        MakeRoomForPeerReflexive();
        CandidatePair pair = new(id, CandidateOrigin.PeerReflexive);
        _pairs.Add(id, pair);
        return pair;
    }

    private void MakeRoomForPeerReflexive()
    {
        CandidatePair[] reflexive = [.. _pairs.Values.Where(pair => pair.Origin == CandidateOrigin.PeerReflexive && pair != _selected)];
        if (reflexive.Length < MaxPeerReflexive) return;
        _pairs.Remove(reflexive.MinBy(pair => pair.LastHeard ?? Instant.Origin)!.Id);
    }

    private static bool IsWithin(Instant? instant, Instant now, TimeSpan span) => instant is { } then && now - then < span;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;

    private static Instant? Earliest(params ReadOnlySpan<Instant?> instants)
    {
        Instant? earliest = null;
        foreach (Instant? instant in instants)
        {
            if (instant is { } value && !(earliest <= value)) earliest = value;
        }

        return earliest;
    }
}
