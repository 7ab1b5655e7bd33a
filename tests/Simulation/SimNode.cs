using System.Buffers.Binary;
using Addresses;
using Node.Traversal;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Simulation;

/// <summary>
/// The shell of a simulated node: it drives the very core that real nodes have, and follows its paths as the real data plane does. Data
/// packets carry a number, so that losses and doubles show.
/// </summary>
public sealed class SimNode
{
    private const int DataLength = 16;
    private static readonly TimeSpan DiscoveryTakes = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ReconnectAfter = TimeSpan.FromSeconds(1);

    private readonly SimWorld _world;
    private readonly RelayMap _map;
    private readonly IReadOnlyList<StunServerAddress> _stun;
    private readonly Random _random;
    private readonly HashSet<int> _wanted = [];
    private readonly HashSet<int> _connected = [];
    private readonly Dictionary<TransportAddress, NodeKey> _owners = [];
    private readonly Dictionary<NodeKey, SimPeer> _peers = [];
    private NodeCore _core;
    private bool _isRunning;

    internal SimNode(SimWorld world, SimSite site, byte host, NodeKeyPair keys, RelayMap map, IReadOnlyList<StunServerAddress> stun)
    {
        _world = world;
        _map = map;
        _stun = stun;
        _random = new Random(world.Random.Next());
        Site = site;
        Keys = keys;
        Address = site.AddressOf(host).WithPort((ushort)(50000 + host));
        site.Attach(Address, this);
        _core = NewCore(startedAt: 1);
        world.Add(this);
    }

    /// <summary>The node's name.</summary>
    public NodeKey Key => Keys.PublicKey;

    /// <summary>Where it stands.</summary>
    public SimSite Site { get; private set; }

    /// <summary>Its address there.</summary>
    public TransportAddress Address { get; private set; }

    /// <summary>When its core wants to be woken.</summary>
    public Instant NextTimeout => _isRunning ? _core.NextTimeout ?? Instant.Never : Instant.Never;

    /// <summary>Datagrams it has sent that are not data: checks, answers, STUN.</summary>
    public int ControlDatagrams { get; private set; }

    /// <summary>Called with each data packet that arrives.</summary>
    public Action<SimNode, NodeKey, byte[]>? DataReceived { get; set; }

    /// <summary>The region it is at home in.</summary>
    public int HomeRegion => _core.HomeRegion;

    internal NodeKeyPair Keys { get; }

    internal NodeCore Core => _core;

    /// <summary>Starts: it knows these peers, by their keys alone.</summary>
    public void Start(params ReadOnlySpan<SimNode> peers)
    {
        _isRunning = true;
        _core.HandleLocalAddresses([Address.WithPort(0)], _world.Now);
        _core.HandleStunServers(_stun, _world.Now);
        foreach (SimNode peer in peers)
        {
            SimPeer link = _peers[peer.Key] = _peers.GetValueOrDefault(peer.Key) ?? new SimPeer();
            link.Path = SelectedPath.None;
            _core.HandlePeerAdded(new PeerOptions { Key = peer.Key, Traffic = link.Traffic }, _world.Now);
        }

        Drain();
    }

    /// <summary>The process is killed; <see cref="Start"/> begins anew, with a later start.</summary>
    public void Kill(long startedAt)
    {
        _isRunning = false;
        foreach (int region in _connected) _world.Relays[region].Disconnect(this);
        _connected.Clear();
        _wanted.Clear();
        _owners.Clear();
        _core = NewCore(startedAt);
    }

    /// <summary>The host gets another address, on this site or another; what it was connected to breaks.</summary>
    public void Move(SimSite site, byte host)
    {
        Site.Attach(Address, null);
        Site = site;
        Address = site.AddressOf(host).WithPort(Address.Port);
        site.Attach(Address, this);
        foreach (int region in _connected.ToArray())
        {
            _world.Relays[region].Disconnect(this);
            HandleRelay(region, isConnected: false);
        }

        Input(() => _core.HandleLocalAddresses([Address.WithPort(0)], _world.Now));
    }

