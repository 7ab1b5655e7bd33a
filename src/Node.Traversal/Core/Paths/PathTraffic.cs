using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// What the data plane knows of one peer's traffic, shared with the core. The data plane writes it on every batch, from any thread and
/// without a lock; the core reads it when it looks after the path. Values may be a batch old: nothing here decides alone.
/// </summary>
internal sealed class PathTraffic
{
    /// <summary>How long packets go both ways after the peer has used the relay though our path is direct: its direct packets may not arrive.</summary>
    public static readonly TimeSpan AnswerOnBothFor = TimeSpan.FromSeconds(1);

    /// <summary>
    /// How long what comes by relay is no reason to answer on both, once the peer has said that our direct packets arrive: two ends that answer
    /// each other's copies with copies would never stop. Short enough that a path which breaks just then loses one ping of five a second.
    /// </summary>
    public static readonly TimeSpan AssuredFor = TimeSpan.FromMilliseconds(200);

    private const long Nothing = 0;

    private long _lastSent = Nothing;
    private long _unansweredSince = Nothing;
    private long _lastReceivedDirect = Nothing;
    private long _lastReceivedByRelay = Nothing;
    private long _answerOnBothUntil = Nothing;
    private long _assuredUntil = Nothing;
    private long _sentDirect;
    private long _receivedDirect;
    private int _isWatched;

    /// <summary>When data was last handed to the path; null = never.</summary>
    public Instant? LastSent => Read(ref _lastSent);

    /// <summary>When the first data was sent that nothing has come back for on the direct path; null = all is answered.</summary>
    public Instant? UnansweredSince => Read(ref _unansweredSince);

    /// <summary>When data last came by the direct path; null = never.</summary>
    public Instant? LastReceivedDirect => Read(ref _lastReceivedDirect);

    /// <summary>When data last came by relay; null = never.</summary>
    public Instant? LastReceivedByRelay => Read(ref _lastReceivedByRelay);

    /// <summary>Data packets sent to the peer directly.</summary>
    public long SentDirect => Volatile.Read(ref _sentDirect);

    /// <summary>Data packets received from it directly.</summary>
    public long ReceivedDirect => Volatile.Read(ref _receivedDirect);

    /// <summary>Says that data has gone or come within <paramref name="span"/>.</summary>
    public bool IsWithin(TimeSpan span, Instant now) => IsWithin(LastSent, span, now) || IsWithin(LastReceivedDirect, span, now) || IsWithin(LastReceivedByRelay, span, now);

    /// <summary>When data last came, by either way; null = never.</summary>
    public Instant? LastReceived => LastReceivedDirect is { } direct && !(direct < LastReceivedByRelay) ? direct : LastReceivedByRelay;

    /// <summary>Counts packets that are being sent directly.</summary>
    public void CountSentDirect(int packets) => Interlocked.Add(ref _sentDirect, packets);

    /// <summary>Notes that data is being sent, once a batch.</summary>
    /// <returns>True where the core must be told (<see cref="NodeCore.HandleTraffic"/>): it is not watching this peer yet.</returns>
    public bool NoteSent(Instant now)
    {
        Volatile.Write(ref _lastSent, now.Ticks);
        if (Volatile.Read(ref _unansweredSince) == Nothing) Volatile.Write(ref _unansweredSince, now.Ticks);
        return MustTell();
    }

    /// <summary>Notes that a data packet has come by the direct path.</summary>
    public bool NoteReceivedDirect(Instant now)
    {
        Interlocked.Increment(ref _receivedDirect);
        Volatile.Write(ref _lastReceivedDirect, now.Ticks);
        Volatile.Write(ref _unansweredSince, Nothing);
        return MustTell();
    }

    /// <summary>Notes that data has come by relay, once a batch.</summary>
    /// <param name="now">The present.</param>
    /// <param name="isDirect">Says whether our own path to the peer is direct: then we answer on both for a while.</param>
    public bool NoteReceivedByRelay(Instant now, bool isDirect)
    {
        Volatile.Write(ref _lastReceivedByRelay, now.Ticks);
        if (isDirect && now.Ticks >= Volatile.Read(ref _assuredUntil)) Volatile.Write(ref _answerOnBothUntil, (now + AnswerOnBothFor).Ticks);
        return MustTell();
    }

    /// <summary>Says whether a packet on a direct path goes by relay too.</summary>
    public bool IsAlsoByRelay(SelectedPath path, Instant now) => path.IsSuspect || AnswersOnBoth(now);

    /// <summary>Says that packets go both ways because the peer has used the relay.</summary>
    public bool AnswersOnBoth(Instant now) => now.Ticks < Volatile.Read(ref _answerOnBothUntil);

    /// <summary>The peer says that our direct packets arrive: there is no need to send them both ways.</summary>
    public void NoteArrives(Instant now)
    {
        Volatile.Write(ref _assuredUntil, (now + AssuredFor).Ticks);
        Volatile.Write(ref _answerOnBothUntil, Nothing);
    }

    /// <summary>The core watches no more: the next traffic is to be told again.</summary>
    public void StopWatching() => Volatile.Write(ref _isWatched, 0);

    private bool MustTell() => Volatile.Read(ref _isWatched) == 0 && Interlocked.Exchange(ref _isWatched, 1) == 0;

    private static bool IsWithin(Instant? instant, TimeSpan span, Instant now) => instant is { } then && now - then < span;

    private static Instant? Read(ref long field)
    {
        long ticks = Volatile.Read(ref field);
        return ticks == Nothing ? null : new Instant(ticks);
    }
}
