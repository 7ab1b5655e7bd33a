using Addresses;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// Finds and keeps the best direct path to one peer: checks every pair, promotes by answers only, suspects by silence, and gives up what
/// stays silent or carries no data. It knows no keys: its owner seals the checks and opens the answers.
/// </summary>
internal sealed class PathFinder(PathTraffic traffic, EntropySource entropy)
{
    private static readonly TimeSpan SuspectVolleyInterval = TimeSpan.FromMilliseconds(500);

    /// <summary>A peer counts as active this long after its last data.</summary>
    private static readonly TimeSpan ActiveFor = TimeSpan.FromSeconds(45);

    /// <summary>Data sent for this long with nothing coming back by any way says that more than the direct path may be broken.</summary>
    private static readonly TimeSpan DeafAfter = TimeSpan.FromMilliseconds(500);

    private readonly CandidatePairs _pairs = new();
    private readonly SearchSchedule _search = new();
    private readonly TrafficWatch _watch = new(traffic);
    private readonly LossExam _exam = new();
    private readonly DataProof _proof = new();
    private readonly PathMtuProbe _mtu = new();
    private readonly PathUpkeep _upkeep = new();
    private readonly OutgoingChecks _checks = new(traffic, entropy);

    private CandidatePair? _selected;
    private bool _isSuspect;
    private Instant? _nextSuspectVolley;

    /// <summary>The pair that packets take; null = none, they go by relay.</summary>
    public PairId? Selected => _selected?.Id;

    /// <summary>Says that the selected pair may be broken.</summary>
    public bool IsSuspect => _selected is not null && _isSuspect;

    /// <summary>Says that the selected pair has passed checks, and no data yet that the peer has told us of: the relay carries it too.</summary>
    public bool IsOnTrial => _selected is not null && !_proof.IsProven;

    /// <summary>The round trip on the selected pair.</summary>
    public TimeSpan? Rtt => _selected?.Rtt;

    /// <summary>The longest IP packet that the selected pair is known to carry whole, in bytes; null = not known.</summary>
    public int? Mtu => _mtu.Mtu;

    /// <summary>Rounds begun in the search under way; 0 = no search.</summary>
    public int SearchRounds => _search.Rounds;

    /// <summary>Says that a search is going on and has not yet had its full rounds.</summary>
    public bool IsSearching => _search.NextVolley is not null && _search.IsFullRound;

    /// <summary>How often a path was left because data did not pass where checks did.</summary>
    public int PutBacks { get; private set; }

    /// <summary>Set whenever the path has changed, or what is thought of it; the owner clears it.</summary>
    public bool HasChanged { get; set; }

    /// <summary>Set when the peer should hear our addresses, so that it checks at the same time; the owner clears it.</summary>
    public bool WantsCallMeMaybe { get; set; }

    /// <summary>Set when what has fallen silent may be our own network, relays and all; the owner clears it.</summary>
    public bool DoubtsNetwork { get; set; }

    /// <summary>Says that no check can succeed as far as the two NAT profiles tell.</summary>
    public bool IsHopeless { get; set; }

    /// <inheritdoc cref="OutgoingChecks.OpensFirst"/>
    public bool OpensFirst { get => _checks.OpensFirst; set => _checks.OpensFirst = value; }

    /// <inheritdoc cref="PathUpkeep.Keepalive"/>
    public TimeSpan Keepalive { get => _upkeep.Keepalive; set => _upkeep.Keepalive = value; }

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => Earliest(_checks.NextAfterOpener, _search.NextVolley, _watch.Next, _upkeep.NextKeepalive, _upkeep.NextUpgrade, _nextSuspectVolley, _exam.Next, _mtu.Next);

    /// <summary>The pairs, for tests and for the verdict.</summary>
    public IReadOnlyCollection<CandidatePair> Pairs => _pairs.All;

    /// <summary>Says whether data has gone or come of late.</summary>
    public bool IsActive(Instant now) => traffic.IsWithin(ActiveFor, now);

    /// <summary>Says that a pair passes checks and no data, and is therefore left alone at present.</summary>
    public bool HasBarred(Instant now) => _pairs.All.Any(pair => pair.IsBarred(now));

    public bool TryDequeueTransmit(out PathCheck check) => _checks.TryDequeue(out check);

    /// <summary>Adds an address from the configuration.</summary>
    public void AddConfigured(TransportAddress remote) => _pairs.AddConfigured(remote);

