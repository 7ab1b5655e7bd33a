using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>
/// A node in virtual time, and one configured peer whose keys a test holds: what the peer says is made by hand, so it can say anything.
/// Everything the node sends is kept with its time.
/// </summary>
internal sealed class HostileWorld
{
    public const int Region = 900;
    public static readonly TransportAddress PeerAddress = Address("203.0.113.66:40000");

    private readonly Box _helloBox;
    private readonly NodeKeyPair _peerDisco = Keys(99);
    private readonly EntropySource _entropy = Entropy(5);
    private Box? _discoBox;
    private long _counter;

    public HostileWorld()
    {
        Core = new NodeCore(
            new NodeCoreOptions { Keys = Keys(1), Entropy = Entropy(1), StartedAt = 1_000_000, UdpPort = 50_000 },
            Map(Region),
            Now);
        _helloBox = new Box(PeerKeys, Keys(1).PublicKey);
        Core.HandleLocalAddresses([Address("192.168.1.10:0"), Address("[2001:db8:1::a]:0")], Now);
        Core.HandleStunServers([], Now);
        Core.HandlePeerAdded(new PeerOptions { Key = PeerKeys.PublicKey, Traffic = Traffic, TunnelRanges = [Prefix("10.77.0.0/24"), Prefix("fd77::/64")] }, Now);
        Core.HandleTunnelAddresses([Address("10.77.0.1:0"), Address("[fd77::1]:0")], Now);
        Core.HandleRelayConnected(Region, Now);
        Drain();
    }

    public Instant Now { get; private set; } = Start;

    public NodeCore Core { get; }

    public PathTraffic Traffic { get; } = new();

    public NodeKeyPair PeerKeys { get; } = Keys(2);

    public SelectedPath Path { get; private set; } = SelectedPath.None;

    /// <summary>The addresses that are taken for the peer's at present.</summary>
    public HashSet<TransportAddress> Owned { get; } = [];

    public List<(Instant At, TransportAddress To, byte[] Payload)> Datagrams { get; } = [];

    public List<byte[]> Relayed { get; } = [];

    /// <summary>The node's own disco key, from its Hello.</summary>
    public DiscoKey NodeDisco { get; private set; }

    /// <summary>Both greet: from now on the peer is heard.</summary>
    public HostileWorld Meet()
    {
        Listen();
        Greet(NodeDisco);
        return this;
    }

    /// <summary>The node greets, and the peer does not answer yet.</summary>
    public void Listen()
    {
        Run(TimeSpan.FromSeconds(1));
        NodeDisco = ReadHello(Relayed.First(IsHello)).DiscoKey;
        _discoBox = new Box(_peerDisco, NodeDisco.Value);
    }

    /// <summary>The peer's Hello, made for this node.</summary>
    public byte[] MakeHello(DiscoKey? echo) => Seal(PeerKeys.PublicKey, _helloBox, new Hello
    {
        Sender = PeerKeys.PublicKey,
        Receiver = Keys(1).PublicKey,
        StartedAt = 2_000_000,
        Counter = ++_counter,
        DiscoKey = new DiscoKey(_peerDisco.PublicKey),
        Echo = echo,
    }.ToMessage());

    public void Greet(DiscoKey? echo) => ByRelay(MakeHello(echo));

