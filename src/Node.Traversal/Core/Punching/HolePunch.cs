using Addresses;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// Makes a hole to one peer together with it: agrees on the instant at which both begin to check, and, where checks alone do not do, on a
/// round of something better. The node with the lower key proposes; the other one takes it, or says that it is busy.
/// </summary>
internal sealed class HolePunch(NodeContext context, PeerSession peer)
{
    private readonly bool _proposes = context.Precedes(peer.Key);
    private readonly PunchAgenda _agenda = new(context, context.Precedes(peer.Key));
    private readonly PunchSockets _sockets = new(context, peer);
    private readonly PunchTarget _target = new(context, peer);

    private PunchPhase _phase;
    private Instant _phaseEnd = Instant.Never;
    private bool _goIsDue;
    private TimeSpan? _rtt;
    private long _round;
    private long _lastPlan = -1;
    private PunchStrategy _strategy = PunchStrategy.None;
    private PunchingPlan? _theirs;
    private Instant _theirsCame;
    private Instant _offeredAt;
    private int _size;
    private PortSampler? _sampler;
    private PunchRound? _running;
    private bool _hadPath;
    private NatProfile _judgedOwn;
    private NatProfile _judgedPeer;

    /// <summary>What was tried, and what came of it.</summary>
    public PunchOutcome Outcome { get; private set; } = PunchOutcome.None;

    /// <summary>Says that a round is being agreed on or under way.</summary>
    public bool IsBusy => _phase != PunchPhase.Idle;

