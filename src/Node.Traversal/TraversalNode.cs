using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Io;
using Node.Traversal.Io.Netcheck;
using Node.Traversal.Io.PortMapping;
using Node.Traversal.Io.Relay;
using Node.Traversal.Io.Stun;
using Node.Traversal.Telemetry;
using Relay.Protocol;
using Timing;

namespace Node.Traversal;

/// <summary>
/// A node: give it keys and a relay map, add peers by their public keys, and send. The first datagram goes by relay at once; a direct path
/// is found and kept meanwhile, and left for the relay when it fails.
/// </summary>
public sealed class TraversalNode : IAsyncDisposable
{
    private readonly TraversalNodeOptions _options;
    private readonly ILogger _log;
    private readonly MonotonicClock _clock;
    private readonly UdpSockets _sockets;
    private readonly NodeState _state;
    private readonly NetworkMemory _networks;
    private readonly NodeLoop _loop;
    private readonly RelayConnections _relays;
    private readonly DatagramDemux _demux;
    private readonly DataPlane _plane;
    private readonly MarkedDns _dns;
    private readonly RelayTransport _transport;
    private readonly NatWatch _nat;
    private readonly ConcurrentDictionary<NodeKey, TraversalPeer> _peers = new();
    private readonly PathWatchers _watchers = new();
    private StunServerList? _stunServers;
    private LinkMonitor? _links;
    private PortMappingPair? _portMapping;
    private bool _isPortMapped;
    private HttpsLatencyLoop? _https;
    private volatile RelayMap _map;
    private volatile uint _mark;
    private volatile int _isDisposed;

    private TraversalNode(TraversalNodeOptions options, UdpSockets sockets)
    {
        _options = options;
        _sockets = sockets;
        _map = options.RelayMap;
        _mark = options.FirewallMark;
        _log = options.LoggerFactory.CreateLogger("Node.Traversal");
        _clock = new MonotonicClock(options.TimeProvider);
        _state = new NodeState(options.StateFile, options.TimeProvider, _log);
        _networks = new NetworkMemory(_state, NetworkFingerprintReader.Read);
        NodeCore core = new(
            new NodeCoreOptions
            {
                Keys = options.PrivateKey,
                Entropy = RandomNumberGenerator.Fill,
                StartedAt = _state.StartedAt,
                UdpPort = sockets.Port,
                AdvertisedAddresses = options.AdvertisedAddresses,
                HasIpv4 = sockets.HasIpv4,
                HasIpv6 = sockets.HasIpv6,
                AllowLoopback = options.AllowLoopback,
            },
            options.RelayMap,
            _clock.Now);
        _loop = new NodeLoop(core, _clock, Counters, Send, CarryOut, _log);
        _nat = new NatWatch(() => _mark, (isIpv4, found) => _loop.Post((changed, now) => changed.HandleNatProfile(isIpv4, found, now)), _loop.Faults, _log);
        _dns = new MarkedDns(() => _mark, options.TimeProvider, _log);
        _transport = new RelayTransport(_dns, () => _mark, () => options.RelayProxy, options.TimeProvider, _log);
        RelayDialer dialer = new(options.PrivateKey, _transport, _loop.Faults.Guard(options.RelayToken), options.TimeProvider);
        _relays = new RelayConnections(options.PrivateKey, _loop, dialer, _peers, _clock, Counters, _log) { Map = options.RelayMap };
        _demux = new DatagramDemux(_loop, Counters, _clock);
        _plane = new DataPlane(_clock, Counters, sockets) { Loop = _loop, Relays = _relays };
        Metrics = new TraversalMetrics(Counters, core.Drops, reason => _portMapping?.CountOf(reason) ?? 0, () => _loop.Read((asked, now) => asked.ReadFigures(now)));
    }

    /// <summary>The node's name.</summary>
    public NodeKey PublicKey => _options.PrivateKey.PublicKey;

    /// <summary>The local UDP port.</summary>
    public ushort UdpPort => _sockets.Port;

    internal TraversalCounters Counters { get; } = new();

    internal TraversalMetrics Metrics { get; }

    /// <summary>Starts a node. It is ready once its sockets are bound: no relay need be up.</summary>
    /// <exception cref="ArgumentException">An option cannot be used; the message says which, and what would be right.</exception>
    /// <exception cref="SocketException">The port is taken, or the firewall mark is not permitted.</exception>
    public static async Task<TraversalNode> StartAsync(TraversalNodeOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellation.ThrowIfCancellationRequested();
        UdpSockets sockets = UdpSockets.Bind(options.Port, options.PrivateKey.PublicKey, options.FirewallMark);
        TraversalNode? node = null;
        try
        {
            node = new TraversalNode(options, sockets);
            node.Start();
            return node;
        }
        catch
        {
            if (node is not null) await node.DisposeAsync();
            else sockets.Dispose(); // The port is free for the next attempt.
            throw;
        }
    }

