using Node.Traversal.Core;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Node.Traversal.Tests.Core;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>A peer of the node under test (<see cref="HostileWorld"/>) whose every word is made by hand: it can say anything that its keys allow.</summary>
internal sealed class ScriptedPeer(NodeKeyPair keys, NodeKeyPair disco)
{
    private readonly Box _helloBox = new(keys, CoreTesting.Keys(1).PublicKey);
    private readonly EntropySource _entropy = Entropy(5);
    private Box? _discoBox;
    private long _counter;

    public NodeKeyPair Keys => keys;

    public NodeKey Key => keys.PublicKey;

    /// <summary>The disco key it has, whatever it says.</summary>
    public DiscoKey Disco => new(disco.PublicKey);

    /// <summary>When it has started, as its clock says: microseconds since 1970.</summary>
    public long StartedAt { get; init; } = 2_000_000;

    /// <summary>Hears the node's last Hello to it, and knows from it the node's disco key.</summary>
    public Hello Listen(IEnumerable<byte[]> relayed)
    {
        Hello heard = relayed.Select(ReadHello).OfType<Hello>().Last();
        _discoBox = new Box(disco, heard.DiscoKey.Value);
        return heard;
    }

    /// <summary>Its Hello.</summary>
    /// <param name="echo">The node's disco key; null = it does not know it.</param>
    /// <param name="change">What is to be said otherwise than usual.</param>
    public byte[] MakeHello(DiscoKey? echo, Func<Hello, Hello>? change = null)
    {
        Hello hello = new() { Sender = Key, Receiver = CoreTesting.Keys(1).PublicKey, StartedAt = StartedAt, Counter = ++_counter, DiscoKey = Disco, Echo = echo };
        return Seal(Key, _helloBox, (change?.Invoke(hello) ?? hello).ToMessage());
    }

    /// <summary>Its list with kinds and links.</summary>
    public byte[] MakeCandidates(IReadOnlyList<Candidate> list, IReadOnlyList<AnnouncedLink> links) => SealDisco(
        new AnnouncedCandidates { Sender = Key, Receiver = CoreTesting.Keys(1).PublicKey, Counter = ++_counter, List = list, Links = links }.ToMessage());

    /// <summary>What the node has told it by relay, opened: the bodies of its disco messages but for Hellos.</summary>
    public IEnumerable<byte[]> ReadRelayed(IEnumerable<byte[]> relayed)
    {
        foreach (byte[] packet in relayed)
        {
            byte[] message = new byte[packet.Length - DiscoEnvelope.Overhead];
            if (_discoBox is not null && !HostileWorld.IsHello(packet) && DiscoEnvelope.TryOpen(packet, _discoBox, message)) yield return message;
        }
    }

    public byte[] MakePing(int id)
    {
        byte[] ping = new byte[DiscoPing.Length];
        new DiscoPing(new PingId((ulong)id, 0), Key).Write(ping);
        return SealDisco(ping);
    }

    public byte[] MakePong(PingId id)
    {
        byte[] pong = new byte[DiscoPong.Length];
        new DiscoPong(id, Address("198.18.1.2:50000")).Write(pong);
        return SealDisco(pong);
    }

    /// <summary>The id of the check in a datagram of the node; null = it is no check, or none for this peer.</summary>
    public PingId? ReadCheck(byte[] datagram)
    {
        byte[] message = new byte[datagram.Length - DiscoEnvelope.Overhead];
        return _discoBox is not null && DiscoEnvelope.TryOpen(datagram, _discoBox, message) && message[0] == (byte)DiscoMessageType.Ping && DiscoPing.TryRead(message, out DiscoPing ping) ? ping.Id : null;
    }

    public byte[] SealDisco(byte[] message) => Seal(disco.PublicKey, _discoBox ?? throw new InvalidOperationException("They have not met."), message);

    public byte[] Seal(NodeKey sender, Box box, byte[] message)
    {
        byte[] nonce = new byte[Box.NonceLength];
        _entropy(nonce);
        return DiscoEnvelope.Seal(sender, box, nonce, message);
    }

    private Hello? ReadHello(byte[] packet)
    {
        byte[] message = new byte[packet.Length - DiscoEnvelope.Overhead];
        return HostileWorld.IsHello(packet) && DiscoEnvelope.TryOpen(packet, _helloBox, message) && Hello.TryRead(message, out Hello? hello) ? hello : null;
    }
}
