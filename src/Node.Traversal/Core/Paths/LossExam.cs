using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// When the pairs that are reached are checked side by side, because one of them loses packets: at keepalive pace it would take minutes to
/// see which is the cleaner.
/// </summary>
internal sealed class LossExam
{
    /// <summary>The share of lost checks that is looked into.</summary>
    public const double DoubtfulShare = 0.05;

    private const int Rounds = 32;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(60);

    private Instant? _notBefore;
    private int _left;

    /// <summary>When the next round of checks is due; null = no examination goes on.</summary>
    public Instant? Next { get; private set; }

    /// <summary>There is reason for one. It begins, unless there was one of late.</summary>
    public void Ask(Instant now)
    {
        if (Next is not null || now < _notBefore) return;
        Next = now;
        _left = Rounds;
    }

    /// <summary>Moves past the round that is due.</summary>
    public void Take(Instant now)
    {
        _left--;
        Next = _left > 0 ? now + Interval : null;
        if (_left == 0) _notBefore = now + Pause;
    }

    /// <summary>There is no path to examine any more.</summary>
    public void Stop() => Next = null;
}