    /// <summary>Adds a peer. It can be sent to at once.</summary>
    /// <exception cref="ArgumentException">The key is the node's own or nobody's, or that peer was added before.</exception>
    /// <exception cref="ObjectDisposedException">The node has ended.</exception>
    public TraversalPeer AddPeer(TraversalPeerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        ObjectDisposedException.ThrowIf(_isDisposed != 0, this);
        options.Validate();
        if (options.PublicKey == PublicKey) throw new ArgumentException("A node is no peer of itself: give another node's public key.", nameof(options));
        TraversalPeer peer = new(options, _plane);
        if (!_peers.TryAdd(options.PublicKey, peer)) throw new ArgumentException($"Peer {options.PublicKey} was added before.", nameof(options));

        // What was proven before a restart very likely still holds, and what it delivers is sealed: the peer's packets are taken at once.
        PeerState known = _state.Find(options.PublicKey);
        if (known.Address.IsValid) _demux.Learn(known.Address, peer);
        IReadOnlyList<TransportAddress> extra = known.Address.IsValid ? [.. options.ExtraCandidates, known.Address] : options.ExtraCandidates;
        _loop.Post((core, now) => core.HandlePeerAdded(
            new PeerOptions { Key = options.PublicKey, TunnelRanges = options.AllowedAddresses, ExtraCandidates = extra, LastHomeRegion = known.HomeRegion, Traffic = peer.Traffic },
            now));
        return peer;
    }

    /// <summary>Removes a peer. False where there is none of that name.</summary>
    public bool RemovePeer(NodeKey publicKey)
    {
        if (!_peers.TryRemove(publicKey, out TraversalPeer? peer)) return false;
        peer.Close();
        _loop.Post((core, now) => core.HandlePeerRemoved(publicKey, now));
        _demux.Forget(peer);
        return true;
    }

    /// <summary>Marks every packet from now on; 0 = none.</summary>
    /// <exception cref="SocketException">The process lacks CAP_NET_ADMIN.</exception>
    /// <exception cref="ObjectDisposedException">The node has ended.</exception>
    public void SetFirewallMark(uint mark)
    {
        _mark = mark;
        if (OperatingSystem.IsLinux()) _sockets.SetFirewallMark(mark);
        _relays.SetFirewallMark(mark);
    }

    /// <summary>
    /// Says that <see cref="TraversalNodeOptions.RelayToken"/> may give another token than before: relays of ours are shown it on the connection as
    /// it is, at most one in 15 s, others at the next login.
    /// </summary>
    public void RenewRelayToken() => _relays.RenewToken();

    /// <summary>Uses other relays from now on; connections to those that stay are kept.</summary>
    public void SetRelayMap(RelayMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        _map = map;
        _loop.Post((core, now) =>
        {
            core.HandleRelayMap(map, now);
            _relays.HandleMap(map);
        });
        _stunServers?.SetMap(map);
    }

    /// <summary>Other addresses are the tunnel's from now on.</summary>
    public void SetTunnelAddresses(IReadOnlyList<TransportAddress> addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        _loop.Post((core, now) => core.HandleTunnelAddresses(addresses, now));
        _links?.Exclude(addresses);
    }

    /// <summary>Other ranges lead into the tunnel from now on, besides those of the node's own peers.</summary>
    public void SetTunnelRanges(IReadOnlyList<IpPrefix> ranges)
    {
        ArgumentNullException.ThrowIfNull(ranges);
        _loop.Post((core, now) => core.HandleTunnelRanges(ranges, now));
    }

