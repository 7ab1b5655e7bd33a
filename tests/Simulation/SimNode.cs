using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Relay.Protocol.Frames;
using Timing;

namespace Simulation;

/// <summary>The shell of a simulated node: it drives the very core that real nodes have, and follows its paths as the real data plane does.</summary>
public sealed class SimNode : ISimReceiver
{
    private static readonly TimeSpan DiscoveryTakes = TimeSpan.FromSeconds(2);

    /// <summary>How long a relay may be silent before a node asks it for a sign of life.</summary>
    private static readonly TimeSpan RelaySilence = TimeSpan.FromSeconds(25);

    private static readonly TimeSpan PortMappingTakes = TimeSpan.FromMilliseconds(300);

    private readonly SimWorld _world;
    private readonly RelayMap _map;
    private readonly IReadOnlyList<StunServerAddress> _stun;
    private readonly Random _random;
    private readonly SimRelayLinks _relays;
    private readonly Dictionary<TransportAddress, NodeKey> _owners = [];
    private readonly Dictionary<NodeKey, SimPeer> _peers = [];
    private readonly SimSockets _sockets;
    private readonly SimContacts _contacts = new();
    private readonly SimMemory _memory = new();
    private readonly ushort _port;
    private NodeCore _core;
    private byte _host;
    private bool _isRunning;
    private bool _isAsleep;
    private TimeSpan _slept;
    private Action? _wake;

    internal SimNode(SimWorld world, SimSite site, byte host, NodeKeyPair keys, RelayMap map, IReadOnlyList<StunServerAddress> stun)
    {
        _world = world;
        _map = map;
        _stun = stun;
        _random = new Random(world.Random.Next());
        _relays = new SimRelayLinks(world, this, _random, region => Input(() => _core!.HandleRelayDisconnected(region, Now)));
        _sockets = new SimSockets(_random);
        _host = host;
        _port = (ushort)(50000 + host);
        Site = site;
        Keys = keys;
        site.Attach(this, host);
        _core = NewCore(startedAt: 1);
        world.Add(this);
    }

    /// <summary>The node's name.</summary>
    public NodeKey Key => Keys.PublicKey;

    /// <summary>Where it stands.</summary>
    public SimSite Site { get; private set; }

    /// <summary>Its address there: IPv4 where it has that.</summary>
    public TransportAddress Address => (Site.Kind.HasIpv4 ? Site.AddressOf(_host) : Site.Ipv6AddressOf(_host)).WithPort(_port);

    /// <summary>When its core is woken.</summary>
    public Instant NextTimeout => _isRunning && !_isAsleep && _core.NextTimeout is { } next ? next + _slept + Lag : Instant.Never;

    /// <summary>How late its core is woken, as on a busy machine.</summary>
    public TimeSpan Lag { get; set; }

    /// <summary>The most sockets it has had at once.</summary>
    public int MostSockets => _sockets.Most;

    /// <summary>The sockets it has open.</summary>
    public int OpenSockets => _sockets.Count;

    /// <summary>Says whether it is connected to a relay.</summary>
    public bool IsOnRelay => _relays.Connected.Length > 0;

    /// <summary>Datagrams it has sent that are not data: checks, answers, STUN.</summary>
    public int ControlDatagrams { get; private set; }

    /// <summary>Called with each data packet that arrives.</summary>
    public Action<SimNode, NodeKey, byte[]>? DataReceived { get; set; }

    /// <summary>The region it is at home in.</summary>
    public int HomeRegion => _core.HomeRegion;

    internal NodeKeyPair Keys { get; }

    internal NodeCore Core => _core;

    private Instant Now => new(_world.Now.Ticks - _slept.Ticks);

