using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>The Hellos sent to a peer of late: one of the peer's that echoes one of them tells the round trip by relay.</summary>
internal sealed class SentHellos
{
    /// <summary>Hellos whose sending is remembered; the oldest makes room.</summary>
    private const int Remembered = 8;

    private readonly Queue<(long Counter, Instant SentAt)> _sent = [];

    /// <summary>One was sent.</summary>
    public void Note(long counter, Instant now)
    {
        if (_sent.Count == Remembered) _sent.Dequeue();
        _sent.Enqueue((counter, now));
    }

    /// <summary>The relayed round trip, where the peer says which of our Hellos it has heard and for how long it has kept the answer.</summary>
    public TimeSpan? RoundTripOf(Hello hello, Instant now)
    {
        foreach ((long counter, Instant sentAt) in _sent)
        {
            TimeSpan trip = now - sentAt - hello.EchoHeldFor;
            if (counter == hello.EchoOf && trip > TimeSpan.Zero) return trip;
        }

        return null;
    }

    /// <summary>When one was sent; null where that was too long ago, or it is none of ours.</summary>
    public Instant? SentAt(long? counter)
    {
        foreach ((long sent, Instant at) in _sent)
        {
            if (sent == counter) return at;
        }

        return null;
    }
}