    /// <summary>How the node and its peers stand at this moment.</summary>
    public NodeStatus GetStatus() => _loop.Read((core, now) =>
    {
        DateTimeOffset wall = _options.TimeProvider.GetUtcNow();
        HomeRelay? home = _map.Find(core.HomeRegion) is { } region && _relays.FindConnected(region.Id) is not null ? new HomeRelay(region.Id, region.Code) : null;
        List<PeerStatus> peers = [];
        foreach (TraversalPeer peer in _peers.Values)
        {
            // One that was added a moment ago has not reached the core yet.
            PeerReport report = core.Describe(peer.PublicKey, now) ?? new PeerReport(PathKind.None, default, 0, null, now, new PathVerdict(VerdictCode.Checking, "the peer was added just now"));
            peers.Add(new PeerStatus
            {
                PublicKey = peer.PublicKey,
                Path = report.Path,
                Endpoint = report.Remote.IsValid ? report.Remote : null,
                EndpointKind = report.RemoteKind,
                Relay = report.Path == PathKind.Relay && _map.Find(report.RegionId) is { } relay ? new PeerRelay(relay.Id, relay.Code) : null,
                Rtt = report.Rtt,
                PathMtu = report.Mtu,
                PutBacks = report.PutBacks,
                PutBackEndpoints = report.PutBackRemotes,
                Since = wall - (now - report.Since),
                RxBytes = peer.RxBytes,
                TxBytes = peer.TxBytes,
                Verdict = report.Verdict,
            });
        }

        return new NodeStatus(new SelfStatus(PublicKey, home, UdpPort) { PortMapping = _portMapping?.Status ?? PortMappingStatus.Off, RelayProblem = home is null ? _relays.ProblemOf(core.HomeRegion) : null, Nat = core.Nat, NatIpv6 = core.NatIpv6, Candidates = core.Candidates, CaptivePortal = core.CaptivePortal }, peers);
    });

    /// <summary>Tells every change of path from now on, until the node ends. A watcher that is slow misses the oldest.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public IAsyncEnumerable<PathChange> WatchPathsAsync(CancellationToken cancellation = default) => _watchers.WatchAsync(cancellation);

