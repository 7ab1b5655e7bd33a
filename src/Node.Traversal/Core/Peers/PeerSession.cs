using Addresses;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// What we share with one peer: the greetings that make its disco key known and prove it alive, its home, its NAT, and the path finder
/// whose checks are sealed here. <see cref="NodeCore"/> sees to when.
/// </summary>
internal sealed class PeerSession
{
    /// <summary>Punching plans taken from a peer: an attempt has a handful.</summary>
    private const double PlansPerSecond = 4;
    private const double PlanBurst = 12;

    /// <summary>Moves of a peer's home that are followed: each is one more relay to be connected to, for a minute at the least.</summary>
    private const double HomeMovesPerSecond = 0.1;
    private const double HomeMoveBurst = 3;

    private static readonly TimeSpan MinCallMeMaybeGap = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan HelloFirst = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan HelloJitter = TimeSpan.FromMilliseconds(500);

    private readonly NodeContext _context;
    private readonly SeenChecks _seenChecks;
    private readonly HelloExchange _greetings;
    private TokenBucket _plans;
    private TokenBucket _homeMoves;
    private Box? _discoBox;
    private int _answerBy; // The region by which the next Hello goes; 0 = as all else.
    private Instant? _nextCallMeMaybe;

    public PeerSession(NodeContext context, PeerOptions options, Instant now)
    {
        _context = context;
        Options = options;
        TunnelRanges = options.TunnelRanges;
        _greetings = new HelloExchange(context, options.Key, now);
        _plans = new TokenBucket(PlansPerSecond, PlanBurst, now);
        Candidates = new PeerCandidates(context, this, now);
        _seenChecks = new SeenChecks(now);
        _homeMoves = new TokenBucket(HomeMovesPerSecond, HomeMoveBurst, now);
        Route = new PeerRoute(context, options.Key);
        PairRelay = new PairRelay(context, Route);
        RelayProof = new RelayProof(options.Traffic);
        if (context.Map.Find(options.LastHomeRegion) is not null) Route.MoveHome(options.LastHomeRegion);
        Finder = new PathFinder(options.Traffic, context.Options.Entropy);
        Punch = new HolePunch(context, this);
        context.Neighbours.Add(this);
        PathSince = now;
        AddConfiguredCandidates();
    }

    public PeerOptions Options { get; }

    public NodeKey Key => Options.Key;

    /// <summary>The peer's AllowedIPs as they are now.</summary>
    public IReadOnlyList<IpPrefix> TunnelRanges { get; set; }

    public PeerRoute Route { get; }

    /// <summary>The relay that makes the whole way shortest, while there is traffic by relay.</summary>
    public PairRelay PairRelay { get; }

    /// <summary>Whether the relay is known to reach the peer.</summary>
    public RelayProof RelayProof { get; }

    public PathFinder Finder { get; }

    public HelloSchedule Hellos { get; } = new();

    /// <summary>What is done to make a hole together with the peer.</summary>
    public HolePunch Punch { get; }

    /// <summary>Says that the peer takes punching plans.</summary>
    public bool TakesPlans { get; private set; }

    /// <summary>The disco key of the peer's latest start; null = never heard.</summary>
    public DiscoKey? DiscoKey { get; private set; }

    /// <summary>Says that the peer has echoed our disco key: it lives, and knows us.</summary>
    public bool IsConfirmed { get; private set; }

    /// <summary>What the peer knows of its NAT for IPv4, or for IPv6 where it has no IPv4.</summary>
    public NatProfile Nat { get; private set; }

    /// <summary>What the peer knows of its NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 { get; private set; }

    /// <summary>Where the peer says that it may be reached.</summary>
    public PeerCandidates Candidates { get; }

    /// <summary>The way that was last published.</summary>
    public SelectedPath Path { get; private set; } = SelectedPath.None;

    public Instant PathSince { get; private set; }

    /// <summary>When the peer was last told our candidates; null = never.</summary>
    public Instant? LastCallMeMaybe { get; private set; }

