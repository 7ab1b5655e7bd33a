using Addresses;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Asks the map's STUN servers, cycle after cycle, how the world sees our sockets. From the answers come the server-reflexive candidates,
/// the latency of the regions, and what kind of NAT we are behind.
/// </summary>
internal sealed class StunProber(NodeContext context)
{
    /// <summary>Below the 30 s for which a NAT keeps a mapping; random, so that nodes do not fall into step.</summary>
    private static readonly TimeSpan MinInterval = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan IntervalJitter = TimeSpan.FromSeconds(6);

    /// <summary>From cycle to cycle while nothing answers: the network may just have come up.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    /// <summary>From cycle to cycle while no peer has traffic.</summary>
    private static readonly TimeSpan IdleInterval = TimeSpan.FromMinutes(5);

    /// <summary>An address seen this long ago may still be ours: two cycles.</summary>
    private static readonly TimeSpan ObservationLifetime = TimeSpan.FromSeconds(60);

    /// <summary>
    /// The first cycles measure every region, so that one lost answer does not hide it; of a large map as many as it takes to ask each once
    /// (<see cref="ProbePlan.FullCyclesFor"/>). Later ones measure just the nearest, until a full one is due again.
    /// </summary>
    private const int FirstFullCycles = 2;
    private static readonly TimeSpan FullInterval = TimeSpan.FromMinutes(5);

    private readonly Dictionary<TransactionId, (StunServerAddress Server, Instant SentAt)> _inFlight = [];
    private readonly Dictionary<TransportAddress, Observation> _observations = [];
    private List<StunServerAddress> _servers = [];
    private ProbeCycle? _cycle;
    private ProbeCycle? _previous;
    private Instant? _lastCycle;
    private Instant? _lastFull;
    private Instant? _nextCycle;
    private int _cycles;
    private int _fullCycles;
    private bool _isNewMap = true;
    private int _unexplored; // Full cycles until each region was asked once in this network.
    private bool _cycleAnswered;
    private bool _isInDoubt;
    private bool _hasAsked;

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => _cycle is null ? _nextCycle : _cycle.NextTimeout;

    /// <summary>How far away the regions are.</summary>
    public RegionLatencies Latencies { get; } = new();

    /// <summary>How the world sees our sockets: what several servers report first, then what is one server's word against others'.</summary>
    public IReadOnlyList<ReflexiveAddress> Reflexive { get; private set; } = [];

    /// <summary>What the answers so far say of the NAT for IPv4.</summary>
    public NatProfile Profile { get; private set; }

    /// <summary>What the answers so far say of the NAT or firewall for IPv6.</summary>
    public NatProfile ProfileIpv6 { get; private set; }

    /// <summary>Our public IPv4 address as most servers report it, with port 0; not valid = not known since the last change of network.</summary>
    public TransportAddress PublicIpv4 { get; private set; }

    /// <summary>The same for IPv6.</summary>
    public TransportAddress PublicIpv6 { get; private set; }

    /// <summary>Says whether at least one cycle has ended.</summary>
    public bool HasCompletedCycle { get; private set; }

    /// <summary>Says that the last cycle has ended without an answer, or that there is nobody to ask.</summary>
    public bool IsSilent => HasCompletedCycle && _cycle is null && !_cycleAnswered;

    /// <summary>Says that peers have traffic: mapped addresses are kept fresh.</summary>
    public bool IsActive { get; set; }

    /// <summary>The lowest round trip to a region of late; null = none has answered.</summary>
    public TimeSpan? LatencyOf(int regionId) => Latencies.BestOf(regionId);

    /// <summary>Says whether a server of that family has answered of late.</summary>
    public bool HasAnswer(bool isIpv4) => _observations.Keys.Any(server => server.IsIpv4 == isIpv4);

    /// <summary>Says whether a server of that family has answered that can tell of the NAT; until the first cycle has ended, one beyond it is waited for.</summary>
    public bool HasWitness(bool isIpv4) => HasAnswer(isIpv4) && (HasCompletedCycle || _observations.Keys.Any(server => server.IsIpv4 == isIpv4 && !IsInside(server)));

