using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>What the silence of a pair amounts to.</summary>
internal enum PathHealth
{
    /// <summary>All is answered, or may still be.</summary>
    Well,

    /// <summary>An answer is overdue: packets are to go by relay as well.</summary>
    Suspect,

    /// <summary>It has been silent for too long.</summary>
    Lost,
}

/// <summary>Judges a pair in use by its silence: of checks, or of data that should have been answered.</summary>
internal static class PathSilence
{
    /// <summary>How often a pair is checked that has fallen silent.</summary>
    public static readonly TimeSpan CheckInterval = TimeSpan.FromMilliseconds(100);

    /// <summary>Checks unanswered for this long end a path. Loss makes single answers fail; twenty in a row is no loss.</summary>
    private static readonly TimeSpan LostAfter = TimeSpan.FromSeconds(2);

    /// <summary>A pause in what the peer sends that is not one of its ordinary gaps: five packets a second have 200 ms.</summary>
    private static readonly TimeSpan FlowPause = TimeSpan.FromMilliseconds(300);

    /// <summary>Beyond the check that silence calls for and its answer: the look at the traffic may come late by its interval, and a little more.</summary>
    private static readonly TimeSpan AnswerSlack = TrafficWatch.Interval + TimeSpan.FromMilliseconds(5);

    private static readonly TimeSpan MinCheckAfter = TimeSpan.FromMilliseconds(50);

    // With a round trip of 50 ms the relay must be in use before the next of five pings a second goes, 200 ms after the one that was lost:
    // two round trips and a bit, so that the check that was sent after the first has had its chance.
    private static readonly TimeSpan MinSuspectAfter = TimeSpan.FromMilliseconds(130);
    private static readonly TimeSpan SuspectSlack = TimeSpan.FromMilliseconds(40);

    /// <summary>
    /// How long it takes at most until something has come back for data, if nothing else then the answer to the check that is sent for its
    /// silence, or for what went after the check before. Less than 200 ms, the gap of five packets a second, for round trips up to 85 ms.
    /// </summary>
    public static TimeSpan AnswerTakes(TimeSpan rtt) => Max(Max(rtt, MinCheckAfter) + rtt, CheckInterval) + AnswerSlack;

    /// <summary>Judges.</summary>
    /// <param name="pair">The pair in use.</param>
    /// <param name="traffic">What has gone and come on it.</param>
    /// <param name="now">The present.</param>
    /// <param name="isDueForCheck">Says that a check is to tell silence from failure.</param>
    /// <returns>How it stands; null = it is not silent at all.</returns>
    public static PathHealth? Judge(CandidatePair pair, PathTraffic traffic, Instant now, out bool isDueForCheck)
    {
        isDueForCheck = false;
        if (SilentSince(pair.UnansweredSince, traffic.UnansweredSince) is not { } since) return null;

        TimeSpan rtt = pair.Rtt ?? TimeSpan.Zero;
        TimeSpan silence = now - since;
        isDueForCheck = silence >= Max(rtt, MinCheckAfter) && !(pair.LastCheck is { } last && now - last < CheckInterval);
        if (pair.UnansweredSince is { } unanswered && now - unanswered >= LostAfter) return PathHealth.Lost;
        return silence >= Max(rtt * 2 + SuspectSlack, MinSuspectAfter) ? PathHealth.Suspect : PathHealth.Well;
    }

    /// <summary>
    /// Says that data came until a moment ago, and that no check has asked since whether the path is why it comes no more: who only answers
    /// would not miss what it has to answer. One check a pause.
    /// </summary>
    public static bool HasFlowCeased(CandidatePair pair, PathTraffic traffic, Instant now) =>
        traffic.LastReceivedDirect is { } last && now - last >= FlowPause && !(pair.LastCheck >= last + FlowPause);

    private static Instant? SilentSince(Instant? ofChecks, Instant? ofData) => ofChecks is not null && !(ofData <= ofChecks) ? ofChecks : ofData;

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
