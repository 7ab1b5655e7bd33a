using Timing;

namespace Relay.Server.Core;

/// <summary>
/// Decides which frames of one sender have waited too long to be worth sending (CoDel, RFC 8289 §4): a queue that stays longer than a
/// target for a whole interval loses a frame, then more and more often, until it is short again. A burst that drains within an interval loses nothing.
/// </summary>
internal struct CoDel
{
    /// <summary>The wait that is no fault: a tenth of the interval, as RFC 8289 §4.3 has it.</summary>
    public static readonly TimeSpan Target = TimeSpan.FromMilliseconds(20);

    /// <summary>How long a queue may stay above the target. Twice the RFC's: the path has two legs, and TCP below pauses a round trip at each loss.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>What may always wait, in bytes: one full packet, or a slow link would lose all.</summary>
    public const int AlwaysAllowed = 1600;

    private static readonly TimeSpan Memory = 16 * Interval; // RFC 8289 §5.5: a relapse within this goes on where it was.

    private Instant _firstAbove;
    private Instant _nextDrop;
    private int _count;
    private int _lastCount;
    private bool _isAbove;
    private bool _isDropping;

    /// <summary>Says whether the frame at the front is to be dropped rather than sent. Asked when it is about to leave.</summary>
    /// <param name="wait">How long the frame has waited.</param>
    /// <param name="backlog">The sender's bytes that wait, this frame's with them.</param>
    /// <param name="now">The present.</param>
    public bool ShouldDrop(TimeSpan wait, int backlog, Instant now)
    {
        bool isLate = IsLate(wait, backlog, now);
        if (!_isDropping) return isLate && BeginDropping(now);

        _isDropping = isLate;
        if (!isLate || now < _nextDrop) return false;
        _count++;
        _nextDrop += Spacing();
        return true;
    }

    private bool IsLate(TimeSpan wait, int backlog, Instant now)
    {
        if (wait < Target || backlog <= AlwaysAllowed)
        {
            _isAbove = false;
            return false;
        }

        if (_isAbove) return now >= _firstAbove;
        _isAbove = true;
        _firstAbove = now + Interval;
        return false;
    }

    private bool BeginDropping(Instant now)
    {
        _isDropping = true;
        int added = _count - _lastCount;
        _count = added > 1 && now - _nextDrop < Memory ? added : 1;
        _lastCount = _count;
        _nextDrop = now + Spacing();
        return true;
    }

    private readonly TimeSpan Spacing() => Interval / Math.Sqrt(_count);
}
