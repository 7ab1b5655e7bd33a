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
    private const int RttShift = 3; // Smoothing as in RFC 6298 §2: a new sample counts one eighth,
    private const int VariationShift = 2; // and its distance from the mean one quarter.

    /// <summary>
    /// Of the first answers the shortest round trip counts: nothing makes one come too early, but code that runs for the first time, a router that
    /// looks up its neighbour and a mapping that is being made have them come late, and at the pace of checks it takes long to smooth that away.
    /// </summary>
    private const int FirstAnswers = 8;

    /// <summary>An answer that takes this many round trips, and this long at the least, counts as a loss: data would have been sent again by then.</summary>
    private const int LostAfterRtts = 4;
    private static readonly TimeSpan LostAfter = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a pair is left alone that passed checks and no data; doubled each time, up to the longest.</summary>
    private static readonly TimeSpan FirstBar = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongestBar = TimeSpan.FromMinutes(10);

    private readonly List<Check> _inFlight = [];
    private LossWindow _loss;
    private int _answers;
    private Instant? _lastLate;
    private TimeSpan _nextBar = FirstBar;

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

    /// <summary>The smoothed round trip; null = not measured.</summary>
    public TimeSpan? Rtt { get; private set; }

    /// <summary>How far single round trips lie from <see cref="Rtt"/> (RFC 6298's RTTVAR).</summary>
    public TimeSpan RttVariation { get; private set; }

    /// <summary>What became of the latest checks.</summary>
    public LossWindow Loss => _loss;

    /// <summary>Data packets that had been sent to the peer directly when the last check was.</summary>
    public long SentAtLastCheck { get; private set; }

    /// <summary>Until when the pair is not used, for it has passed checks and no data; null = it never was barred, or is trusted again.</summary>
    public Instant? BarredUntil { get; private set; }

    private TimeSpan Patience => (Rtt ?? TimeSpan.Zero) * LostAfterRtts is var rtts && rtts > LostAfter ? rtts : LostAfter;

    /// <summary>Notes a check that is being sent.</summary>
    /// <param name="check">Its id.</param>
    /// <param name="sentDirect">Data packets sent to the peer directly before it.</param>
    /// <param name="now">The present.</param>
    public void NoteCheck(PingId check, long sentDirect, Instant now)
    {
        JudgeLosses(now);
        if (_inFlight.Count == MaxChecksInFlight) _inFlight.RemoveAt(0);
        _inFlight.Add(new Check(check, now, sentDirect, IsJudged: false));
        LastCheck = now;
        SentAtLastCheck = sentDirect;
        UnansweredSince ??= now;
    }

    /// <summary>Takes an answer; false where it answers no check that is still in flight on this pair.</summary>
    /// <param name="check">The id it repeats.</param>
    /// <param name="now">The present.</param>
    /// <param name="sent">The check.</param>
    public bool TryCompleteCheck(PingId check, Instant now, out SentCheck sent)
    {
        JudgeLosses(now);
        sent = default;
        int index = _inFlight.FindIndex(entry => entry.Id == check);
        if (index < 0) return false;

        Check answered = _inFlight[index];
        _inFlight.RemoveAt(index);
        sent = new SentCheck(answered.SentAt, answered.SentDirect);
        if (!answered.IsJudged) _loss.Add(isLost: false);
        if (TellsRoundTrip(answered, now)) Measure(now - answered.SentAt);
        LastPong = now;
        LastHeard = now;
        UnansweredSince = null;
        return true;
    }

    /// <summary>Forgets checks that cannot be answered any more: the peer has other keys, or we have another address. What was held against the pair is forgotten too.</summary>
    public void ForgetChecks()
    {
        _inFlight.Clear();
        LastCheck = null;
        IsOpened = false;
        UnansweredSince = null;
        ForgetLoss();
        Trust();
    }

    /// <summary>An outage says nothing of how lossy the path is once it is back.</summary>
    public void ForgetLoss() => _loss = default;

    /// <summary>Data does not pass though checks do: the pair is not used for a while, and longer each time.</summary>
    public void Bar(Instant now)
    {
        BarredUntil = now + _nextBar;
        _nextBar = _nextBar * 2 < LongestBar ? _nextBar * 2 : LongestBar;
    }

    /// <summary>Data has passed, or the network is another one.</summary>
    public void Trust()
    {
        BarredUntil = null;
        _nextBar = FirstBar;
    }

    /// <summary>Says that checks have gone unanswered for longer than any answer takes.</summary>
    public bool IsSilent(Instant now) => UnansweredSince is { } since && now - since > Patience;

    /// <summary>Says that the pair is not to be used at present.</summary>
    public bool IsBarred(Instant now) => now < BarredUntil;

    /// <summary>
    /// A late answer tells of a peer that slept, or of a line that was cut, and of all that has waited there with it: measured, it would have the
    /// next failure of the path noticed seconds late. The way has become longer where a check that was sent after it is answered late as well.
    /// </summary>
    private bool TellsRoundTrip(Check answered, Instant now)
    {
        bool isLate = Rtt is not null && answered.IsJudged;
        bool isConfirmed = _lastLate <= answered.SentAt;
        _lastLate = isLate ? now : null;
        return !isLate || isConfirmed;
    }

    private void Measure(TimeSpan sample)
    {
        if (Rtt is { } smoothed)
        {
            RttVariation += ((sample - smoothed).Duration() - RttVariation) / (1 << VariationShift);
            bool isFirst = ++_answers <= FirstAnswers;
            Rtt = !isFirst ? smoothed + (sample - smoothed) / (1 << RttShift) : sample < smoothed ? sample : smoothed;
            return;
        }

        _answers = 1;
        Rtt = sample;
        RttVariation = sample / 2;
    }

    private void JudgeLosses(Instant now)
    {
        TimeSpan patience = Patience;
        for (int i = 0; i < _inFlight.Count; i++)
        {
            Check check = _inFlight[i];
            if (check.IsJudged || now - check.SentAt <= patience) continue;
            _inFlight[i] = check with { IsJudged = true };
            if (Rtt is not null) _loss.Add(isLost: true); // Before the first answer there is no path that could lose anything.
        }

        _inFlight.RemoveAll(entry => now - entry.SentAt > CheckLifetime);
    }

    private readonly record struct Check(PingId Id, Instant SentAt, long SentDirect, bool IsJudged);
}

/// <summary>A check that was answered.</summary>
/// <param name="At">When it was sent.</param>
/// <param name="SentDirect">Data packets that had been sent to the peer directly by then.</param>
internal readonly record struct SentCheck(Instant At, long SentDirect);