    /// <summary>The servers of one family that can tell of the NAT: those that have answered first, by distance; on our side of it only where nobody has from beyond.</summary>
    public IEnumerable<TransportAddress> ServersByDistance(bool isIpv4) => _servers.Where(server => server.Address.IsIpv4 == isIpv4)
        .OrderByDescending(server => _observations.ContainsKey(server.Address))
        .ThenBy(server => LatencyOf(server.RegionId) ?? TimeSpan.MaxValue)
        .Select(server => server.Address)
        .Where(server => !IsInside(server) || _observations.Keys.All(other => other.IsIpv4 != isIpv4 || IsInside(other)));

    /// <summary>Takes the servers there are, and asks them.</summary>
    public void HandleServers(IReadOnlyList<StunServerAddress> servers, Instant now)
    {
        List<StunServerAddress> usable = [.. servers.Where(IsUsable).Distinct()];
        if (_cycles > 0 && _servers.SequenceEqual(usable)) return;
        _isNewMap |= !usable.Select(server => server.RegionId).ToHashSet().SetEquals(_servers.Select(server => server.RegionId));
        _servers = usable;
        _cycles = 0;
        StartCycle(now);
    }

    /// <summary>Asks again now: our addresses have changed, and what was seen before may be nobody's.</summary>
    public void HandleNetworkChange(Instant now)
    {
        _observations.Clear();
        Profile = new NatProfile(NatMapping.Unknown, Profile.Udp);
        ProfileIpv6 = default;
        PublicIpv4 = default;
        PublicIpv6 = default;
        Latencies.Clear();
        _previous = null;
        _cycles = 0;
        _isNewMap = true;
        StartCycle(now);
    }

    /// <summary>
    /// Asks again, for we may be seen elsewhere; what was seen before counts until other answers come. Where a cycle is under way, whose answers may be
    /// from before, the next follows at its end: begun anew at every doubt, it would have no end where UDP is blocked.
    /// </summary>
    public void AskAgain(Instant now)
    {
        if (_cycle is not null) _isInDoubt = true;
        else if (_servers.Count > 0) StartCycle(now);
    }

    /// <summary>Asks again if the last cycle is older than a mapping may live.</summary>
    public void Refresh(Instant now)
    {
        if (_cycle is not null || _nextCycle is null) return;
        _nextCycle = Instant.Min(_nextCycle.Value, (_lastCycle ?? now) + MinInterval);
    }

    /// <summary>Takes a STUN answer. It counts only from the server that was asked, for a request in flight.</summary>
    /// <param name="source">Where it came from.</param>
    /// <param name="datagram">The answer, or what would be one.</param>
    /// <param name="now">The present.</param>
    /// <param name="isNews">Says that something became known or changed.</param>
    /// <returns>False where it does not count: nothing has to be done because of it.</returns>
    public bool TryHandleResponse(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now, out bool isNews)
    {
        if (!StunBindingResponse.TryRead(datagram, out TransactionId id, out TransportAddress mapped)
            || !_inFlight.TryGetValue(id, out (StunServerAddress Server, Instant SentAt) request)
            || request.Server.Address != source
            || !IsPlausible(mapped, source))
        {
            context.Drops.Count(NodeDrop.UnmatchedStun);
            return isNews = false;
        }

        _inFlight.Remove(id);
        _cycleAnswered = true;
        _observations[source] = new Observation(request.Server, mapped, now);
        Latencies.Note(request.Server.RegionId, now - request.SentAt);
        _cycle?.HandleAnswer(request.Server, now - request.SentAt, now);
        if (_cycle?.IsOver(now) == true) EndCycle(now);
        isNews = Evaluate(now);
        return true;
    }

    /// <summary>Sends what is due.</summary>
    /// <returns>True where something became known or changed.</returns>
    public bool HandleTimeout(Instant now)
    {
        if (_cycle is null)
        {
            if (_nextCycle <= now) StartCycle(now);
            return false;
        }

        Ask(_cycle, now);
        if (!_cycle.IsOver(now)) return false;
        EndCycle(now);
        return Evaluate(now);
    }