    /// <summary>Takes the peer's whole list: it replaces the one before. Starts the search, or makes it look at once.</summary>
    public void HandleCandidates(ReadOnlySpan<TransportAddress> remotes, Instant now)
    {
        _pairs.Replace(remotes, _selected);
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
    public bool HandleProven(PairId arrivedOn, PingId id, Instant sentAt, uint? received, Instant now)
    {
        _pairs.Hear(arrivedOn, _selected, now).NoteCheck(id, traffic.SentDirect, sentAt);
        return HandlePong(arrivedOn, id, received, now);
    }

    /// <summary>Says whether an extra socket carries the path, or the peer has used it of late: it may have chosen another than we have.</summary>
    public bool IsUsed(SocketId socket, Instant now) =>
        _pairs.All.Any(pair => pair.Id.Socket == socket && (pair == _selected || IsWithin(pair.LastPing, now, Keepalive * 2)));

    /// <summary>One of our sockets is no more, and nor are its pairs.</summary>
    public void HandleSocketClosed(SocketId socket, Instant now)
    {
        if (_selected?.Id.Socket == socket) Lose(now);
        _pairs.Forget(socket);
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
        CandidatePair pair = _pairs.Hear(arrivedOn, _selected, now);
        pair.LastPing = now;
        pair.IsOpened = true;
        if (pair == _selected && !_isSuspect)
        {
            _upkeep.HandlePeerChecked(IsActive(now), now);
            return;
        }

        if (pair.LastPong is null || _selected is null || _isSuspect) Check(pair, now);
    }

    /// <summary>Takes the answer to a check. Only this promotes a pair.</summary>
    /// <param name="arrivedOn">The pair.</param>
    /// <param name="id">The check it answers.</param>
    /// <param name="received">Data packets that the peer has received from us directly; null = it does not say.</param>
    /// <param name="now">The present.</param>
    /// <returns>False where it answers no check in flight on that pair.</returns>
    public bool HandlePong(PairId arrivedOn, PingId id, uint? received, Instant now)
    {
        if (arrivedOn == _selected?.Id && _mtu.HandlePong(id, now)) return true;
        if (_pairs.Find(arrivedOn) is not { } pair || !pair.TryCompleteCheck(id, now, out SentCheck sent)) return false;

        if (pair == _selected) HandleSelectedPong(pair, sent, received, now);
        else if (IsWorthSwitching(pair, now)) Promote(pair, sent, received, now);
        return true;
    }

    /// <summary>The data plane has news. From now on the traffic is watched until it rests.</summary>
    public void HandleTraffic(Instant now)
    {
        if (_selected is null) _search.Resume(now);
        _watch.Begin(now);
        if (_selected is not null) _upkeep.HandleTraffic(_selected.LastCheck ?? now, now);
    }

    /// <summary>Our own addresses have changed: what worked may not, and what did not may.</summary>
    public void HandleNetworkChange(Instant now)
    {
        foreach (CandidatePair pair in _pairs.All) pair.ForgetChecks();
        _mtu.Forget();
        if (_selected is null)
        {
            _search.Start(now);
            return;
        }

        _proof.Begin();
        SetSuspect(true, now);
        CheckAll(now);
    }

    /// <summary>The peer has started anew. Until it says where it is, only the path in use is checked: what comes before the peer has opened a port may take it away there.</summary>
    public void HandlePeerRestarted(Instant now)
    {
        _pairs.ForgetLearnt(_selected);
        HandleNetworkChange(now);
    }

    /// <summary>The system refuses to send there.</summary>
    public void HandleSendFailed(TransportAddress remote, Instant now)
    {
        if (_selected?.Id.Remote == remote) Lose(now);
    }

    /// <summary>Does what is due. Here alone silence demotes a path.</summary>
    public void HandleTimeout(Instant now)
    {
        if (_watch.Next <= now) Watch(now);
        if (_selected is not null) LookAfter(_selected, now);
        if (_upkeep.NextKeepalive <= now && _selected is { } kept)
        {
            Check(kept, now);
            _upkeep.HandleChecked(IsActive(now), now);
        }

        if (_upkeep.NextUpgrade <= now)
        {
            CheckAll(now);
            if (HasFasterInDoubt(_selected)) _exam.Ask(now);
            _upkeep.TakeUpgrade(IsActive(now), now);
        }

        if (_nextSuspectVolley <= now)
        {
            CheckAll(now);
            _nextSuspectVolley = now + SuspectVolleyInterval;
        }

        if (_exam.Next <= now)
        {
            foreach (CandidatePair pair in _pairs.All.Where(pair => pair.Rtt is not null)) Check(pair, now);
            _exam.Take(now);
        }

        if (_mtu.Next <= now) ProbeMtu(now);

        if (_checks.NextAfterOpener <= now)
        {
            _checks.TakeAfterOpener();
            if (_selected is null || _isSuspect) CheckAll(now);
        }

        if (_search.NextVolley <= now)
        {
            bool isFirst = _search.TakeVolley(now, IsActive(now), IsHopeless);
            if (isFirst) WantsCallMeMaybe = true;
            CheckAll(now);
        }
    }

    private void HandleSelectedPong(CandidatePair pair, SentCheck sent, uint? received, Instant now)
    {
        traffic.NoteAnswered(sent.At, PathSilence.AnswerTakes(pair.Rtt ?? TimeSpan.Zero));
        bool wasOnTrial = IsOnTrial;
        DataPassage passage = _proof.Take(sent.SentDirect, received, now);
        if (passage == DataPassage.Blocked)
        {
            PutBack(pair, now);
            return;
        }

        if (passage == DataPassage.Arrives)
        {
            pair.Trust();
            traffic.NoteArrives(now);
        }

        HasChanged |= IsOnTrial != wasOnTrial;
        _upkeep.HandleChecked(IsActive(now), now);
        SetSuspect(false, now);
        if (IsFitForMtu(now)) _mtu.Begin(now);
    }

    /// <summary>An idle pair costs keepalives and nothing else, and what is lost on a path in doubt is not lost for its length.</summary>
    private bool IsFitForMtu(Instant now) => _selected is not null && !_isSuspect && _proof.IsProven && IsActive(now);

    private void ProbeMtu(Instant now)
    {
        if (_selected is not { } selected || !IsFitForMtu(now))
        {
            _mtu.Pause();
            return;
        }

        PingId id = _checks.NewId();
        if (_mtu.Take(id, selected.Rtt, now) is > 0 and int length) _checks.AddPadded(selected.Id, id, length);
    }

    private bool IsWorthSwitching(CandidatePair pair, Instant now)
    {
        if (pair.IsBarred(now)) return false;
        return _selected is null || _isSuspect || PairScore.Of(pair, now).Beats(PairScore.Of(_selected, now));
    }

    /// <summary>Says that a pair would be the better one but for its losses, which may be over.</summary>
    private bool HasFasterInDoubt(CandidatePair? selected) => _pairs.All.Any(pair => pair.Loss.Share > 0 && pair.Rtt < selected?.Rtt);

    private void Watch(Instant now)
    {
        _watch.Take(now, IsSuspect);
        if (_selected is not null && !_isSuspect) return; // Its checks are answered: what goes one way only needs no answer.
        bool isDeaf = traffic.UnansweredSince is { } since && now - since >= DeafAfter && !(now - traffic.LastReceived < DeafAfter) && now - traffic.LastSent < DeafAfter;
        if (isDeaf) DoubtsNetwork = true;
    }

    private void LookAfter(CandidatePair selected, Instant now)
    {
        // What is sent both ways is asked after, and soon: that it is must not make the other end do the same for ever.
        if ((IsOnTrial || traffic.AnswersOnBoth(now)) && traffic.SentDirect > selected.SentAtLastCheck && !IsWithin(selected.LastCheck, now, PathSilence.CheckInterval)) Check(selected, now);

        if (PathSilence.HasFlowCeased(selected, traffic, now)) Check(selected, now);

        PathHealth? health = PathSilence.Judge(selected, traffic, now, out bool isDueForCheck);
        if (isDueForCheck) Check(selected, now);
        if (health == PathHealth.Lost)
        {
            Lose(now);
            return;
        }

        if (health is null) SetSuspect(false, now);
        else _watch.Begin(now);
        if (health == PathHealth.Suspect) SetSuspect(true, now);
        if (selected.Loss is { Samples: >= 16, Share: > LossExam.DoubtfulShare } && _pairs.All.Count > 1 && IsActive(now)) _exam.Ask(now);
    }

    private void Promote(CandidatePair pair, SentCheck sent, uint? received, Instant now)
    {
        Select(pair, now);
        traffic.NoteAnswered(sent.At, PathSilence.AnswerTakes(pair.Rtt ?? TimeSpan.Zero));
        _proof.Take(sent.SentDirect, received, now); // Whatever data goes after that check must come to be counted.
    }

    private void Select(CandidatePair pair, Instant now)
    {
        _selected = pair;
        _isSuspect = false;
        _nextSuspectVolley = null;
        _proof.Begin();
        _mtu.Forget();
        _search.Stop();
        _upkeep.Begin(pair.Id.Remote.IsIpv4, IsActive(now), now);
        HasChanged = true;
    }

    /// <summary>Leaves a path that passes checks and no data for the best other that is known to work, or for the relay.</summary>
    private void PutBack(CandidatePair pair, Instant now)
    {
        pair.Bar(now);
        PutBacks++;
        CandidatePair? next = _pairs.All.Where(other => !other.IsBarred(now) && IsWithin(other.LastPong, now, PathUpkeep.ActiveInterval)).MinBy(other => PairScore.Of(other, now));
        if (next is not null) Select(next, now);
        else Lose(now);
    }

    private void Lose(Instant now)
    {
        _selected?.ForgetLoss();
        _selected = null;
        _isSuspect = false;
        _nextSuspectVolley = null;
        _upkeep.Stop();
        _exam.Stop();
        _mtu.Forget();
        HasChanged = true;
        _search.Start(now);
    }

    private void SetSuspect(bool isSuspect, Instant now)
    {
        if (_isSuspect == isSuspect) return;
        _isSuspect = isSuspect;
        _nextSuspectVolley = isSuspect ? now : null;
        if (isSuspect) _watch.Begin(now);
        DoubtsNetwork |= isSuspect;
        HasChanged = true;
    }

    private void CheckAll(Instant now)
    {
        foreach (CandidatePair pair in _pairs.All) Check(pair, now);
    }

    private void Check(CandidatePair pair, Instant now)
    {
        if (_checks.TryCheck(pair, pair == _selected, now) && pair == _selected) _watch.Begin(now); // Its answer, or the lack of it, must be seen.
    }

    private static bool IsWithin(Instant? instant, Instant now, TimeSpan span) => instant is { } then && now - then < span;

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