    /// <summary>Starts: it knows these peers, by their keys alone.</summary>
    public void Start(params ReadOnlySpan<SimNode> peers)
    {
        _isRunning = true;
        if (Site.Kind.HasIpv4) _sockets.Open(SocketId.Ipv4, isIpv4: true, _port);
        if (Site.Kind.HasIpv6) _sockets.Open(SocketId.Ipv6, isIpv4: false, _port);
        _core.HandleLocalAddresses(Site.AddressesOf(_host), Now);
        _core.HandleKnownNetwork(_memory.Of(Site), Now);
        _core.HandleStunServers(_stun, Now);
        foreach (SimNode peer in peers)
        {
            SimPeer link = new((socket, remote, packet) => SendUdp(socket, remote, packet), (region, packet) => TrySendByRelay(region, peer.Key, packet));
            _peers[peer.Key] = link; // What a process that was killed knew of its traffic is gone with it.
            _core.HandlePeerAdded(new PeerOptions { Key = peer.Key, Traffic = link.Traffic }, Now);
        }

        AskForPort();
        Drain();
    }

    /// <summary>The process is killed; <see cref="Start"/> begins anew, with a later start.</summary>
    public void Kill(long startedAt)
    {
        _isRunning = false;
        _relays.Clear();
        _owners.Clear();
        _sockets.CloseAll();
        _contacts.Clear();
        _core = NewCore(startedAt);
    }

    /// <summary>The host gets another address, on this site or another; what it was connected to breaks.</summary>
    public void Move(SimSite site, byte host)
    {
        Site.Detach(this, _host);
        Site = site;
        _host = host;
        site.Attach(this, host);
        foreach (int region in _relays.Connected)
        {
            _world.Relays[region].Disconnect(this);
            HandleRelay(region, isConnected: false);
        }

        Input(() => _core.HandleLocalAddresses(Site.AddressesOf(_host), Now));
        Input(() => _core.HandleKnownNetwork(_memory.Of(Site), Now));
        AskForPort();
    }

    /// <summary>The machine sleeps: it hears and does nothing, and its connections end.</summary>
    /// <param name="doesClockStand">Says that its monotonic clock stands still meanwhile, as Linux's; where it does not, all timers of that time are due at once.</param>
    public void Sleep(bool doesClockStand = true)
    {
        _isAsleep = true;
        Instant asleepSince = _world.Now;
        _wake = () =>
        {
            _isAsleep = false;
            if (doesClockStand) _slept += _world.Now - asleepSince;
            if (!_isRunning) return;
            foreach (int region in _relays.Wanted)
            {
                if (_relays.IsConnected(region)) HandleRelay(region, isConnected: false);
                else _relays.Dial(region);
            }

            Input(() => _core.HandleNetworkChange(Now)); // The shell sees by the wall clock that it has slept.
            Input(() => _core.HandleKnownNetwork(_memory.Of(Site), Now));
        };
        _relays.DisconnectAll();
    }

    /// <summary>It wakes.</summary>
    public void Wake()
    {
        _wake?.Invoke();
        _wake = null;
    }

    /// <summary>How a peer is reached now.</summary>
    public PathKind PathTo(SimNode peer) => _peers[peer.Key].Path.Kind;

    /// <summary>Says that packets to the peer go both ways at present.</summary>
    public bool IsSuspect(SimNode peer) => _peers[peer.Key].Path.IsSuspect;

    /// <summary>The relay that carries packets to the peer, or would; 0 = none.</summary>
    public int RelayTo(SimNode peer) => _peers[peer.Key].Path.RegionId;

    /// <summary>Where a peer is reached directly; not valid = it is not.</summary>
    public TransportAddress RemoteOf(SimNode peer) => _peers[peer.Key].Path.Remote;

    /// <summary>Why a peer is not reached directly; null where it is.</summary>
    public PathVerdict? VerdictOn(SimNode peer) => _core.Describe(peer.Key, Now)?.Verdict;

    /// <summary>The longest IP packet that the direct path to a peer was found to carry; null = not known.</summary>
    public int? MtuTo(SimNode peer) => _core.Describe(peer.Key, Now)?.Mtu;

    /// <summary>Says whether a hole to a peer was punched, was tried in vain, or was given up beforehand, and how; Checks where that was not needed.</summary>
    public SimPunch PunchTo(SimNode peer)
    {
        PunchOutcome outcome = _core.PunchingOf(peer.Key);
        return new SimPunch(outcome.Method.ToString(), outcome.Result.ToString());
    }

