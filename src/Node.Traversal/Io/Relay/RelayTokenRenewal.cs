using Relay.Protocol.Extensions;
using Timing;

namespace Node.Traversal.Io.Relay;

/// <summary>
/// Keeps the token that one relay has been shown up to date, on the connection as it is: when its user says that there is another, and before
/// the one shown runs out. Only for a relay that speaks our extensions; any other ends the connection in its time, and sees the new one at
/// the next login.
/// </summary>
internal sealed class RelayTokenRenewal : IDisposable
{
    /// <summary>How long before a token's end another is asked for.</summary>
    public static readonly TimeSpan Lead = TimeSpan.FromMinutes(2);

    /// <summary>The least time between two tokens shown, and between two questions for one: a relay takes one in ten seconds, and cuts off whoever shows more.</summary>
    public static readonly TimeSpan LeastInterval = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1); // No timer runs for much longer than a month.

    private readonly Func<string?> _token;
    private readonly Action<byte[]> _send;
    private readonly MonotonicClock _clock;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private string? _shown;
    private Instant _notBefore;
    private bool _isOver;

    /// <param name="token">Gives the token of now.</param>
    /// <param name="shown">The one that the relay was shown at the login; null = none.</param>
    /// <param name="send">Takes frames for the relay, on any thread.</param>
    /// <param name="clock">The time.</param>
    public RelayTokenRenewal(Func<string?> token, string? shown, Action<byte[]> send, MonotonicClock clock)
    {
        _token = token;
        _shown = shown;
        _send = send;
        _clock = clock;
        _timer = clock.TimeProvider.CreateTimer(_ => Renew(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        AwaitEnd();
    }

    /// <summary>Shows the relay the token of now, if it is another than the last. One that comes too soon after it waits.</summary>
    public void Renew()
    {
        lock (_lock)
        {
            if (_isOver) return;
            Instant now = _clock.Now;
            if (now < _notBefore)
            {
                _timer.Change(_notBefore - now, Timeout.InfiniteTimeSpan);
                return;
            }

            if (_token() is { Length: > 0 and <= TokenFrame.MaxTokenLength } token && token != _shown)
            {
                _shown = token;
                _notBefore = now + LeastInterval;
                _send(TokenFrame.Of(token));
            }

            AwaitEnd();
        }
    }

    public void Dispose()
    {
        lock (_lock) _isOver = true;
        _timer.Dispose();
    }

    /// <summary>Sets the timer to when the token shown is about to run out; where there is none, or it does not say when, only its user can tell.</summary>
    private void AwaitEnd()
    {
        if (TokenExpiry.Of(_shown) is not { } expiry) return;
        TimeSpan wait = expiry - Lead - _clock.TimeProvider.GetUtcNow();
        _timer.Change(wait < LeastInterval ? LeastInterval : wait < LongestWait ? wait : LongestWait, Timeout.InfiniteTimeSpan);
    }
}
