using Addresses;
using Node.Traversal.Core.Links;
using Node.Traversal.Core.Punching;
using Node.Traversal.Core.RelayMaps;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core;

/// <summary>What all of a core's parts share: the node's keys, what it knows of itself, and the way out.</summary>
internal sealed class NodeContext
{
    /// <summary>A region that could not be reached for this long is passed over for the next in rank.</summary>
    public static readonly TimeSpan UnreachableAfter = TimeSpan.FromSeconds(3);

    /// <summary>The network is doubted no more often than this, however many peers fall silent.</summary>
    private static readonly TimeSpan DoubtInterval = TimeSpan.FromSeconds(2);

    private readonly Dictionary<int, RelayLink> _links = [];
    private readonly Queue<Transmit> _transmits = [];
    private readonly Queue<NodeEvent> _events = [];
    private Instant? _lastDoubt;
    private bool _isInDoubt;

    public NodeContext(NodeCoreOptions options, RelayMap map)
    {
        Options = options;
        Map = map;
        Moves = new RelayMoves(this);
        Sockets = new ExtraSockets(this);
        Neighbours = new PunchNeighbours(this);
        Span<byte> seed = stackalloc byte[NodeKey.Length];
        options.Entropy(seed);
        DiscoKeys = NodeKeyPair.FromPrivateKey(seed);
    }

    public NodeCoreOptions Options { get; }

    public RelayMap Map { get; set; }

    public NodeKey OwnKey => Options.Keys.PublicKey;

    /// <summary>Says that our key is the lower one: that end proposes what both must agree on.</summary>
    public bool Precedes(NodeKey peer)
    {
        Span<byte> own = stackalloc byte[NodeKey.Length];
        Span<byte> theirs = stackalloc byte[NodeKey.Length];
        OwnKey.CopyTo(own);
        peer.CopyTo(theirs);
        return own.SequenceCompareTo(theirs) < 0;
    }

    /// <summary>The keys made at this start.</summary>
    public NodeKeyPair DiscoKeys { get; }

    public DiscoKey OwnDiscoKey => new(DiscoKeys.PublicKey);

    public int HomeRegion { get; set; }

    /// <summary>The region that home moves to once it is connected; 0 = home stays.</summary>
    public int NextHome { get; set; }

    /// <summary>What is known of the NAT for IPv4, or for IPv6 where there is no IPv4.</summary>
    public NatProfile Nat { get; set; }

    /// <summary>What is known of the NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 { get; set; }

    /// <summary>How far away the relays are, as peers are told; the nearest first.</summary>
    public IReadOnlyList<RegionLatency> Latencies { get; set; } = [];

    /// <summary>Says whether a captive portal stands before the network; null = not looked for, for UDP works, or not known.</summary>
    public bool? CaptivePortal { get; set; }

    /// <summary>Where we may be reached, best first.</summary>
    public IReadOnlyList<Candidate> Candidates { get; set; } = [];

    /// <summary>Those of them that are addresses of this machine.</summary>
    public IReadOnlySet<TransportAddress> LocalCandidates { get; set; } = new HashSet<TransportAddress>();

    /// <summary>The links this machine is on, as far as they can be named; at most <see cref="AnnouncedLink.MaxLinks"/>.</summary>
    public IReadOnlyList<OwnLink> Links { get; set; } = [];

    /// <summary>How the world sees our sockets, the most often reported first.</summary>
    public IReadOnlyList<TransportAddress> Mapped { get; set; } = [];

    /// <summary>STUN servers for new sockets, each with another IPv4 address.</summary>
    public IReadOnlyList<TransportAddress> StunServers { get; set; } = [];

    /// <summary>What hard punches may cost the routers.</summary>
    public PunchBudget Punches { get; } = new();

    /// <summary>Peers behind our own router, which take turns with us.</summary>
    public PunchNeighbours Neighbours { get; }

    /// <summary>The sockets opened for them.</summary>
    public ExtraSockets Sockets { get; }

    /// <summary>Counts our punching plans: no two have the same number.</summary>
    public long NextPlanCounter { get; set; }

    public CandidateFilter Filter { get; } = new();

    public NodeDropCounters Drops { get; } = new();