    /// <summary>How a peer is reached now.</summary>
    public PathKind PathTo(SimNode peer) => _peers[peer.Key].Path.Kind;

    /// <summary>Says that packets to the peer go both ways at present.</summary>
    public bool IsSuspect(SimNode peer) => _peers[peer.Key].Path.IsSuspect;

    /// <summary>Where a peer is reached directly; not valid = it is not.</summary>
    public TransportAddress RemoteOf(SimNode peer) => _peers[peer.Key].Path.Remote;

    /// <summary>Why a peer is not reached directly; null where it is.</summary>
    public PathVerdict? VerdictOn(SimNode peer) => _core.Describe(peer.Key, _world.Now)?.Verdict;

    /// <summary>Sends a data packet with that number.</summary>
    public void SendData(NodeKey peer, long number)
    {
        byte[] packet = new byte[DataLength];
        packet[0] = 4; // WireGuard's transport data.
        BinaryPrimitives.WriteInt64BigEndian(packet.AsSpan(8), number);
        SimPeer link = _peers[peer];
        link.Sent++;
        if (link.Traffic.NoteSent(_world.Now)) Input(() => _core.HandleTraffic(peer, _world.Now));
        Send(peer, link, packet);
    }

    /// <summary>The number in a data packet.</summary>
    public static long NumberOf(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadInt64BigEndian(packet[8..]);

    internal void HandleTimeout()
    {
        if (!_isRunning || !(_core.NextTimeout <= _world.Now)) return;
        _core.HandleTimeout(_world.Now);
        Drain();
    }

    internal void ReceiveUdp(TransportAddress source, TransportAddress destination, byte[] payload)
    {
        if (!_isRunning || destination.Port != Address.Port || destination.Bits != Address.Bits) return;
        if (payload[0] != 4)
        {
            Input(() => _core.HandleDatagram(SocketId.Ipv4, source, payload, _world.Now));
            return;
        }

        if (!_owners.TryGetValue(source, out NodeKey peer) || !_peers.TryGetValue(peer, out SimPeer? link)) return;
        if (link.Traffic.NoteReceivedDirect(_world.Now)) Input(() => _core.HandleTraffic(peer, _world.Now));
        link.Direct++;
        DataReceived?.Invoke(this, peer, payload);
    }

    internal void ReceiveRelayed(int regionId, NodeKey source, byte[] packet)
    {
        if (!_isRunning || !_connected.Contains(regionId)) return;
        if (PacketKinds.Of(packet) == PacketKind.Disco)
        {
            Input(() => _core.HandleRelayPacket(regionId, source, packet, _world.Now));
            return;
        }

        if (!_peers.TryGetValue(source, out SimPeer? link)) return;
        if (link.Traffic.NoteReceivedByRelay(_world.Now, link.Path.Kind == PathKind.Direct)) Input(() => _core.HandleTraffic(source, _world.Now));
        link.Relayed++;
        DataReceived?.Invoke(this, source, packet);
    }

    internal bool WantsRelay(int regionId) => _isRunning && _wanted.Contains(regionId);

    internal void HandleRelay(int regionId, bool isConnected)
    {
        if (!WantsRelay(regionId)) return;
        if (isConnected)
        {
            _connected.Add(regionId);
            Input(() => _core.HandleRelayConnected(regionId, _world.Now));
            return;
        }

        _connected.Remove(regionId);
        Input(() => _core.HandleRelayDisconnected(regionId, _world.Now));
        _world.After(ReconnectAfter * (0.5 + _random.NextDouble()), () => Dial(regionId));
    }

    internal void HandlePeerGone(int regionId, NodeKey peer, PeerGoneReason reason)
    {
        if (_isRunning && _connected.Contains(regionId)) Input(() => _core.HandlePeerGone(regionId, peer, reason, _world.Now));
    }

    private NodeCore NewCore(long startedAt) => new(
        new NodeCoreOptions { Keys = Keys, Entropy = _random.NextBytes, StartedAt = startedAt, UdpPort = Address.Port, HasIpv6 = false },
        _map,
        _world.Now);

    private void Input(Action input)
    {
        input();
        Drain();
    }

    private void Dial(int regionId)
    {
        if (WantsRelay(regionId) && !_connected.Contains(regionId)) _world.Relays[regionId].Connect(this);
    }

    private void Send(NodeKey peer, SimPeer link, byte[] packet)
    {
        if (link.Path.Kind == PathKind.None || link.Path.IsUnproven) link.Held.Add(packet, _world.Now);
        Carry(peer, link, packet);
    }

    private void Carry(NodeKey peer, SimPeer link, byte[] packet)
    {
        SelectedPath path = link.Path;
        if (path.Kind == PathKind.Direct) Site.Send(Address, path.Remote, packet);
        bool goesByRelay = path.Kind == PathKind.Relay || link.Traffic.IsAlsoByRelay(path, _world.Now);
        if (goesByRelay && _connected.Contains(path.RegionId)) _world.Relays[path.RegionId].Send(this, peer, packet);
    }

    private void Drain()
    {
        while (_core.TryDequeueTransmit(out Transmit transmit))
        {
            if (!transmit.IsByRelay)
            {
                ControlDatagrams++;
                Site.Send(Address, transmit.Destination, transmit.Payload);
            }
            else if (_connected.Contains(transmit.RegionId))
            {
                _world.Relays[transmit.RegionId].Send(this, transmit.Peer, transmit.Payload);
            }
        }

        while (_core.TryDequeueEvent(out NodeEvent? nodeEvent)) CarryOut(nodeEvent!);
    }

    private void CarryOut(NodeEvent nodeEvent)
    {
        switch (nodeEvent)
        {
            case NodeEvent.PathSelected selected when _peers.TryGetValue(selected.Peer, out SimPeer? link):
                link.Path = selected.Path;
                if (selected.Path.Kind == PathKind.None) break;
                link.Held.DropOld(_world.Now);
                foreach (byte[] packet in link.Held.Packets.ToArray()) Carry(selected.Peer, link, packet);
                if (!link.Path.IsUnproven) link.Held.Clear();
                break;
            case NodeEvent.AddressLearnt learnt:
                _owners[learnt.Address] = learnt.Peer;
                break;
            case NodeEvent.AddressForgotten forgotten:
                _owners.Remove(forgotten.Address);
                break;
            case NodeEvent.RelayWanted wanted:
                _wanted.Add(wanted.RegionId);
                Dial(wanted.RegionId);
                break;
            case NodeEvent.RelayUnwanted unwanted:
                _wanted.Remove(unwanted.RegionId);
                _connected.Remove(unwanted.RegionId);
                _world.Relays[unwanted.RegionId].Disconnect(this);
                break;
            case NodeEvent.NatDiscoveryWanted wanted:
                SimSite asked = Site;
                _world.After(DiscoveryTakes, () => Discover(asked, wanted.IsIpv4));
                break;
            default:
                break; // Homes matter to a relay's statistics, and to a file over a restart: neither is simulated.
        }
    }

    /// <summary>A discovery has ended, rightly: it is tried for itself elsewhere. One that a move has overtaken is void.</summary>
    private void Discover(SimSite asked, bool isIpv4)
    {
        if (_isRunning && asked == Site) Input(() => _core.HandleNatProfile(isIpv4, TrueProfile.Of(asked.Nat?.Kind), _world.Now));
    }

    private sealed class SimPeer
    {
        public PathTraffic Traffic { get; } = new();

        public HoldQueue Held { get; } = new();

        public SelectedPath Path { get; set; } = SelectedPath.None;

        public int Sent { get; set; }

        public int Direct { get; set; }

        public int Relayed { get; set; }
    }
}