    /// <summary>Sends a data packet with that number.</summary>
    public void SendData(NodeKey peer, long number)
    {
        SimPeer link = _peers[peer];
        if (link.Traffic.NoteSent(Now)) Input(() => _core.HandleTraffic(peer, Now));
        link.Send(SimData.Of(number), Now);
    }

    internal void HandleTimeout()
    {
        if (!(NextTimeout <= _world.Now)) return;
        _core.HandleTimeout(Now);
        Drain();
    }

    /// <inheritdoc/>
    public void Receive(SimPacket packet)
    {
        if (!_isRunning || _isAsleep || !_sockets.TryFind(packet.Destination.IsIpv4, packet.Destination.Port, out SocketId socket))
        {
            _world.Drop(packet, SimDrop.NotHeard);
            return;
        }

        if (!SimData.Is(packet.Payload))
        {
            _world.CountDelivered();
            if (packet.Origin is { } origin && origin != this) _contacts.NoteHeard(socket, packet.Source, origin.Key, _world.Now);
            Input(() => _core.HandleDatagram(socket, packet.Source, packet.Payload, Now));
            return;
        }

        if (!_owners.TryGetValue(packet.Source, out NodeKey peer) || !_peers.TryGetValue(peer, out SimPeer? link))
        {
            _world.Drop(packet, SimDrop.UnknownSource);
            return;
        }

        _world.CountDelivered();
        if (link.Traffic.NoteReceivedDirect(Now)) Input(() => _core.HandleTraffic(peer, Now));
        DataReceived?.Invoke(this, peer, packet.Payload);
    }

    /// <summary>The router of the site has started anew: a port that it had opened is gone, and is asked for again.</summary>
    internal void HandleRouterRebooted()
    {
        AskForPort();
        _world.After(RelaySilence, _relays.Verify);
    }

    internal void ReceiveRelayed(int regionId, NodeKey source, byte[] packet)
    {
        if (!_isRunning || _isAsleep || !_relays.IsConnected(regionId)) return;
        if (PacketKinds.Of(packet) == PacketKind.Disco)
        {
            Input(() => _core.HandleRelayPacket(regionId, source, packet, Now));
            return;
        }

        if (!_peers.TryGetValue(source, out SimPeer? link)) return;
        if (link.Traffic.NoteReceivedByRelay(Now, link.Path.Kind == PathKind.Direct)) Input(() => _core.HandleTraffic(source, Now));
        DataReceived?.Invoke(this, source, packet);
    }

    internal bool WantsRelay(int regionId) => _isRunning && !_isAsleep && _relays.IsWanted(regionId);

    internal void HandleRelay(int regionId, bool isConnected)
    {
        if (!WantsRelay(regionId)) return;
        if (isConnected)
        {
            _relays.HandleConnected(regionId);
            Input(() => _core.HandleRelayConnected(regionId, Now));
            return;
        }

        _relays.HandleBroken(regionId);
    }

    internal void HandlePeerGone(int regionId, NodeKey peer, PeerGoneReason reason)
    {
        if (_isRunning && !_isAsleep && _relays.IsConnected(regionId)) Input(() => _core.HandlePeerGone(regionId, peer, reason, Now));
    }

    private NodeCore NewCore(long startedAt) => new(
        new NodeCoreOptions { Keys = Keys, Entropy = _random.NextBytes, StartedAt = startedAt, UdpPort = _port, HasIpv4 = Site.Kind.HasIpv4, HasIpv6 = Site.Kind.HasIpv6 },
        _map,
        Now);

    private void Input(Action input)
    {
        input();
        Drain();
    }

    private bool TrySendByRelay(int regionId, NodeKey peer, byte[] packet)
    {
        if (!_relays.IsConnected(regionId)) return false;
        _world.Relays[regionId].Send(this, peer, packet);
        return true;
    }

    private void SendUdp(SocketId socket, TransportAddress destination, byte[] payload, byte timeToLive = SimPacket.UsualTimeToLive)
    {
        bool hasFamily = destination.IsIpv4 ? Site.Kind.HasIpv4 : Site.Kind.HasIpv6;
        if (!hasFamily || !_sockets.TryFindPort(socket, out ushort port)) return; // As a socket that is not there.
        TransportAddress source = (destination.IsIpv4 ? Site.AddressOf(_host) : Site.Ipv6AddressOf(_host)).WithPort(port);
        _world.CountSent();
        Site.Send(new SimPacket(source, destination, payload) { TimeToLive = timeToLive, Origin = this });
    }

