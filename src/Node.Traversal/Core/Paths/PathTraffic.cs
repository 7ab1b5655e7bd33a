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
    /// How long what comes by relay is no reason to answer on both, once the peer has said that our direct packets arrive while we did: two ends
    /// that answer each other's copies with copies would never stop. Short enough that a path which breaks just then loses one ping of five a second.
    /// </summary>
    public static readonly TimeSpan AssuredFor = TimeSpan.FromMilliseconds(200);

    private const long Nothing = 0;

    private long _lastSent = Nothing;
    private long _unansweredSince = Nothing;
    private long _lastReceivedDirect = Nothing;
    private long _lastReceivedByRelay = Nothing;
    private long _answerOnBothUntil = Nothing;
    private long _assuredUntil = Nothing;
    private long _answerTakes = Nothing; // At most, in ticks; Nothing = not known.
    private long _sentDirect;
    private long _receivedDirect;
    private int _isWatched;
    private readonly EarlyCopies _earlyCopies = new();

    /// <summary>When data was last handed to the path; null = never.</summary>
    public Instant? LastSent => Read(ref _lastSent);

    /// <summary>
    /// When the first data was sent that nothing has come back for on the direct path in the time that an answer takes, and that no answered
    /// check was sent after; null = all is answered. Data that comes later is no answer: only a check tells then.
    /// </summary>
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
        if (Volatile.Read(ref _unansweredSince) != Nothing && !IsOverdue(now)) Volatile.Write(ref _unansweredSince, Nothing);
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

    /// <summary>
    /// How many of the packets that are about to go on a direct path go by relay too. All do while the path is in doubt. Where an answer
    /// is overdue that the core has not missed yet, a few do (<see cref="EarlyCopies"/>): what comes next after a lost packet is not lost.
    /// </summary>
    public int CopiesByRelay(SelectedPath path, int packets, Instant now)
    {
        if (path.IsSuspect || AnswersOnBoth(now)) return packets;
        return IsOverdue(now) ? _earlyCopies.Take(packets, now) : 0;
    }

    /// <summary>Says that a packet which goes by relay may end there: the connection has just gone, the peer has yet to come, or nothing has come for what went before.</summary>
    /// <param name="path">The path.</param>
    /// <param name="isQueued">Says that a relay connection has taken it.</param>
    /// <param name="now">The present.</param>
    /// <returns>True: a copy is to be held for the next change of the path.</returns>
    public bool MustHold(SelectedPath path, bool isQueued, Instant now) =>
        path.IsUnproven || (path.Kind == PathKind.Relay ? !isQueued : !path.IsSuspect && IsOverdue(now));

    /// <summary>Says that data has gone unanswered for longer than an answer takes, a check's included.</summary>
    public bool IsOverdue(Instant now) =>
        Volatile.Read(ref _unansweredSince) is var since and not Nothing && Volatile.Read(ref _answerTakes) is var limit and not Nothing && now.Ticks - since > limit;

    /// <summary>A check on the path in use was answered: what went before it has passed too.</summary>
    /// <param name="sentAt">When the check was sent.</param>
    /// <param name="answerTakes">How long an answer takes at most from now on.</param>
    public void NoteAnswered(Instant sentAt, TimeSpan answerTakes)
    {
        Volatile.Write(ref _answerTakes, answerTakes.Ticks);
        if (Volatile.Read(ref _unansweredSince) is var since && (since == Nothing || since > sentAt.Ticks)) return;

        // Of what went after the check it says nothing. Of sparse traffic that is the last packet; of bulk, the next one counts as well.
        Volatile.Write(ref _unansweredSince, Volatile.Read(ref _lastSent) is var last && last > sentAt.Ticks ? last : Nothing);
    }

    /// <summary>Says that packets go both ways because the peer has used the relay.</summary>
    public bool AnswersOnBoth(Instant now) => now.Ticks < Volatile.Read(ref _answerOnBothUntil);

    /// <summary>The peer says that our direct packets arrive: there is no need to send them both ways. Where we did not, nothing is to be stopped, and the path may break in the next moment.</summary>
    public void NoteArrives(Instant now)
    {
        if (!AnswersOnBoth(now)) return;
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
