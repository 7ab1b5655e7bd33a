using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

/// <summary>Two cores, a relay between them and a direct link that can be cut: the least world in which they can be watched. 10 ms each way.</summary>
internal sealed class TwoNodes
{
    public const int Region = 900;
    private static readonly TimeSpan Delay = Milliseconds(10);

    private readonly PriorityQueue<Action, (long Ticks, int Order)> _events = new();
    private readonly HashSet<NodeKey> _connected = [];
    private int _order;

    public TwoNodes()
    {
        Left = new Party(this, Keys(1), "198.18.1.10:5001", seed: 1, startedAt: 1_000_000);
        Right = new Party(this, Keys(2), "198.18.2.10:5002", seed: 2, startedAt: 2_000_000);
    }

    public Instant Now { get; private set; } = Start;

    public Party Left { get; }

    public Party Right { get; }

    public bool IsUdpCut { get; set; }

    public List<(NodeKey From, byte[] Packet)> Relayed { get; } = [];

    public List<byte[]> Datagrams { get; } = [];

    /// <summary>Where datagrams were sent.</summary>
    public HashSet<TransportAddress> Destinations { get; } = [];

    public void Begin()
    {
        Left.Begin(Right);
        Right.Begin(Left);
    }

    public void Connect(Party party)
    {
        _connected.Add(party.Key);
        party.Core.HandleRelayConnected(Region, Now);
        party.Drain();
    }

    /// <summary>The connection carries no more, and the party has yet to notice.</summary>
    public void Mute(Party party) => _connected.Remove(party.Key);

    public void Disconnect(Party party)
    {
        _connected.Remove(party.Key);
        party.Core.HandleRelayDisconnected(Region, Now);
        party.Drain();
    }

    public void Run(TimeSpan time)
    {
        Instant end = Now + time;
        while (true)
        {
            Instant next = Instant.Min(Left.Core.NextTimeout ?? Instant.Never, Right.Core.NextTimeout ?? Instant.Never);
            if (_events.TryPeek(out _, out (long Ticks, int Order) first)) next = Instant.Min(next, new Instant(first.Ticks));
            if (next > end) break;

            Now = Instant.Max(Now, next);
            while (_events.TryPeek(out Action? action, out (long Ticks, int Order) due) && due.Ticks <= Now.Ticks)
            {
                _events.Dequeue();
                action();
            }

            Left.Tick();
            Right.Tick();
        }

        Now = end;
    }

    public void Later(Action action) => _events.Enqueue(action, ((Now + Delay).Ticks, _order++));

    private void Carry(Party from, Transmit transmit)
    {
        Party to = from == Left ? Right : Left;
        if (transmit.IsByRelay)
        {
            Relayed.Add((from.Key, transmit.Payload));
            Later(() =>
            {
                if (!_connected.Contains(from.Key)) return;
                if (transmit.Peer == to.Key && _connected.Contains(to.Key)) to.Receive(() => to.Core.HandleRelayPacket(Region, from.Key, transmit.Payload, Now));
                else Later(() => from.Receive(() => from.Core.HandlePeerGone(Region, transmit.Peer, PeerGoneReason.NotHere, Now)));
            });
            return;
        }

        Datagrams.Add(transmit.Payload);
        Destinations.Add(transmit.Destination);
        if (IsUdpCut || transmit.Destination != to.Address) return;
        Later(() =>
        {
            if (!IsUdpCut) to.Receive(() => to.Core.HandleDatagram(SocketId.Ipv4, from.Address, transmit.Payload, Now));
        });
    }

    internal sealed class Party
    {
        private readonly TwoNodes _world;

        public Party(TwoNodes world, NodeKeyPair keys, string address, int seed, long startedAt)
        {
            _world = world;
            Keys = keys;
            Address = CoreTesting.Address(address);
            Core = Make(seed, startedAt);
        }

        public NodeKeyPair Keys { get; }

        public NodeKey Key => Keys.PublicKey;

        public TransportAddress Address { get; }

        public NodeCore Core { get; private set; }

        public PathTraffic Traffic { get; } = new();

        public SelectedPath Path { get; private set; } = SelectedPath.None;

        public HashSet<int> Wanted { get; } = [];

        /// <summary>How often relays were to be asked for a sign of life.</summary>
        public int Doubts { get; private set; }

        public void Begin(Party other, params IpPrefix[] tunnelRanges)
        {
            Core.HandleLocalAddresses([Address.WithPort(0)], _world.Now);
            Core.HandleStunServers([], _world.Now);
            Core.HandlePeerAdded(new PeerOptions { Key = other.Key, Traffic = Traffic, TunnelRanges = tunnelRanges }, _world.Now);
            Drain();
        }

        public void Restart(int seed, long startedAt)
        {
            Core = Make(seed, startedAt);
            Path = SelectedPath.None;
        }

        public void SendData()
        {
            if (Traffic.NoteSent(_world.Now)) Core.HandleTraffic(_world.Left == this ? _world.Right.Key : _world.Left.Key, _world.Now);
            Drain();
        }

        public void Receive(Action input)
        {
            input();
            Drain();
        }

        public void Tick()
        {
            if (Core.NextTimeout <= _world.Now) Core.HandleTimeout(_world.Now);
            Drain();
        }

        public void Drain()
        {
            while (Core.TryDequeueTransmit(out Transmit transmit)) _world.Carry(this, transmit);
            while (Core.TryDequeueEvent(out NodeEvent? nodeEvent))
            {
                switch (nodeEvent)
                {
                    case NodeEvent.PathSelected selected: Path = selected.Path; break;
                    case NodeEvent.RelayWanted wanted: Wanted.Add(wanted.RegionId); break;
                    case NodeEvent.RelayUnwanted unwanted: Wanted.Remove(unwanted.RegionId); break;
                    case NodeEvent.NetworkDoubted: Doubts++; break;
                    default: break;
                }
            }
        }

        private NodeCore Make(int seed, long startedAt) => new(
            new NodeCoreOptions { Keys = Keys, Entropy = Entropy(seed), StartedAt = startedAt, UdpPort = Address.Port, HasIpv6 = false },
            Map(Region),
            _world.Now);
    }
}