    /// <summary>Ends the node: its tasks, its thread, its sockets and its connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0) return;
        if (_links is not null) await _links.DisposeAsync();
        if (_stunServers is not null) await _stunServers.DisposeAsync();
        if (_https is not null) await _https.DisposeAsync();
        if (_portMapping is not null) await _portMapping.DisposeAsync();
        await _nat.DisposeAsync();
        await _loop.DisposeAsync(); // Before the relays: it may want another one until its end.
        await _relays.DisposeAsync();
        _sockets.Dispose();
        await _state.DisposeAsync();
        Metrics.Dispose();
        foreach (TraversalPeer peer in _peers.Values) peer.Close();
        _watchers.End();
    }

    private void Start()
    {
        TraversalLog.Started(_log, PublicKey, UdpPort);
        if (_sockets.WantedPort != 0 && _sockets.WantedPort != UdpPort) TraversalLog.PortTaken(_log, _sockets.WantedPort, UdpPort);
        _loop.Post((core, now) => core.HandleTunnelAddresses(_options.TunnelAddresses, now));
        SetTunnelRanges(_options.TunnelRanges);
        _https = new HttpsLatencyLoop(new HttpsLatencyProbe(_transport, _clock), new CaptivePortalProbe(() => _mark, _options.TimeProvider), () => _map, _loop, _log);
        _loop.Start();
        if (_options.PortMapping && !_options.AllowLoopback && _sockets.HasIpv4)
        {
            _portMapping = new PortMappingPair(UdpPort, _sockets.HasIpv6, () => _mark, _clock, HandlePortMapping);
            _portMapping.HandleAddresses([]); // Until some are told, every way may be the tunnel's.
        }

        _links = new LinkMonitor(_options.TunnelAddresses, _options.AllowLoopback, () => _mark, _options.TimeProvider, _loop.Faults, HandleAddresses, links => _loop.Post((core, now) => core.HandleLinks(links, now)), HandleNetworkChange);
        _portMapping?.Start(); // Now that it knows which addresses are not the tunnel's.
        _stunServers = new StunServerList(_map, _dns, _loop, _options.TimeProvider);
        _sockets.Start(_demux.Receive);
    }

    private void HandleAddresses(IReadOnlyList<TransportAddress> addresses)
    {
        _portMapping?.HandleAddresses(addresses);
        LookAtNetwork((core, now) => core.HandleLocalAddresses(addresses, now));
    }

    /// <summary>The addresses are the same, and the network is not: another way out, or a sleep.</summary>
    private void HandleNetworkChange() => LookAtNetwork((core, now) => core.HandleNetworkChange(now));

    private void LookAtNetwork(Action<NodeCore, Instant> handleChange)
    {
        TransportAddress[] gateways = [.. new[] { DefaultGateway.FindIpv4().Address, DefaultGateway.FindIpv6().Address }.Where(gateway => gateway.IsValid)];
        _networks.Look(network => _loop.Post((core, now) =>
        {
            core.HandleGateways(gateways);
            handleChange(core, now);
            core.HandleKnownNetwork(network, now);
        }));
        _stunServers?.LookAgain();
        _relays.Verify();
    }

    private void HandlePortMapping(PortMappingStatus status)
    {
        bool isMapped = status.AllMapped.Any();
        if (isMapped != _isPortMapped && isMapped) TraversalLog.PortMapped(_log, UdpPort);
        else if (isMapped != _isPortMapped) TraversalLog.PortNotMapped(_log, UdpPort);
        _isPortMapped = isMapped;
        _loop.Post((core, now) => core.HandlePortMapping(status, now));
    }

    private void Send(Transmit transmit)
    {
        if (transmit.IsByRelay) _relays.FindConnected(transmit.RegionId)?.SendControl(transmit.Peer, transmit.Payload);
        else if (transmit.IsWhole) SendWhole(transmit);
        else _sockets.Send(transmit.Socket, transmit.Destination, transmit.Payload, transmit.Ttl); // A check that does not go is a check unanswered: the core draws its conclusion.
    }

    private void SendWhole(Transmit transmit)
    {
        SocketError error = _sockets.SendWhole(transmit.Socket, transmit.Destination, transmit.Payload);
        if (error == SocketError.MessageSize) Counters.Count(TraversalDrop.ProbeTooLong);
    }

    private void CarryOut(NodeEvent nodeEvent)
    {
        switch (nodeEvent)
        {
            case NodeEvent.PathSelected selected:
                Publish(selected);
                break;
            case NodeEvent.AddressLearnt learnt when _peers.TryGetValue(learnt.Peer, out TraversalPeer? owner):
                _demux.Learn(learnt.Address, owner);
                break;
            case NodeEvent.AddressForgotten forgotten:
                _demux.Forget(forgotten.Address);
                break;
            case NodeEvent.SocketWanted socket:
                OpenSocket(socket.Socket);
                break;
            case NodeEvent.SocketUnwanted socket:
                _sockets.Close(socket.Socket);
                break;
            case NodeEvent.RelayWanted wanted when _map.Find(wanted.RegionId) is { } region:
                _relays.Want(region);
                break;
            case NodeEvent.RelayUnwanted unwanted:
                _relays.LetGo(unwanted.RegionId);
                break;
            case NodeEvent.HomeSelected home:
                _relays.SetHome(home.RegionId);
                _state.NoteLatencies(_networks.Present, _loop.Read((core, _) => core.Latencies));
                TraversalLog.HomeSelected(_log, _map.Find(home.RegionId)?.Code ?? "none");
                break;
            case NodeEvent.NetworkDoubted:
                _relays.Verify();
                break;
            case NodeEvent.HttpsLatencyWanted wanted:
                _https?.Measure(wanted);
                break;
            case NodeEvent.NatDiscoveryWanted wanted:
                _networks.LookAgain(network => _loop.Post((core, now) => core.HandleKnownNetwork(network, now)));
                _nat.Start(wanted);
                break;
            case NodeEvent.NatLearnt learnt:
                _state.NoteNat(learnt.Network, learnt.IsIpv4, learnt.Nat);
                break;
            case NodeEvent.PeerHomeLearnt home:
                _state.NoteHome(home.Peer, home.RegionId);
                break;
            default:
                break; // For a peer that was removed meanwhile.
        }
    }

    private void OpenSocket(SocketId socket)
    {
        try
        {
            _sockets.Open(socket, TransportAddress.FromIpv4(0, 0));
        }
        catch (SocketException exception)
        {
            TraversalLog.SocketNotOpened(_log, exception.Message); // Out of descriptors, most likely.
            _loop.Post((core, now) => core.HandleSocketLost(socket, now));
        }
    }

    private void Publish(NodeEvent.PathSelected selected)
    {
        if (!_peers.TryGetValue(selected.Peer, out TraversalPeer? peer)) return;
        bool isAnotherWay = selected.Path.Kind != peer.Path;
        bool isAnotherPath = isAnotherWay || selected.Path.Remote != peer.Remote;
        bool hasNews = isAnotherPath || selected.Path.Mtu != peer.Mtu;
        peer.SetPath(selected.Path);
        if (!hasNews) return; // Doubt, or its end, on the same path: the embedder need not know.
        if (isAnotherPath && selected.Path.Kind == PathKind.Direct)
        {
            _state.NoteAddress(selected.Peer, selected.Path.Remote);
            TraversalLog.PathAddress(_log, selected.Peer, selected.Path.Remote);
        }

        if (isAnotherWay) TraversalLog.PathSelected(_log, selected.Peer, Spell(selected.Path.Kind));
        _watchers.Tell(new PathChange(selected.Peer, selected.Path.Kind, selected.Path.Remote.IsValid ? selected.Path.Remote : null) { PathMtu = selected.Path.Mtu });
    }

    private static string Spell(PathKind kind) => kind switch
    {
        PathKind.Direct => "directly",
        PathKind.Relay => "by relay",
        _ => "no way",
    };
}
