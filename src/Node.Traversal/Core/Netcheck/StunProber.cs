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
    /// <summary>The most servers asked in a cycle, nearest regions first: enough for any map, and no flood for a hostile one.</summary>
    public const int MaxServersOfCycle = 32;

    /// <summary>When a server that has not answered is asked again, after the first request (RFC 8489 §6.2.1's doubling, from a shorter start).</summary>
    private static readonly TimeSpan[] RequestOffsets =
    [
        TimeSpan.Zero, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(600),
    ];

    /// <summary>A cycle ends this long after its start: what has not answered by then does not.</summary>
    private static readonly TimeSpan CycleLength = TimeSpan.FromMilliseconds(1500);

    /// <summary>Below the 30 s for which a NAT keeps a mapping; random, so that nodes do not fall into step.</summary>
    private static readonly TimeSpan MinInterval = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan IntervalJitter = TimeSpan.FromSeconds(6);

    /// <summary>From cycle to cycle while nothing answers: the network may just have come up.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(5);

    /// <summary>From cycle to cycle while no peer has traffic.</summary>
    private static readonly TimeSpan IdleInterval = TimeSpan.FromMinutes(5);

    /// <summary>An address seen this long ago may still be ours: two cycles.</summary>
    private static readonly TimeSpan ObservationLifetime = TimeSpan.FromSeconds(60);

    private const int FullCycles = 2; // The first cycles measure every region; later ones just the nearest.
    private const int RegionsOfCycle = 2;

    private readonly Dictionary<TransactionId, (StunServerAddress Server, Instant SentAt)> _inFlight = [];
    private readonly Dictionary<TransportAddress, Observation> _observations = [];
    private readonly List<StunServerAddress> _waiting = [];
    private List<StunServerAddress> _servers = [];
    private Instant? _cycleStart;
    private Instant? _lastCycle;
    private Instant? _nextCycle;
    private int _request;
    private int _cycles;
    private bool _cycleAnswered;
    private bool _hasAsked;

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => _cycleStart is null ? _nextCycle : NextRequest ?? _cycleStart + CycleLength;

    /// <summary>How the world sees our sockets: what several servers report first, then what is one server's word against others'.</summary>
    public IReadOnlyList<ReflexiveAddress> Reflexive { get; private set; } = [];

    /// <summary>What the answers so far say of the NAT for IPv4.</summary>
    public NatProfile Profile { get; private set; }

    /// <summary>What the answers so far say of the NAT or firewall for IPv6.</summary>
    public NatProfile ProfileIpv6 { get; private set; }

    /// <summary>Says whether at least one cycle has ended.</summary>
    public bool HasCompletedCycle { get; private set; }

    /// <summary>Says that peers have traffic: mapped addresses are kept fresh.</summary>
    public bool IsActive { get; set; }

    private Instant? NextRequest => _waiting.Count > 0 && _request < RequestOffsets.Length ? _cycleStart + RequestOffsets[_request] : null;

    /// <summary>The lowest round trip to a region's servers of late; null = none has answered.</summary>
    public TimeSpan? LatencyOf(int regionId)
    {
        TimeSpan? lowest = null;
        foreach (Observation observation in _observations.Values)
        {
            if (observation.Server.RegionId == regionId && !(lowest <= observation.Rtt)) lowest = observation.Rtt;
        }

        return lowest;
    }

    /// <summary>Says whether a server of that family has answered of late.</summary>
    public bool HasAnswer(bool isIpv4) => _observations.Keys.Any(server => server.IsIpv4 == isIpv4);

    /// <summary>The servers of one family: those that have answered first, by distance.</summary>
    public IEnumerable<TransportAddress> ServersByDistance(bool isIpv4) => _servers.Where(server => server.Address.IsIpv4 == isIpv4)
        .OrderByDescending(server => _observations.ContainsKey(server.Address))
        .ThenBy(server => LatencyOf(server.RegionId) ?? TimeSpan.MaxValue)
        .Select(server => server.Address);

    /// <summary>Takes the servers there are, and asks them.</summary>
    public void HandleServers(IReadOnlyList<StunServerAddress> servers, Instant now)
    {
        List<StunServerAddress> usable = [.. servers.Where(IsUsable).Distinct()];
        if (_cycles > 0 && _servers.SequenceEqual(usable)) return;
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
        _cycles = 0;
        StartCycle(now);
    }

    /// <summary>Asks again if the last cycle is older than a mapping may live.</summary>
    public void Refresh(Instant now)
    {
        if (_cycleStart is not null || _nextCycle is null) return;
        _nextCycle = Instant.Min(_nextCycle.Value, (_lastCycle ?? now) + MinInterval);
    }

    /// <summary>Takes a STUN answer. It counts only from the server that was asked, for a request in flight.</summary>
    /// <returns>True where something became known or changed.</returns>
    public bool HandleResponse(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!StunBindingResponse.TryRead(datagram, out TransactionId id, out TransportAddress mapped)
            || !_inFlight.TryGetValue(id, out (StunServerAddress Server, Instant SentAt) request)
            || request.Server.Address != source
            || !IsPlausible(mapped, source))
        {
            context.Drops.Count(NodeDrop.UnmatchedStun);
            return false;
        }

        _inFlight.Remove(id);
        _waiting.Remove(request.Server);
        _cycleAnswered = true;
        _observations[source] = new Observation(request.Server, mapped, now - request.SentAt, now);
        if (_waiting.Count == 0) EndCycle(now);
        return Evaluate(now);
    }

    /// <summary>Sends what is due.</summary>
    /// <returns>True where something became known or changed.</returns>
    public bool HandleTimeout(Instant now)
    {
        if (_cycleStart is null)
        {
            if (_nextCycle <= now) StartCycle(now);
            return false;
        }

        if (NextRequest <= now) Ask(now);
        if (now - _cycleStart < CycleLength) return false;
        EndCycle(now);
        return Evaluate(now);
    }

    private void StartCycle(Instant now)
    {
        _waiting.Clear();
        _waiting.AddRange(ServersOfCycle().Take(MaxServersOfCycle));
        _inFlight.Clear();
        _request = 0;
        _cycleAnswered = false;
        _cycleStart = now;
        _lastCycle = now;
        _cycles++;
        if (_waiting.Count == 0) EndCycle(now);
        else Ask(now);
    }

    private IEnumerable<StunServerAddress> ServersOfCycle()
    {
        if (_cycles < FullCycles || !HasCompletedCycle) return _servers;

        HashSet<int> nearest = [.. _servers.Select(server => server.RegionId).Distinct()
            .OrderBy(region => LatencyOf(region) ?? TimeSpan.MaxValue).ThenBy(region => region).Take(RegionsOfCycle), context.HomeRegion];
        return _servers.Where(server => nearest.Contains(server.RegionId));
    }

    private void Ask(Instant now)
    {
        _request++;
        Span<byte> random = stackalloc byte[TransactionId.Length];
        foreach (StunServerAddress server in _waiting)
        {
            context.Options.Entropy(random);
            TransactionId id = TransactionId.Read(random); // One a request: a late answer to the first must not look like a fast one to the second.
            byte[] request = new byte[StunBindingRequest.Length];
            StunBindingRequest.Write(request, id);
            _inFlight.Add(id, (server, now));
            context.Send(Transmit.ByUdp(SocketId.For(server.Address), server.Address, request));
        }

        _hasAsked |= _waiting.Count > 0;
    }

    private void EndCycle(Instant now)
    {
        _cycleStart = null;
        _waiting.Clear();
        HasCompletedCycle = true;
        TimeSpan interval = !_cycleAnswered ? RetryInterval
            : !IsActive ? IdleInterval
            : _cycles < FullCycles ? RetryInterval
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
        bool hasChanged = profile != Profile || profileIpv6 != ProfileIpv6 || !reflexive.ToHashSet().SetEquals(Reflexive);
        Reflexive = reflexive;
        Profile = profile;
        ProfileIpv6 = profileIpv6;
        return hasChanged;
    }

    private IEnumerable<ReflexiveAddress> RankOf(bool isIpv4) => Sightings.Rank(SightingsOf(isIpv4, Instant.Origin), context.LocalCandidates);

    /// <summary>Compares what was seen in one cycle: between two, a mapping may have died and another been made. What one cycle has shown holds until another shows more.</summary>
    private NatMapping MappingOf(bool isIpv4, NatMapping before)
    {
        NatMapping seen = Sightings.MappingOf(SightingsOf(isIpv4, _lastCycle ?? Instant.Origin), context.LocalCandidates);
        bool mayBeOneLiar = seen == NatMapping.EndpointDependent && _cycleStart is not null; // Two disagree; the others have not spoken yet.
        return seen == NatMapping.Unknown || mayBeOneLiar ? before : seen;
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
        if (mapped.Port == 0) return false;
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

    private readonly record struct Observation(StunServerAddress Server, TransportAddress Mapped, TimeSpan Rtt, Instant At);
}