    /// <summary>Says that our own router is the peer's too.</summary>
    public bool IsBehindOurRouter => _target.IsBehindOurRouter;

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout
    {
        get
        {
            Instant next = Instant.Min(Instant.Min(_agenda.Next, _sockets.NextTimeout), _phaseEnd);
            next = Instant.Min(next, Instant.Min(_running?.Run.NextTimeout ?? Instant.Never, _sampler?.NextTimeout ?? Instant.Never));
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>The peer lives and knows us: the first checks begin at one moment, as soon as both have each other's candidates.</summary>
    /// <param name="rtt">The relayed round trip; null = not measured.</param>
    /// <param name="now">The present.</param>
    public void HandleConfirmed(TimeSpan? rtt, Instant now)
    {
        Abandon(now);
        _lastPlan = -1;
        _rtt = rtt;
        _goIsDue = _proposes;
        peer.Finder.StartSearchAt(now + PunchTiming.StartPatience); // Should the word to start never come.
        _agenda.HandleConfirmed(now + PunchTiming.StartPatience);
    }

    /// <summary>Our candidates are on their way to the peer: the word to start goes right behind them.</summary>
    public void HandleCandidatesSent(Instant now)
    {
        Reconsider(now);
        if (!_goIsDue) return;
        _goIsDue = false;
        Say(new PunchWords(PunchingStep.Go, PunchingMethod.Checks), now);
        Instant start = now + (_rtt ?? TimeSpan.Zero) / 2;
        peer.Finder.StartSearchAt(start);
        _agenda.HandleChecks(start);
    }

    /// <summary>The peer's candidates have come. A new public address is a new network: what has failed before may not.</summary>
    public void HandleCandidates(ReadOnlySpan<TransportAddress> candidates, Instant now)
    {
        _agenda.HandleCandidates(candidates, now);
        if (_target.HandleCandidates(candidates)) StartAfresh(now);
        else Reconsider(now);
    }

    /// <summary>Our NAT's profile, or the peer's, is not what it was.</summary>
    public void HandleProfile(Instant now)
    {
        if (!_proposes || _phase != PunchPhase.Idle || (context.Nat == _judgedOwn && peer.Nat == _judgedPeer)) return;
        Outcome = PunchOutcome.None;
        _agenda.HandleNews(now);
    }

    /// <summary>The peer was heard by a relay: it is there.</summary>
    public void HandleHeard(Instant now) => _agenda.HandleHeard(now);

    /// <summary>There is traffic for the peer: what rests goes on.</summary>
    public void HandleTraffic(Instant now) => _agenda.HandleTraffic(now);

    /// <summary>Our addresses have changed.</summary>
    public void HandleNetworkChange(Instant now)
    {
        Abandon(now);
        StartAfresh(now);
    }

    /// <summary>Takes a plan that came by relay from the confirmed peer, its box opened.</summary>
    public void HandlePlan(PunchingPlan plan, Instant now)
    {
        if (plan.Counter <= _lastPlan) { context.Drops.Count(NodeDrop.Stale); return; }
        _lastPlan = plan.Counter;
        if (plan.Step == PunchingStep.Notice && IsBehindOurRouter) { context.Neighbours.HandleNotice(peer.Key, plan, now); return; }
        bool isProposer = plan.Step is PunchingStep.Offer or PunchingStep.Go;
        if (isProposer == _proposes) { context.Drops.Count(NodeDrop.WrongParty); return; }

        switch (plan.Step)
        {
            case PunchingStep.Go when plan.Method == PunchingMethod.Checks:
                peer.Finder.StartSearchAt(now + plan.StartsIn);
                break;
            case PunchingStep.Offer:
                HandleOffer(plan, now);
                break;
            case PunchingStep.Answer when _phase == PunchPhase.Offered && plan.Round == _round && plan.Method == _strategy.Method:
                HandleAnswer(plan, now);
                break;
            case PunchingStep.Go when _phase == PunchPhase.Answered && plan.Round == _round && plan.Method == _strategy.Method:
                if (context.Neighbours.TryGiveWay(_strategy, now)) { LetBe(now); break; }
                _theirs = plan;
                Run(now + plan.StartsIn, now);
                break;
            case PunchingStep.Refusal when _phase == PunchPhase.Offered && plan.Round == _round:
                if (plan.IsOver) { Fail(now); break; }
                LetBe(now);
                _agenda.HandleRefused(now);
                peer.Hellos.Plan(now); // It may not have heard what our NAT is now.
                break;
            default:
                context.Drops.Count(NodeDrop.Stale);
                break;
        }
    }

    /// <summary>Takes a STUN answer that came on one of this punch's sockets.</summary>
    public void HandleStun(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_sampler?.Socket != socket || !_sampler.HandleResponse(source, datagram)) { context.Drops.Count(NodeDrop.UnmatchedStun); return; }
        TakeSample(now);
    }

    /// <summary>Takes an answer that none of the finder's checks has asked for.</summary>
    /// <returns>False where none of this round's has either.</returns>
    public bool TryHandlePong(PairId arrivedOn, PingId id, uint? received, Instant now) =>
        _running?.SentAt(arrivedOn, id) is { } sentAt && peer.Finder.HandleProven(arrivedOn, id, sentAt, received, now);

    /// <summary>The system has not opened a socket, or has closed it.</summary>
    public void HandleSocketLost(SocketId socket, Instant now) => _sockets.HandleLost(socket, now);

    /// <summary>The peer is being forgotten.</summary>
    public void Close(Instant now)
    {
        Abandon(now);
        context.Neighbours.Remove(peer.Key);
        _sockets.CloseAll(now);
    }

    /// <summary>Something has come from the peer, or has not: there may be a path now, or none any more.</summary>
    public void HandleProgress(Instant now)
    {
        bool isLost = _hadPath && peer.Finder.Selected is null;
        _hadPath = peer.Finder.Selected is not null;
        if (isLost && _phase == PunchPhase.Idle) _agenda.HandlePathLost(now);
        if (_phase != PunchPhase.Idle && peer.Finder.Selected is { } selected) Succeed(selected, now);
    }

    /// <summary>Does what is due.</summary>
    public void HandleTimeout(Instant now)
    {
        HandleProgress(now);
        if (_phaseEnd <= now) HandleSilence(now);
        _sampler?.HandleTimeout(now);
        TakeSample(now);
        if (_running is not null) Step(_running, now);
        if (_agenda.Next <= now) Decide(now);
        _sockets.HandleTimeout(now);
    }

    /// <summary>There is no direct path yet: what next? Only the one who proposes asks this.</summary>
    private void Decide(Instant now)
    {
        _agenda.Take();
        if (_phase != PunchPhase.Idle || peer.Finder.Selected is not null || !peer.IsConfirmed || !peer.TakesPlans) return;
        if (_agenda.MayRest && !peer.Finder.IsActive(now)) { _agenda.Rest(); return; } // Nobody needs the path at present, and an attempt costs routers something.
        if ((PunchPlanner.IsWorthAwaiting(context.Nat) || PunchPlanner.IsWorthAwaiting(peer.Nat)) && _agenda.TryWait(PunchAgenda.ProfilePatience, now)) return;

        _judgedOwn = context.Nat;
        _judgedPeer = peer.Nat;
        PunchStrategy strategy = Choose(PunchPlanner.MostAtOnce);
        if (strategy.Method == PunchingMethod.None || !_target.Allows(strategy))
        {
            Outcome = new PunchOutcome(strategy.Method, PunchResult.NotAttempted) { Probability = strategy.Probability, Failures = _agenda.Failures };
            return;
        }

        if (!strategy.IsHardPunch && _agenda.TryWait(PunchAgenda.ChecksAlone, now)) return;
        if (peer.Route.Choose(now) == 0 || peer.Route.IsGoneEverywhere(now)) { _agenda.HandleUnanswered(now); return; }

        _size = SizeOf(strategy, now);
        strategy = _size == 0 ? PunchStrategy.None : Choose(_size); // What is left of the budget may not be enough.
        bool isFree = strategy.Method != PunchingMethod.None && (!strategy.IsHardPunch || context.Neighbours.TryTake(peer.Key, strategy, now));
        if (!isFree) { GiveWay(now); return; }

        _strategy = strategy with { OpenerHops = OpenerHops.After(_agenda.Failures, strategy, context.Nat, peer.Nat) };
        _round++;
        _theirs = null;
        if (_strategy.Method is PunchingMethod.FreshPorts or PunchingMethod.Sequence) Sample(now);
        else Offer(now);
    }

    private PunchStrategy Choose(int size) => PunchPlanner.ChooseAfter(_agenda.Failures, context.Nat, peer.Nat, size);

    private int SizeOf(PunchStrategy strategy, Instant now) =>
        strategy.IsHardPunch ? context.Neighbours.SizeFor(peer.Key, _target.Router, PortShare.Of(context.Nat, peer.Nat), now) : PunchPlanner.MostAtOnce;

    private void Offer(Instant now)
    {
        _offeredAt = now;
        Enter(PunchPhase.Offered, now + PunchTiming.AnswerPatience);
        Say(Describe(PunchingStep.Offer), now);
    }

    private void HandleOffer(PunchingPlan plan, Instant now)
    {
        if (_phase != PunchPhase.Idle) Abandon(now); // The proposer has given up the round before: it would not begin another otherwise.
        _round = plan.Round;
        _theirs = plan;
        _theirsCame = now;
        OfferedPunch offered = OfferedPunch.Of(plan, context.Nat, peer.Nat, strategy => SizeOf(strategy, now));
        _size = offered.Size;
        bool canBe = offered.CanBe && _target.Allows(offered.Strategy) && Target is { IsValid: true } && peer.Finder.Selected is null;
        if (canBe && !_agenda.TryTakePart(now)) { context.Drops.Count(NodeDrop.TooOften); return; }
        if (!canBe || (offered.Strategy.IsHardPunch && !context.Neighbours.TryTake(peer.Key, offered.Strategy, now)))
        {
            Say(new PunchWords(PunchingStep.Refusal, plan.Method), now);
            if (!offered.IsSame) peer.Hellos.Plan(now); // Nor the peer what ours is.
            return;
        }

        _strategy = offered.Strategy with { OpenerHops = OpenerHops.Of(plan) };
        if (plan.Method is PunchingMethod.FreshPorts or PunchingMethod.Sequence || _strategy.IsSampledHere) Sample(now);
        else Answer(now);
    }

    private TransportAddress Target => _target.Of(_theirs);

    private void Answer(Instant now)
    {
        Enter(PunchPhase.Answered, now + PunchTiming.GoPatience);
        Say(Describe(PunchingStep.Answer) with { HeldFor = now - _theirsCame }, now);
    }

    private void HandleAnswer(PunchingPlan plan, Instant now)
    {
        _theirs = plan;
        _agenda.HandleAnswered();
        if (now - _offeredAt - plan.HeldFor is { } rtt && rtt > TimeSpan.Zero) _rtt = rtt;
        if (_strategy.IsHardPunch) _strategy = PunchPlanner.For(plan.Method, context.Nat, peer.Nat, Math.Clamp(plan.Size, 1, _size)) with { OpenerHops = _strategy.OpenerHops };
        if (context.Neighbours.TryGiveWay(_strategy, now)) GiveWay(now);
        else if (!Target.IsValid || _strategy.Method == PunchingMethod.None) Fail(now);
        else if (_strategy.IsSampledHere) Sample(now);
        else Go(now);
    }

    private void Go(Instant now)
    {
        Say(Describe(PunchingStep.Go), now);
        Run(now + (_rtt ?? TimeSpan.Zero) / 2, now);
    }

    /// <summary>Asks which ports a new socket has.</summary>
    private void Sample(Instant now)
    {
        Enter(PunchPhase.Sampling, Instant.Never);
        _sampler = _sockets.Sample(_strategy, Target, _round, now);
        if (_sampler is null) FailHere(now);
    }

    private void TakeSample(Instant now)
    {
        if (_phase != PunchPhase.Sampling || _sampler is not { IsDone: true } sampler) return;
        if (!sampler.Serves(_strategy.Method)) FailHere(now);
        else if (_proposes && _theirs is null) Offer(now);
        else if (_proposes) Go(now);
        else Answer(now);
    }

    private PunchWords Describe(PunchingStep step) => PunchWords.Of(step, _strategy.Method, _target.Own, _sampler, context.Nat.PortStep);

    private void Run(Instant start, Instant now)
    {
        if (_theirs is not { } theirs || PunchLines.For(_strategy, theirs, Target, peer.Nat, _sockets, _sampler, context.Options.Entropy) is not { } lines)
        {
            Fail(now);
            return;
        }

        _sampler = null;
        _running = new PunchRound(context, peer, lines, _strategy.OpenerHops, start);
        if (_strategy.IsHardPunch) context.Neighbours.HandleRun();
        Enter(PunchPhase.Running, Instant.Never);
        Report(PunchResult.Running, now);
    }

    private void Step(PunchRound round, Instant now)
    {
        round.Step(now);
        if (round.Run.IsOver(now)) Fail(now);
        else Report(PunchResult.Running, now);
    }

    private void Succeed(PairId selected, Instant now)
    {
        bool isOurs = _sockets.Open.Contains(selected.Socket) || _running?.Has(selected) == true;
        Report(isOurs ? PunchResult.Succeeded : PunchResult.None, now);
        _agenda.HandleSucceeded();
        Abandon(now);
    }

    private void Fail(Instant now)
    {
        _agenda.HandleFailed(now);
        Report(PunchResult.Failed, now);
        Abandon(now);
    }

    /// <summary>This end lacks what its part takes, and says so: the other would take silence for its absence.</summary>
    private void FailHere(Instant now)
    {
        if (!_proposes) Say(new PunchWords(PunchingStep.Refusal, _strategy.Method) { IsOver = true }, now);
        Fail(now);
    }

    /// <summary>No answer, or no word to start. An offer that nobody answers says that the peer is away, or a relay, and nothing of the method.</summary>
    private void HandleSilence(Instant now)
    {
        if (_phase != PunchPhase.Offered) { Fail(now); return; }
        LetBe(now);
        _agenda.HandleUnanswered(now);
    }

    private void GiveWay(Instant now)
    {
        LetBe(now);
        _agenda.HandleBusy(now);
    }

    private void LetBe(Instant now)
    {
        Report(PunchResult.Waiting, now);
        Abandon(now);
    }

    /// <summary>What lacked nothing but an end's public address may lack it no more.</summary>
    private void Reconsider(Instant now)
    {
        if (Outcome is { Result: PunchResult.NotAttempted, Method: not PunchingMethod.None } && _phase == PunchPhase.Idle && _target.Allows(Choose(PunchPlanner.MostAtOnce))) _agenda.HandleNews(now);
    }

    private void StartAfresh(Instant now)
    {
        Outcome = PunchOutcome.None;
        _agenda.HandleNetworkChange(isFree: _phase == PunchPhase.Idle && peer.IsConfirmed, now);
    }

    /// <summary>Lets go of whatever was going on: the place, the sockets that no path uses, the checks in flight.</summary>
    private void Abandon(Instant now)
    {
        context.Neighbours.Return(peer.Key, _target.Router, _running?.Run.Lines.Count ?? _sockets.Open.Count, now);
        _sampler = null;
        _running = null;
        _strategy = PunchStrategy.None;
        Enter(PunchPhase.Idle, Instant.Never);
        _sockets.CloseUnused(now);
    }

    private void Enter(PunchPhase phase, Instant end)
    {
        _phase = phase;
        _phaseEnd = end;
    }

    private void Report(PunchResult result, Instant now) => Outcome = PunchOutcome.Of(_strategy, result, _running?.Run, _agenda.Failures, now);

    private void Say(PunchWords words, Instant now) => words.Say(context, peer, _round, _strategy, _size, now);
}