    public void CallMeMaybe(params IReadOnlyList<TransportAddress> addresses)
    {
        byte[] message = new byte[2 + addresses.Count * 18]; // By hand: ours says no more than it may.
        message[0] = (byte)DiscoMessageType.CallMeMaybe;
        for (int i = 0; i < addresses.Count; i++)
        {
            addresses[i].WriteBytes16(message.AsSpan(2 + i * 18));
            System.Buffers.Binary.BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2 + i * 18 + 16), addresses[i].Port);
        }

        ByRelay(SealDisco(message));
    }

    /// <summary>The peer's list with kinds and links.</summary>
    public void Announce(IReadOnlyList<Candidate> list, params AnnouncedLink[] links) => ByRelay(SealDisco(new AnnouncedCandidates
    {
        Sender = PeerKeys.PublicKey,
        Receiver = Keys(1).PublicKey,
        Counter = ++_counter,
        List = list,
        Links = links,
    }.ToMessage()));

    /// <summary>What the node has told the peer so far by relay, opened: the bodies of its disco messages but for Hellos.</summary>
    public IEnumerable<byte[]> ReadRelayed()
    {
        foreach (byte[] packet in Relayed)
        {
            byte[] message = new byte[packet.Length - DiscoEnvelope.Overhead];
            if (_discoBox is not null && !IsHello(packet) && DiscoEnvelope.TryOpen(packet, _discoBox, message)) yield return message;
        }
    }

    public byte[] MakePing(byte id)
    {
        byte[] ping = new byte[DiscoPing.Length];
        new DiscoPing(MakeId(id), PeerKeys.PublicKey).Write(ping);
        return SealDisco(ping);
    }

    public byte[] MakePong(PingId id)
    {
        byte[] pong = new byte[DiscoPong.Length];
        new DiscoPong(id, Address("198.18.1.2:50000")).Write(pong);
        return SealDisco(pong);
    }

    /// <summary>The id of the check in a datagram of the node; null = it is no check.</summary>
    public PingId? ReadCheck(byte[] datagram)
    {
        byte[] message = new byte[datagram.Length - DiscoEnvelope.Overhead];
        return _discoBox is not null && DiscoEnvelope.TryOpen(datagram, _discoBox, message) && message[0] == (byte)DiscoMessageType.Ping && DiscoPing.TryRead(message, out DiscoPing ping) ? ping.Id : null;
    }

    /// <summary>Answers the latest check to an address, from that address.</summary>
    public void Answer(TransportAddress at)
    {
        PingId id = Datagrams.Where(sent => sent.To == at).Select(sent => ReadCheck(sent.Payload)).OfType<PingId>().Last();
        ByUdp(at, MakePong(id));
    }

    public void ByRelay(byte[] packet)
    {
        Core.HandleRelayPacket(Region, PeerKeys.PublicKey, packet, Now);
        Drain();
    }

    public void ByUdp(TransportAddress source, byte[] datagram)
    {
        Core.HandleDatagram(SocketId.For(source), source, datagram, Now);
        Drain();
    }

    public void Run(TimeSpan time)
    {
        Instant end = Now + time;
        while (Core.NextTimeout is { } next && next <= end)
        {
            Now = Instant.Max(Now, next);
            Core.HandleTimeout(Now);
            Drain();
        }

        Now = end;
    }

    public byte[] Seal(NodeKey sender, Box box, byte[] message)
    {
        byte[] nonce = new byte[Box.NonceLength];
        _entropy(nonce);
        return DiscoEnvelope.Seal(sender, box, nonce, message);
    }

    public byte[] SealDisco(byte[] message) => Seal(_peerDisco.PublicKey, _discoBox ?? throw new InvalidOperationException("They have not met."), message);

    public static bool IsHello(byte[] packet) => DiscoEnvelope.TryReadSender(packet, out NodeKey sender) && sender == Keys(1).PublicKey;

    /// <summary>The most datagrams in any second.</summary>
    public int MostASecond(Func<TransportAddress, bool>? to = null)
    {
        Instant[] times = [.. Datagrams.Where(sent => to?.Invoke(sent.To) ?? true).Select(sent => sent.At)];
        return times.Length == 0 ? 0 : times.Max(start => times.Count(at => at >= start && at - start < TimeSpan.FromSeconds(1)));
    }

    public static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);

    private static PingId MakeId(byte id)
    {
        byte[] bytes = new byte[PingId.Length];
        Array.Fill(bytes, id);
        return PingId.Read(bytes);
    }

    private Hello ReadHello(byte[] packet)
    {
        byte[] message = new byte[packet.Length - DiscoEnvelope.Overhead];
        return DiscoEnvelope.TryOpen(packet, _helloBox, message) && Hello.TryRead(message, out Hello? hello) && hello is not null ? hello : throw new FormatException("No Hello.");
    }

    private void Drain()
    {
        while (Core.TryDequeueTransmit(out Transmit transmit))
        {
            if (transmit.IsByRelay) Relayed.Add(transmit.Payload);
            else Datagrams.Add((Now, transmit.Destination, transmit.Payload));
        }

        while (Core.TryDequeueEvent(out NodeEvent? nodeEvent))
        {
            switch (nodeEvent)
            {
                case NodeEvent.PathSelected selected: Path = selected.Path; break;
                case NodeEvent.AddressLearnt learnt: Owned.Add(learnt.Address); break;
                case NodeEvent.AddressForgotten forgotten: Owned.Remove(forgotten.Address); break;
                default: break;
            }
        }
    }
}