    private void StartCycle(Instant now)
    {
        ProbePlan plan = MakePlan(now);
        if (plan.IsFull) _lastFull = now;
        _cycle = new ProbeCycle(plan, now, _previous?.Regions ?? 0);
        _inFlight.Clear();
        _cycleAnswered = false;
        _isInDoubt = false;
        _lastCycle = now;
        _cycles++;
        if (plan.Sets.Count == 0) EndCycle(now);
        else Ask(_cycle, now);
    }

    private ProbePlan MakePlan(Instant now)
    {
        ProbeKnowledge known = new(_servers)
        {
            LatencyOf = LatencyOf,
            MayBeHome = region => context.Map.Find(region)?.MayBeHome ?? true,
            HomeRegion = context.HomeRegion,
            HasSeenIpv4 = _previous?.IsSilentInOne(isIpv4: true) != true,
            HasSeenIpv6 = _previous?.IsSilentInOne(isIpv4: false) != true,
            Turn = _cycles,
            FullTurn = _fullCycles,
        };
        if (_isNewMap) _unexplored = ProbePlan.FullCyclesFor(known);
        _isNewMap = false;
        bool isFull = _cycles < FirstFullCycles || _unexplored > 0 || !(now - _lastFull < FullInterval);
        if (!isFull) return ProbePlan.Incremental(known);
        _fullCycles++;
        _unexplored = Math.Max(0, _unexplored - 1);
        return ProbePlan.Full(known);
    }

    private void Ask(ProbeCycle cycle, Instant now)
    {
        Span<byte> random = stackalloc byte[TransactionId.Length];
        foreach (StunServerAddress server in cycle.TakeDue(now))
        {
            context.Options.Entropy(random);
            TransactionId id = TransactionId.Read(random); // One a request: a late answer to the first must not look like a fast one to the second.
            byte[] request = new byte[StunBindingRequest.Length];
            StunBindingRequest.Write(request, id);
            _inFlight.Add(id, (server, now));
            context.Send(Transmit.ByUdp(SocketId.For(server.Address), server.Address, request));
            _hasAsked = true;
        }
    }

    private void EndCycle(Instant now)
    {
        _previous = _cycle;
        _cycle = null;
        Latencies.EndRound(now);
        HasCompletedCycle = true;
        TimeSpan interval = _isInDoubt ? TimeSpan.Zero
            : !_cycleAnswered ? RetryInterval
            : _unexplored > 0 ? RetryInterval
            : _cycles < FirstFullCycles ? RetryInterval
            : !IsActive ? IdleInterval
            : MinInterval + context.RandomUpTo(IntervalJitter);
        _nextCycle = _servers.Count == 0 ? null : now + interval;
    }

    private bool Evaluate(Instant now)
    {
        foreach (TransportAddress server in _observations.Where(entry => now - entry.Value.At > ObservationLifetime && IsActive).Select(entry => entry.Key).ToArray())
        {
            _observations.Remove(server);
        }

        ReflexiveAddress[] reflexive = [.. RankOf(isIpv4: true).Concat(RankOf(isIpv4: false)).OrderByDescending(seen => seen.IsConfirmed)];
        NatProfile profile = new(MappingOf(isIpv4: true, Profile.Mapping), ReachNow(now));
        UdpReach ipv6Reach = HasAnswer(isIpv4: false) ? UdpReach.Works : UdpReach.Unknown; // Silence may just mean that there is no IPv6 here.
        NatProfile profileIpv6 = new(MappingOf(isIpv4: false, ProfileIpv6.Mapping), ipv6Reach);
        TransportAddress publicIpv4 = PublicAddressOf(isIpv4: true, PublicIpv4);
        TransportAddress publicIpv6 = PublicAddressOf(isIpv4: false, PublicIpv6);
        bool hasChanged = profile != Profile || profileIpv6 != ProfileIpv6 || publicIpv4 != PublicIpv4 || publicIpv6 != PublicIpv6 || !reflexive.ToHashSet().SetEquals(Reflexive);
        Reflexive = reflexive;
        Profile = profile;
        ProfileIpv6 = profileIpv6;
        PublicIpv4 = publicIpv4;
        PublicIpv6 = publicIpv6;
        return hasChanged;
    }

