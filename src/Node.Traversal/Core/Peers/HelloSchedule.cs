using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>When a Hello is due: at once where something is new, then again with growing pauses until the peer is heard.</summary>
internal sealed class HelloSchedule
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(15);

    /// <summary>No peer is greeted more often than this, whatever it asks.</summary>
    public static readonly TimeSpan MinGap = TimeSpan.FromMilliseconds(20);

    private Instant? _last;
    private TimeSpan _pause = FirstPause;
    private bool _hasNews;

    /// <summary>When the next one is due; null = none is.</summary>
    public Instant? Next { get; private set; }

    /// <summary>Says that the peer has still to be heard: Hellos are repeated until then.</summary>
    public bool IsAwaiting { get; private set; }

    /// <summary>Hellos sent since the peer was last heard.</summary>
    public int Attempts { get; private set; }

    /// <summary>When the first of them was sent; null = none was.</summary>
    public Instant? FirstAttempt { get; private set; }

    /// <summary>Asks for one now, and for more until the peer is heard.</summary>
    public void Ask(Instant now)
    {
        if (!IsAwaiting) Attempts = 0;
        IsAwaiting = true;
        _pause = FirstPause;
        Schedule(now);
    }

    /// <summary>Asks for one now: an answer, or an announcement.</summary>
    public void Plan(Instant now)
    {
        _hasNews = true;
        Schedule(now);
    }

    /// <summary>Puts a due one off, to keep the pace of all peers together.</summary>
    public void Postpone(Instant until) => Next = until;

    /// <summary>One was sent.</summary>
    /// <param name="now">The present.</param>
    /// <param name="jitter">What is added to the pause, so that nodes do not fall into step.</param>
    public void HandleSent(Instant now, TimeSpan jitter)
    {
        _last = now;
        _hasNews = false;
        Attempts++;
        FirstAttempt ??= now;
        Next = IsAwaiting ? now + _pause + jitter : null;
        _pause = _pause * 2 < LongestPause ? _pause * 2 : LongestPause;
    }

    /// <summary>The peer was heard: nothing is asked any more. What it is to hear of us, it is to hear all the same.</summary>
    public void HandleHeard()
    {
        IsAwaiting = false;
        Attempts = 0;
        FirstAttempt = null;
        if (!_hasNews) Next = null;
    }

    private void Schedule(Instant now)
    {
        Instant earliest = _last is { } last ? Instant.Max(now, last + MinGap) : now;
        Next = Next is { } next ? Instant.Min(next, earliest) : earliest;
    }
}