    private void AskForPort() => _world.After(PortMappingTakes, () =>
    {
        TransportAddress mapped = _isRunning && Site.Kind.HasIpv4 ? Site.OpenPort(Site.AddressOf(_host).WithPort(_port)) : default;
        if (_isRunning && Site.Kind.OpensPorts) Input(() => _core.HandlePortMapping(PortMappingStatus.NoGateway with { State = PortMappingState.Mapped, Gateway = Site.AddressOf(1), Mapped = mapped }, Now));
    });

    private void Verify(NodeKey peer, SelectedPath before, SelectedPath after)
    {
        if (after.Kind != PathKind.Direct || (before.Kind == PathKind.Direct && before.Remote == after.Remote && before.Socket == after.Socket)) return;
        if (!_contacts.IsProven(after, peer, _world.Now)) _world.Violations.Add($"{_world.Now}: {after.Remote} became the path to {peer} without a word of the peer from there");
    }

    private void Drain()
    {
        while (_core.TryDequeueEvent(out NodeEvent? nodeEvent)) CarryOut(nodeEvent!);
        while (_core.TryDequeueTransmit(out Transmit transmit))
        {
            if (!transmit.IsByRelay)
            {
                ControlDatagrams++;
                _contacts.NoteSent(transmit.Socket, transmit.Destination, _world.Now);
                SendUdp(transmit.Socket, transmit.Destination, transmit.Payload, transmit.Ttl == 0 ? SimPacket.UsualTimeToLive : transmit.Ttl);
            }
            else
            {
                TrySendByRelay(transmit.RegionId, transmit.Peer, transmit.Payload);
            }
        }
    }

    private void CarryOut(NodeEvent nodeEvent)
    {
        switch (nodeEvent)
        {
            case NodeEvent.PathSelected selected when _peers.TryGetValue(selected.Peer, out SimPeer? link):
                Verify(selected.Peer, link.Path, selected.Path);
                link.SetPath(selected.Path, Now);
                break;
            case NodeEvent.NetworkDoubted:
                _relays.Verify();
                break;
            case NodeEvent.AddressLearnt learnt:
                _owners[learnt.Address] = learnt.Peer;
                break;
            case NodeEvent.AddressForgotten forgotten:
                _owners.Remove(forgotten.Address);
                break;
            case NodeEvent.SocketWanted wanted:
                _sockets.OpenAnywhere(wanted.Socket);
                break;
            case NodeEvent.SocketUnwanted unwanted:
                _sockets.Close(unwanted.Socket);
                break;
            case NodeEvent.RelayWanted wanted:
                _relays.Want(wanted.RegionId);
                break;
            case NodeEvent.RelayUnwanted unwanted:
                _relays.Unwant(unwanted.RegionId);
                break;
            case NodeEvent.NatDiscoveryWanted wanted:
                SimSite asked = Site;
                _world.After(DiscoveryTakes, () => Discover(asked, wanted));
                break;
            case NodeEvent.NatLearnt learnt:
                _memory.Note(learnt);
                break;
            default:
                break; // Homes matter to a relay's statistics, and to a file over a restart: neither is simulated.
        }
    }

    /// <summary>A discovery has ended, rightly: it is tried for itself elsewhere. One that a move has overtaken is void.</summary>
    private void Discover(SimSite asked, NodeEvent.NatDiscoveryWanted wanted)
    {
        if (!_isRunning || asked != Site) return;
        NatProfile found = TrueProfile.Of(asked, wanted.IsIpv4);
        bool canTell = wanted.Servers.Count(_world.IsAttached) > 1;
        if (!canTell) found = found with { Mapping = NatMapping.Unknown, Filtering = NatFiltering.Unknown }; // It takes a second address to tell.
        Input(() => _core.HandleNatProfile(wanted.IsIpv4, found, Now));
    }
}