    /// <summary>Says whether a server has seen us on its own side of the NAT.</summary>
    private bool IsInside(TransportAddress server) => _observations.TryGetValue(server, out Observation seen) && Sightings.IsInside(seen.Mapped, context.LocalCandidates);

    private IEnumerable<ReflexiveAddress> RankOf(bool isIpv4) => Sightings.Rank(SightingsOf(isIpv4, Instant.Origin), context.LocalCandidates);

    /// <summary>Compares what was seen in one cycle: between two, a mapping may have died and another been made. What one cycle has shown holds until another shows more.</summary>
    private NatMapping MappingOf(bool isIpv4, NatMapping before)
    {
        Sighting[] sightings = SightingsOf(isIpv4, _lastCycle ?? Instant.Origin);
        NatMapping seen = Sightings.MappingOf(sightings, context.LocalCandidates);
        bool mayBeOneLiar = seen == NatMapping.EndpointDependent && _cycle is not null; // Two disagree; the others have not spoken yet.
        bool mayBeInside = _cycle is not null && sightings.All(sighting => Sightings.IsInside(sighting.Mapped, context.LocalCandidates)); // Those beyond the NAT are farther.
        return seen == NatMapping.Unknown || mayBeOneLiar || mayBeInside ? before : seen;
    }

    /// <summary>What one cycle has shown holds until another shows more; the first to speak of another address may lie, and the others are heard before.</summary>
    private TransportAddress PublicAddressOf(bool isIpv4, TransportAddress before)
    {
        Sighting[] sightings = Sightings.Beyond(SightingsOf(isIpv4, _lastCycle ?? Instant.Origin), context.LocalCandidates);
        TransportAddress seen = Sightings.PublicAddressOf(sightings);
        bool isOneVoice = Sightings.HostsOf(sightings) < 2 && _cycle is not null;
        return seen.IsValid && !isOneVoice ? seen : before;
    }

    private Sighting[] SightingsOf(bool isIpv4, Instant since) =>
        [.. _observations.Where(seen => seen.Value.Mapped.IsIpv4 == isIpv4 && seen.Value.At >= since).Select(seen => new Sighting(seen.Key, seen.Value.Mapped))];

    private UdpReach ReachNow(Instant now)
    {
        if (_observations.Values.Any(seen => now - seen.At <= ObservationLifetime) || (!IsActive && _observations.Count > 0 && _cycleAnswered)) return UdpReach.Works;
        return HasCompletedCycle && _hasAsked && !_cycleAnswered ? UdpReach.Blocked : Profile.Udp;
    }

    /// <summary>A server tells us where we are: it must be an address that somebody else could send to.</summary>
    private bool IsPlausible(TransportAddress mapped, TransportAddress server)
    {
        if (mapped.Port == 0 || (mapped.IsIpv6 && server.IsIpv4)) return false; // By IPv4 nobody comes from IPv6. The other way round there is NAT64.
        AddressScope scope = AddressScopes.ScopeOf(mapped);
        bool isServerGlobal = AddressScopes.ScopeOf(server) == AddressScope.Global;
        return scope switch
        {
            AddressScope.Global => true,
            AddressScope.Private => !isServerGlobal, // A public server that sees a private address lies, or stands behind our own NAT.
            AddressScope.Loopback => context.Options.AllowLoopback,
            _ => false,
        };
    }

    private bool IsUsable(StunServerAddress server) =>
        server.Address.IsValid && server.Address.Port != 0 && (server.Address.IsIpv4 ? context.Options.HasIpv4 : context.Options.HasIpv6);

    private readonly record struct Observation(StunServerAddress Server, TransportAddress Mapped, Instant At);
}
