using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>The Hellos sent to a peer of late: one of the peer's that echoes one of them tells the round trip, and by which relay it went.</summary>
internal sealed class SentHellos
{
    /// <summary>Hellos whose sending is remembered; the oldest makes room.</summary>
    private const int Remembered = 8;

    private readonly Queue<(long Counter, int RegionId, Instant SentAt)> _sent = [];

    /// <summary>One was sent, by that region.</summary>
    public void Note(long counter, int regionId, Instant now)
    {
        if (_sent.Count == Remembered) _sent.Dequeue();
        _sent.Enqueue((counter, regionId, now));
    }

    /// <summary>The relayed round trip, where the peer says which of our Hellos it has heard and for how long it has kept the answer.</summary>
    public TimeSpan? RoundTripOf(Hello hello, Instant now)
    {
        foreach ((long counter, _, Instant sentAt) in _sent)
        {
            TimeSpan trip = now - sentAt - hello.EchoHeldFor;
            if (counter == hello.EchoOf && trip > TimeSpan.Zero) return trip;
        }

        return null;
    }

    /// <summary>When one was sent; null where that was too long ago, or it is none of ours.</summary>
    public Instant? SentAt(long? counter) => Find(counter)?.SentAt;

    /// <summary>By which region; null as above.</summary>
    public int? RegionOf(long? counter) => Find(counter)?.RegionId;

    private (int RegionId, Instant SentAt)? Find(long? counter)
    {
        foreach ((long sent, int region, Instant at) in _sent)
        {
            if (sent == counter) return (region, at);
        }

        return null;
    }
}