    /// <summary>The relays that are being left.</summary>
    public RelayMoves Moves { get; }

    /// <summary>Set when the relays that are wanted may be others than before; whoever works them out clears it.</summary>
    public bool HaveRoutesChanged { get; set; } = true;

    /// <summary>Counts our Hellos: no two have the same number.</summary>
    public long NextHelloCounter { get; set; }

    /// <summary>Counts our lists of candidates: no two have the same number.</summary>
    public long NextCandidatesCounter { get; set; }

    public bool HasAnyRelay => _links.Values.Any(link => link.IsConnected);

    public RelayLink Link(int regionId)
    {
        if (_links.TryGetValue(regionId, out RelayLink? link)) return link;
        link = new RelayLink();
        _links.Add(regionId, link);
        return link;
    }

    public bool IsConnected(int regionId) => _links.TryGetValue(regionId, out RelayLink? link) && link.IsConnected;

    /// <summary>Says whether the region has been failing for long enough to pass it over.</summary>
    public bool IsUnreachable(int regionId, Instant now) =>
        _links.TryGetValue(regionId, out RelayLink? link) && !link.IsConnected && link.FailingSince is { } since && now - since >= UnreachableAfter;

    /// <summary>Says whether something new may be begun at the region's relay.</summary>
    public bool MayUse(RelayRegion region, Instant now) => region.MayBeHome && region.HasRelay && !Moves.IsLeaving(region.Id) && !IsUnreachable(region.Id, now);

    /// <summary>Says whether anything has come from the region's relay within that time.</summary>
    public bool WasHeard(int regionId, TimeSpan within, Instant now) =>
        _links.TryGetValue(regionId, out RelayLink? link) && link.IsConnected && link.LastHeard is { } heard && now - heard <= within;

    /// <summary>The region is not asked for any more: what was known of its connection is void.</summary>
    public void HandleUnwanted(int regionId) => _links.Remove(regionId);

    /// <summary>A peer has fallen silent, and it may be our own network that has changed: the relays are to be asked, and the STUN servers.</summary>
    public void Doubt(Instant now)
    {
        if (_lastDoubt is { } last && now - last < DoubtInterval) return;
        _lastDoubt = now;
        _isInDoubt = true;
        Raise(new NodeEvent.NetworkDoubted());
    }

    /// <summary>Says whether the network has been doubted since this was last asked.</summary>
    public bool TakeDoubt()
    {
        bool isInDoubt = _isInDoubt;
        _isInDoubt = false;
        return isInDoubt;
    }

    public void Send(Transmit transmit) => _transmits.Enqueue(transmit);

    public void Raise(NodeEvent nodeEvent) => _events.Enqueue(nodeEvent);

    public bool TryDequeueTransmit(out Transmit transmit) => _transmits.TryDequeue(out transmit);

    public bool TryDequeueEvent(out NodeEvent? nodeEvent) => _events.TryDequeue(out nodeEvent);

    /// <summary>Seals a message of ours.</summary>
    public byte[] Seal(NodeKey sender, Box box, ReadOnlySpan<byte> message)
    {
        Span<byte> nonce = stackalloc byte[Box.NonceLength];
        Options.Entropy(nonce);
        return DiscoEnvelope.Seal(sender, box, nonce, message);
    }

    /// <summary>A random share of <paramref name="span"/>, for jitter.</summary>
    public TimeSpan RandomUpTo(TimeSpan span)
    {
        Span<byte> random = stackalloc byte[sizeof(uint)];
        Options.Entropy(random);
        return span * (BitConverter.ToUInt32(random) / (double)uint.MaxValue);
    }

    /// <summary>What is known of the connection to one region.</summary>
    internal sealed class RelayLink
    {
        public bool IsConnected { get; set; }

        /// <summary>Says that it was there before: the next time is a return.</summary>
        public bool WasConnected { get; set; }

        /// <summary>Since when it has been there without a break; null while it is not.</summary>
        public Instant? ConnectedSince { get; set; }

        /// <summary>When anything came from the relay last.</summary>
        public Instant? LastHeard { get; set; }

        /// <summary>Since when it is wanted and not there; null while it is there or no attempt has failed.</summary>
        public Instant? FailingSince { get; set; }
    }
}
