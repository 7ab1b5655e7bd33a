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

    public HostileWorld(params int[] furtherRegions)
    {
        Core = new NodeCore(
            new NodeCoreOptions { Keys = Keys(1), Entropy = Entropy(1), StartedAt = 1_000_000, UdpPort = 50_000 },
            Map([Region, .. furtherRegions]),
            Now);
        Core.HandleLocalAddresses([Address("192.168.1.10:0"), Address("[2001:db8:1::a]:0")], Now);
        Core.HandleStunServers([], Now);
        Core.HandlePeerAdded(new PeerOptions { Key = Peer.Key, LastHomeRegion = Region, Traffic = Traffic, TunnelRanges = [Prefix("10.77.0.0/24"), Prefix("fd77::/64")] }, Now);
        Core.HandleTunnelAddresses([Address("10.77.0.1:0"), Address("[fd77::1]:0")], Now);
        Core.HandleRelayConnected(Region, Now);
        Drain();
    }

    public Instant Now { get; private set; } = Start;

    public NodeCore Core { get; }

    public PathTraffic Traffic { get; } = new();

    /// <summary>The peer that means harm.</summary>
    public ScriptedPeer Peer { get; } = new(Keys(2), Keys(99));

    public NodeKeyPair PeerKeys => Peer.Keys;

    public SelectedPath Path => Paths.GetValueOrDefault(Peer.Key, SelectedPath.None);

    /// <summary>The addresses that are taken for the peer's at present.</summary>
    public HashSet<TransportAddress> Owned => [.. Owners.Where(entry => entry.Value == Peer.Key).Select(entry => entry.Key)];

    /// <summary>Whose each address is that is anybody's.</summary>
    public Dictionary<TransportAddress, NodeKey> Owners { get; } = [];

    /// <summary>The way to each peer.</summary>
    public Dictionary<NodeKey, SelectedPath> Paths { get; } = [];

    /// <summary>The relays that are connected to or tried at present.</summary>
    public HashSet<int> Wanted { get; } = [];

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
        NodeDisco = Peer.Listen(Relayed).DiscoKey;
    }

    /// <summary>Adds another peer, and both greet.</summary>
    public ScriptedPeer AddPeer(ScriptedPeer peer)
    {
        Core.HandlePeerAdded(new PeerOptions { Key = peer.Key, Traffic = new PathTraffic() }, Now);
        Drain();
        Run(TimeSpan.FromSeconds(1));
        peer.Listen(Relayed);
        ByRelay(peer.MakeHello(NodeDisco), peer);
        return peer;
    }

    /// <summary>The peer's Hello, made for this node.</summary>
    public byte[] MakeHello(DiscoKey? echo) => Peer.MakeHello(echo);

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
    public void Announce(IReadOnlyList<Candidate> list, params AnnouncedLink[] links) => ByRelay(Peer.MakeCandidates(list, links));

    public byte[] MakePing(int id) => Peer.MakePing(id);

    public byte[] MakePong(PingId id) => Peer.MakePong(id);

    /// <summary>The id of the check in a datagram of the node; null = it is no check.</summary>
    public PingId? ReadCheck(byte[] datagram) => Peer.ReadCheck(datagram);

    /// <summary>Answers the latest check to an address, from that address.</summary>
    public void Answer(TransportAddress at, ScriptedPeer? by = null)
    {
        ScriptedPeer peer = by ?? Peer;
        PingId id = Datagrams.Where(sent => sent.To == at).Select(sent => peer.ReadCheck(sent.Payload)).OfType<PingId>().Last();
        ByUdp(at, peer.MakePong(id));
    }

    public void ByRelay(byte[] packet, ScriptedPeer? from = null)
    {
        Core.HandleRelayPacket(Region, (from ?? Peer).Key, packet, Now);
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

    public byte[] Seal(NodeKey sender, Box box, byte[] message) => Peer.Seal(sender, box, message);

    public byte[] SealDisco(byte[] message) => Peer.SealDisco(message);

    public static bool IsHello(byte[] packet) => DiscoEnvelope.TryReadSender(packet, out NodeKey sender) && sender == Keys(1).PublicKey;

    /// <summary>The most datagrams in any second.</summary>
    public int MostASecond(Func<TransportAddress, bool>? to = null)
    {
        Instant[] times = [.. Datagrams.Where(sent => to?.Invoke(sent.To) ?? true).Select(sent => sent.At)];
        return times.Length == 0 ? 0 : times.Max(start => times.Count(at => at >= start && at - start < TimeSpan.FromSeconds(1)));
    }

    public static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);

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
                case NodeEvent.PathSelected selected: Paths[selected.Peer] = selected.Path; break;
                case NodeEvent.AddressLearnt learnt: Owners[learnt.Address] = learnt.Peer; break;
                case NodeEvent.AddressForgotten forgotten: Owners.Remove(forgotten.Address); break;
                case NodeEvent.RelayWanted wanted: Wanted.Add(wanted.RegionId); break;
                case NodeEvent.RelayUnwanted unwanted: Wanted.Remove(unwanted.RegionId); break;
                default: break;
            }
        }
    }
}
