using Addresses;
using Stun.Server.Core;
using Timing;

namespace Stun.Server.Streams;

/// <summary>What the connections of one listener share: the responder, and the counts.</summary>
internal sealed class StreamContext
{
    private readonly Lock _lock = new();
    private readonly MonotonicClock _clock;
    private readonly StunResponder _responder;
    private readonly long[] _ends = new long[Enum.GetValues<ConnectionEnd>().Length];

    public StreamContext(ForgedSources forgedSources, SourceRateLimiter limiter, StunTransport transport, MonotonicClock clock)
    {
        _clock = clock;
        Counters = new StunCounters(transport);
        _responder = new StunResponder(forgedSources, limiter, origins: null, Counters); // Nothing to discover about a connection.
    }

    /// <summary>What this listener has done.</summary>
    public StunCounters Counters { get; }

    /// <summary>Connections that ended so.</summary>
    public long Ends(ConnectionEnd end) => Volatile.Read(ref _ends[(int)end]);

    public void CountEnd(ConnectionEnd end) => Interlocked.Increment(ref _ends[(int)end]);

    public void CountDrop(StunDropReason reason)
    {
        lock (_lock) Counters.CountDrop(reason);
    }

    /// <summary>Answers a message in its own place.</summary>
    /// <param name="buffer">Holds the message and takes the answer.</param>
    /// <param name="length">The length of the message in bytes.</param>
    /// <param name="source">Where the connection comes from.</param>
    /// <param name="local">Where it came in.</param>
    /// <param name="isRateLimited">Whether the prefix asks more than it may: nobody retries on a stream, so it is closed.</param>
    /// <returns>The length of the answer in bytes; 0 where there is none.</returns>
    public int Answer(Span<byte> buffer, int length, TransportAddress source, TransportAddress local, out bool isRateLimited)
    {
        lock (_lock) // One connection at a time counts; deciding takes less than a microsecond.
        {
            long before = Counters.Drops(StunDropReason.RateLimited);
            int answerLength = _responder.Answer(buffer, length, source, local, _clock.Now).Length;
            isRateLimited = Counters.Drops(StunDropReason.RateLimited) != before;
            return answerLength;
        }
    }
}
