using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>What becomes of a Hello that opens and names the right two.</summary>
internal enum HelloFate
{
    /// <summary>It counts.</summary>
    Counts,

    /// <summary>It is replayed, or was overtaken.</summary>
    Stale,

    /// <summary>It is of a start that seems to be over. Who has said it is asked: an answer that echoes the question proves that it lives.</summary>
    Doubtful,

    /// <summary>It tells of yet another start, so soon after the one before.</summary>
    TooOften,
}

/// <summary>
/// Says which of a peer's Hellos count: those that are newer than the last, by the peer's start and its counter. The start is the peer's clock's,
/// and a clock can go back from one start to the next. So a Hello of what seems to be an earlier start counts too, if it echoes a Hello that we
/// have sent after the seemingly later one was last heard: only who lives now can do that.
/// </summary>
internal sealed class HelloOrder(SentHellos sent, Instant now)
{
    /// <summary>New starts of a peer: each has us check all its addresses at once.</summary>
    private const double StartsPerSecond = 0.5;
    private const double StartBurst = 4;

    /// <summary>Questions to who seems to be of the past: it may be a relay that plays back what it has recorded.</summary>
    private const double QuestionsPerSecond = 1;
    private const double QuestionBurst = 2;

    private TokenBucket _starts = new(StartsPerSecond, StartBurst, now);
    private TokenBucket _questions = new(QuestionsPerSecond, QuestionBurst, now);
    private Hello? _last;
    private Instant _heardAt;
    private bool _isClockWrong;

    /// <summary>The counter of the last one that counted; null = none has.</summary>
    public long? Counter => _last?.Counter;

    /// <summary>How long ago it came.</summary>
    public TimeSpan HeldFor(Instant now) => _last is null ? default : now - _heardAt;

    /// <summary>Judges one, and remembers it where it counts.</summary>
    /// <param name="hello">The Hello.</param>
    /// <param name="knowsUs">Says that it echoes our disco key: it was made after this start of ours.</param>
    /// <param name="now">The present.</param>
    public HelloFate Take(Hello hello, bool knowsUs, Instant now)
    {
        if (_last is { } last)
        {
            bool isSameStart = hello.StartedAt == last.StartedAt && hello.DiscoKey == last.DiscoKey;
            if (isSameStart && hello.Counter <= last.Counter) return HelloFate.Stale;

            // A clock that went back once may do so again: then its order says nothing, and what was recorded of any start may be played back.
            bool isInOrder = isSameStart || (!_isClockWrong && hello.StartedAt > last.StartedAt);
            bool isProven = knowsUs && sent.SentAt(hello.EchoOf) > _heardAt;
            if (!isInOrder && !isProven) return _questions.TryTake(1, now) ? HelloFate.Doubtful : HelloFate.Stale;
            if (!isSameStart && !_starts.TryTake(1, now)) return HelloFate.TooOften;
            _isClockWrong |= !isInOrder;
        }

        _last = hello;
        _heardAt = now;
        return HelloFate.Counts;
    }
}