    /// <summary>When this session wants to be looked at; null = nothing is planned.</summary>
    public Instant? NextTimeout
    {
        get
        {
            Instant next = Instant.Min(Hellos.Next ?? Instant.Never, _nextCallMeMaybe ?? Instant.Never);
            next = Instant.Min(next, Finder.NextTimeout ?? Instant.Never);
            next = Instant.Min(next, Punch.NextTimeout ?? Instant.Never);
            next = Instant.Min(next, Instant.Min(PairRelay.NextAsk ?? Instant.Never, PairRelay.NextTimeout ?? Instant.Never));
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>Takes a Hello that came by relay.</summary>
    public void HandleHello(int regionId, ReadOnlySpan<byte> envelope, Instant now)
    {
        if (_greetings.Open(envelope, out bool isDoubtful, now) is { } hello) Accept(hello, regionId, now);
        else if (isDoubtful) Hellos.Plan(now);
    }

    /// <summary>Takes a punching plan that came by relay, its box opened.</summary>
    public void HandlePlan(ReadOnlySpan<byte> message, Instant now)
    {
        if (!IsConfirmed) { _context.Drops.Count(NodeDrop.WrongWay); return; }
        if (!_plans.TryTake(1, now)) { _context.Drops.Count(NodeDrop.TooOften); return; }
        if (!PunchingPlan.TryRead(message, out PunchingPlan? plan) || plan is null) { _context.Drops.Count(NodeDrop.Malformed); return; }
        if (plan.Sender != Key || plan.Receiver != _context.OwnKey) { _context.Drops.Count(NodeDrop.WrongParty); return; }
        Punch.HandlePlan(plan, now);
    }

    /// <summary>Takes a check that came by UDP, its box opened: answers it, and takes its source for an address of the peer.</summary>
    /// <returns>False where it proves nothing of where it came from.</returns>
    public bool HandlePing(PairId arrivedOn, ReadOnlySpan<byte> message, Instant now)
    {
        if (!DiscoPing.TryRead(message, out DiscoPing ping)) { _context.Drops.Count(NodeDrop.Malformed); return false; }
        if (ping.Sender != Key) { _context.Drops.Count(NodeDrop.WrongParty); return false; }

        // Checks carry no counter. One that was captured and comes again from elsewhere would have us check, and answer, whoever it names.
        if (!_seenChecks.TryNote(ping.Id, arrivedOn.Remote)) { _context.Drops.Count(NodeDrop.Stale); return false; }
        if (!_seenChecks.TryAnswer(now)) { _context.Drops.Count(NodeDrop.TooOften); return false; }

        Span<byte> pong = stackalloc byte[DiscoPong.LengthWithCount];
        new DiscoPong(ping.Id, arrivedOn.Remote) { DataReceived = unchecked((uint)Options.Traffic.ReceivedDirect) }.Write(pong);
        SendSealed(arrivedOn, pong);
        Finder.HandlePing(arrivedOn, now);
        return true;
    }

    /// <summary>Takes an answer that came by UDP, its box opened.</summary>
    /// <returns>False where it answers no check in flight: then it proves nothing of where it came from.</returns>
    public bool HandlePong(PairId arrivedOn, ReadOnlySpan<byte> message, Instant now)
    {
        if (!DiscoPong.TryRead(message, out DiscoPong pong)) { _context.Drops.Count(NodeDrop.Malformed); return false; }
        if (Finder.HandlePong(arrivedOn, pong.Id, pong.DataReceived, now) || Punch.TryHandlePong(arrivedOn, pong.Id, pong.DataReceived, now)) return true;
        _context.Drops.Count(NodeDrop.UnmatchedPong);
        return false;
    }

    /// <summary>Opens an envelope sealed with the peer's disco key; null where it does not open.</summary>
    public byte[]? Open(ReadOnlySpan<byte> envelope)
    {
        byte[] message = new byte[envelope.Length - DiscoEnvelope.Overhead];
        if (_discoBox is not null && message.Length > 0 && DiscoEnvelope.TryOpen(envelope, _discoBox, message)) return message;
        _context.Drops.Count(NodeDrop.NotOpened);
        return null;
    }

    /// <summary>Our candidates have changed: the peer is to hear of it, if it is to hear of us at all.</summary>
    public void PlanCallMeMaybe(Instant now)
    {
        if (!IsConfirmed) return;
        Instant earliest = LastCallMeMaybe is { } last ? Instant.Max(now, last + MinCallMeMaybeGap) : now;
        _nextCallMeMaybe = _nextCallMeMaybe is { } next ? Instant.Min(next, earliest) : earliest;
    }

    /// <summary>The peer's ranges are others: a path that lies in there would carry itself, and an address that no longer does may be tried.</summary>
    public void HandleTunnelRanges(Instant now)
    {
        if (Finder.Selected is { } selected && !IsUsable(selected.Remote)) Finder.HandleSendFailed(selected.Remote, now);
        AddConfiguredCandidates();
        Candidates.HandleTunnelRanges(now);
        Drain(now);
    }

    /// <summary>Sends a check.</summary>
    public void SendCheck(PathCheck check)
    {
        int length = check.PacketLength == 0 ? DiscoPing.Length : check.PacketLength - SelectedPath.HeadersTo(check.Pair.Remote) - DiscoEnvelope.Overhead;
        Span<byte> ping = stackalloc byte[PathMtuProbe.Longest];
        ping.Clear();
        new DiscoPing(check.Id, _context.OwnKey).Write(ping);
        SendSealed(check.Pair, ping[..length], check.Ttl, isWhole: check.PacketLength != 0);
    }

    /// <summary>Sends a message of ours by relay; false where no relay is connected, or the peer does not know us yet.</summary>
    public bool SendRelayed(ReadOnlySpan<byte> message, Instant now)
    {
        int region = Route.Choose(now);
        if (region == 0 || !IsConfirmed || _discoBox is null) return false;
        _context.Send(Transmit.ByRelay(region, Key, _context.Seal(_context.DiscoKeys.PublicKey, _discoBox, message)));
        return true;
    }

    /// <summary>Sends a Hello now: news, an answer, or a question that is repeated until it is answered.</summary>
    public void SendHello(Instant now)
    {
        int region = _context.IsConnected(_answerBy) ? _answerBy : Route.Choose(now);
        if (region == 0)
        {
            Hellos.Postpone(Instant.Never); // The connection, when it comes, asks for it again.
            return;
        }

        _answerBy = 0;
        _greetings.Send(region, Hellos.IsAwaiting, now);
        Hellos.HandleSent(now, _context.RandomUpTo(HelloJitter));
    }

    /// <summary>Asks the peer, by a relay that is to carry the pair, to answer by it.</summary>
    public void AskByRelay(Instant now)
    {
        if (PairRelay.TryTakeDue(now, out int region)) _greetings.Send(region, asksForAnswer: true, now);
    }

    /// <summary>The peer was heard by a relay.</summary>
    /// <param name="regionId">Its region.</param>
    /// <param name="isAnswer">Says that this answers what was asked by that relay.</param>
    /// <param name="now">The present.</param>
    public void HandleHeard(int regionId, bool isAnswer, Instant now)
    {
        Route.HandleHeard(regionId, now);
        RelayProof.HandleHeard();
        PairRelay.HandleHeard(regionId, isAnswer, now);
        Punch.HandleHeard(now);
    }

    /// <summary>Does what is due but for Hellos, which <see cref="NodeCore"/> paces over all peers, and publishes what has changed.</summary>
    public void HandleTimeout(Instant now)
    {
        if (Finder.NextTimeout <= now) Finder.HandleTimeout(now);
        if (Punch.NextTimeout <= now) Punch.HandleTimeout(now);
        Drain(now);
        if (_nextCallMeMaybe <= now) SendCallMeMaybe(now);
    }

    /// <summary>Sends the checks the finder has planned, and publishes the path if it has changed.</summary>
    public void Drain(Instant now)
    {
        Punch.HandleProgress(now);
        while (Finder.TryDequeueTransmit(out PathCheck check)) SendCheck(check);
        if (Finder.WantsCallMeMaybe)
        {
            Finder.WantsCallMeMaybe = false;
            PlanCallMeMaybe(now);
        }

        if (Finder.DoubtsNetwork)
        {
            Finder.DoubtsNetwork = false;
            _context.Doubt(now);
        }

        Finder.HasChanged = false;
        Publish(now);
    }

    /// <summary>Draws from both profiles whether checks can succeed, so that those that cannot are made rarely, and how often an idle path must be kept open.</summary>
    public void JudgeNats()
    {
        Finder.Keepalive = KeepaliveInterval.For(_context.Nat.LifetimeSeconds, Nat.LifetimeSeconds);
        bool isHard = _context.Nat.IsHard && Nat.IsHard;
        bool isBlocked = _context.Nat.Udp == UdpReach.Blocked || Nat.Udp == UdpReach.Blocked;
        Finder.IsHopeless = isHard || isBlocked;
    }

    /// <summary>Says whether the peer may be reached at, or speak from, this address: a link-local one on a link that both are on, and no other.</summary>
    public bool IsUsable(TransportAddress address)
    {
        bool isAllowed = address.IsIpv6LinkLocal ? Candidates.Links.IsOnShared(address) : _context.Filter.IsAllowed(address);
        return isAllowed && (address.IsIpv4 ? _context.Options.HasIpv4 : _context.Options.HasIpv6);
    }

    private void Accept(Hello hello, int regionId, Instant now)
    {
        bool isNewStart = DiscoKey != hello.DiscoKey;
        bool isRestart = isNewStart && DiscoKey is not null;
        bool knowsUs = hello.Echo == _context.OwnDiscoKey;
        bool becomesConfirmed = knowsUs && (!IsConfirmed || isNewStart);

        Nat = hello.Nat;
        NatIpv6 = hello.NatIpv6;
        TakesPlans = hello.Plans >= PunchingPlan.Version;
        Finder.OpensFirst = TakesPlans;
        if (isNewStart)
        {
            DiscoKey = hello.DiscoKey;
            _discoBox = new Box(_context.DiscoKeys, hello.DiscoKey.Value);
            IsConfirmed = false;
            Candidates.HandleRestart();
            PairRelay.HandleRestarted();
            if (isRestart) Finder.HandlePeerRestarted(now);
        }

        IsConfirmed |= knowsUs;
        HandleHeard(regionId, isAnswer: _greetings.IsEchoBy(regionId, hello), now);
        MoveHome(hello.HomeRegion, now);
        PairRelay.OfPeer = hello.Latencies;

        // Who asks by a relay that is neither end's home asks whether it carries; at our home everybody asks, and is answered at its own.
        if (hello.AsksForAnswer) _answerBy = regionId == _context.HomeRegion || _context.Moves.IsLeaving(regionId) ? 0 : regionId;
        JudgeNats();
        Hellos.HandleHeard();
        if (!IsConfirmed) Hellos.Ask(now);
        else if (hello.AsksForAnswer || !knowsUs || isNewStart) Hellos.Plan(now); // It asks, or does not know yet that we know it.

        if (becomesConfirmed)
        {
            if (TakesPlans) Punch.HandleConfirmed(_greetings.RoundTripOf(hello, now), now);
            else Finder.StartSearch(now);
            PlanCallMeMaybe(now);
        }
        else
        {
            Punch.HandleProfile(now);
        }
    }

    private void MoveHome(int homeRegion, Instant now)
    {
        if (homeRegion == 0 || homeRegion == Route.HomeRegion || _context.Map.Find(homeRegion) is not { HasRelay: true }) return;
        if (!_homeMoves.TryTake(1, now)) { _context.Drops.Count(NodeDrop.TooOften); return; }
        Route.MoveHome(homeRegion);
        _context.Raise(new NodeEvent.PeerHomeLearnt(Key, homeRegion));
    }

    private void SendCallMeMaybe(Instant now)
    {
        // The peer takes it only from a node whose Hello has echoed it: one that is about to go, goes first.
        if (Hellos.Next is { } hello && hello - now <= HelloSchedule.MinGap)
        {
            _nextCallMeMaybe = hello + HelloFirst;
            return;
        }

        _nextCallMeMaybe = null;
        AnnouncedCandidates own = new() { Sender = _context.OwnKey, Receiver = Key, Counter = _context.NextCandidatesCounter++, List = _context.Candidates, Links = Candidates.Links.ToSay() };
        if (!SendRelayed(own.ToMessage(), now)) return;
        Candidates.Links.HandleSaid(own.Links);
        SendRelayed(CallMeMaybe.ToMessage([.. _context.Candidates.Select(candidate => candidate.Address)]), now);
        LastCallMeMaybe = now;
        Punch.HandleCandidatesSent(now);
    }

    /// <summary>What IP (without options) and UDP put before a datagram, in bytes.</summary>
    private void SendSealed(PairId pair, ReadOnlySpan<byte> message, byte ttl = 0, bool isWhole = false)
    {
        if (_discoBox is null) return; // The peer was never heard: there is nobody to seal for.
        _context.Send(Transmit.ByUdp(pair.Socket, pair.Remote, _context.Seal(_context.DiscoKeys.PublicKey, _discoBox, message)) with { Ttl = ttl, IsWhole = isWhole });
    }

    private void Publish(Instant now)
    {
        RelayProof.Update(Finder.Selected is not null && !Finder.IsSuspect, now);
        PairRelay.Update(isNeeded: IsConfirmed && Finder.Selected is null && Finder.IsActive(now), now);
        int region = PairRelay.Choose(Route.Choose(now));
        SelectedPath path = Finder.Selected is { } pair ? SelectedPath.Direct(pair, region, Finder.IsSuspect || Finder.IsOnTrial) with { IsUnproven = RelayProof.IsAwaited(now), Mtu = Finder.Mtu }
            : region != 0 ? SelectedPath.ByRelay(region) with { IsUnproven = DiscoKey is null || Route.IsGoneEverywhere(now) || RelayProof.IsAwaited(now) }
            : SelectedPath.None;
        if (path == Path) return;

        if (Path.RegionId == 0 && Hellos.IsAwaiting) Hellos.Ask(now); // A greeting that had no way to go goes now.
        if (path.Kind != Path.Kind || path.Remote != Path.Remote) PathSince = now;
        Path = path;
        _context.Raise(new NodeEvent.PathSelected(Key, path));
    }

    private void AddConfiguredCandidates()
    {
        foreach (TransportAddress address in Options.ExtraCandidates)
        {
            if (IsUsable(address)) Finder.AddConfigured(address);
        }
    }
}
