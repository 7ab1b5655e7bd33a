using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>How we came to know an address of the peer.</summary>
internal enum CandidateOrigin
{
    /// <summary>From the configuration, or from before a restart. Stays.</summary>
    Configured,

    /// <summary>From the peer's latest call-me-maybe. Goes when the next one lacks it.</summary>
    Announced,

    /// <summary>A sealed check came from there (RFC 8445, "peer-reflexive"). Makes room for newer ones.</summary>
    PeerReflexive,
}

/// <summary>One way to reach the peer, and what its checks have shown.</summary>
internal sealed class CandidatePair(PairId id, CandidateOrigin origin)
{
    /// <summary>How long an answer may take. A check older than this is forgotten, and its answer is too late.</summary>
    public static readonly TimeSpan CheckLifetime = TimeSpan.FromSeconds(5);

    private const int MaxChecksInFlight = 64; // A check every 100 ms for the lifetime of one, and room for bursts.
    private const int RttShift = 3; // Smoothing as in RFC 6298: a new sample counts one eighth.

    private readonly List<(PingId Id, Instant SentAt)> _inFlight = [];

    public PairId Id => id;

    public CandidateOrigin Origin { get; set; } = origin;

    /// <summary>When the last check was sent; null = never.</summary>
    public Instant? LastCheck { get; private set; }

    /// <summary>When the last check was answered; null = never.</summary>
    public Instant? LastPong { get; private set; }

    /// <summary>When a sealed message last came from there; null = never.</summary>
    public Instant? LastHeard { get; set; }

    /// <summary>When a check of the peer's last came from there; null = never.</summary>
    public Instant? LastPing { get; set; }

    /// <summary>Says that a check has gone there, or something has come: the way is open at our side.</summary>
    public bool IsOpened { get; set; }

    /// <summary>When the oldest check was sent that nothing has answered, also no later one; null = none is open.</summary>
    public Instant? UnansweredSince { get; private set; }

    /// <summary>Checks sent since the last answer.</summary>
    public int UnansweredChecks { get; private set; }

    /// <summary>The smoothed round trip; null = not measured.</summary>
    public TimeSpan? Rtt { get; private set; }

    /// <summary>Notes a check that is being sent.</summary>
    public void NoteCheck(PingId check, Instant now)
    {
        _inFlight.RemoveAll(entry => now - entry.SentAt > CheckLifetime);
        if (_inFlight.Count == MaxChecksInFlight) _inFlight.RemoveAt(0);
        _inFlight.Add((check, now));
        LastCheck = now;
        UnansweredSince ??= now;
        UnansweredChecks++;
    }

    /// <summary>Takes an answer; false where it answers no check that is still in flight on this pair.</summary>
    public bool TryCompleteCheck(PingId check, Instant now)
    {
        int index = _inFlight.FindIndex(entry => entry.Id == check);
        if (index < 0 || now - _inFlight[index].SentAt > CheckLifetime) return false;

        TimeSpan sample = now - _inFlight[index].SentAt;
        Rtt = Rtt is { } smoothed ? smoothed + (sample - smoothed) / (1 << RttShift) : sample;
        _inFlight.RemoveAt(index);
        LastPong = now;
        LastHeard = now;
        UnansweredSince = null;
        UnansweredChecks = 0;
        return true;
    }

    /// <summary>Forgets checks that cannot be answered any more: the peer has other keys, or we have another address.</summary>
    public void ForgetChecks()
    {
        _inFlight.Clear();
        LastCheck = null;
        IsOpened = false;
        UnansweredSince = null;
        UnansweredChecks = 0;
    }
}
