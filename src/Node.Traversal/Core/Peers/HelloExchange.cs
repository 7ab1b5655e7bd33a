using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// The Hellos of a pair: opens the peer's, makes ours, and knows which of ours was sent when and by which region, so that an answer tells the
/// round trip, and that a way carries both ways.
/// </summary>
internal sealed class HelloExchange
{
    private readonly NodeContext _context;
    private readonly NodeKey _peer;
    private readonly Box _box;
    private readonly SentHellos _sent = new();
    private readonly HelloOrder _order;
    private DiscoKey? _heard;

    public HelloExchange(NodeContext context, NodeKey peer, Instant now)
    {
        _context = context;
        _peer = peer;
        _box = new Box(context.Options.Keys, peer);
        _order = new HelloOrder(_sent, now);
    }

    /// <summary>Opens a Hello that came by relay; null where it does not count, and why is counted. The next one of ours echoes it.</summary>
    /// <param name="envelope">What came.</param>
    /// <param name="isDoubtful">Says that one of ours is to ask whether its sender lives.</param>
    /// <param name="now">The present.</param>
    public Hello? Open(ReadOnlySpan<byte> envelope, out bool isDoubtful, Instant now)
    {
        isDoubtful = false;
        byte[] message = new byte[envelope.Length - DiscoEnvelope.Overhead];
        if (!DiscoEnvelope.TryOpen(envelope, _box, message)) return Drop(NodeDrop.NotOpened);
        if (message.Length == 0 || message[0] != (byte)DiscoMessageType.Hello) return Drop(NodeDrop.UnknownType);
        if (!Hello.TryRead(message, out Hello? hello) || hello is null) return Drop(NodeDrop.Malformed);

        // The box opens both ways: without these two our own Hello could be sent back to us as the peer's.
        if (hello.Sender != _peer || hello.Receiver != _context.OwnKey) return Drop(NodeDrop.WrongParty);

        HelloFate fate = _order.Take(hello, hello.Echo == _context.OwnDiscoKey, now);
        isDoubtful = fate == HelloFate.Doubtful;
        if (fate != HelloFate.Counts) return Drop(fate == HelloFate.TooOften ? NodeDrop.TooOften : NodeDrop.Stale);
        _heard = hello.DiscoKey;
        return hello;
    }

    /// <summary>Sends a Hello.</summary>
    /// <param name="regionId">The relay, which is connected.</param>
    /// <param name="asksForAnswer">Says that we wait for the peer's.</param>
    /// <param name="now">The present.</param>
    public void Send(int regionId, bool asksForAnswer, Instant now)
    {
        Hello hello = new()
        {
            Sender = _context.OwnKey,
            Receiver = _peer,
            StartedAt = _context.Options.StartedAt,
            Counter = _context.NextHelloCounter++,
            DiscoKey = _context.OwnDiscoKey,
            Echo = _heard,
            AsksForAnswer = asksForAnswer,
            HomeRegion = _context.HomeRegion,
            Nat = _context.Nat,
            NatIpv6 = _context.NatIpv6,
            EchoOf = _order.Counter,
            EchoHeldFor = _order.HeldFor(now),
            Plans = PunchingPlan.Version,
            Latencies = _context.Latencies,
        };
        _sent.Note(hello.Counter, regionId, now);
        _context.Send(Transmit.ByRelay(regionId, _peer, _context.Seal(_context.OwnKey, _box, hello.ToMessage())));
    }

    /// <summary>The relayed round trip, where the peer says which of our Hellos it has heard and for how long it has kept the answer.</summary>
    public TimeSpan? RoundTripOf(Hello hello, Instant now) => _sent.RoundTripOf(hello, now);

    /// <summary>Says whether a Hello echoes one of ours that was sent by that region.</summary>
    public bool IsEchoBy(int regionId, Hello hello) => _sent.RegionOf(hello.EchoOf) == regionId;

    private Hello? Drop(NodeDrop reason)
    {
        _context.Drops.Count(reason);
        return null;
    }
}
