namespace Timing;

/// <summary>A bucket of tokens that fills at a steady rate: what it holds may be spent at once, what it lacks must be waited for.</summary>
public struct TokenBucket
{
    private readonly double _tokensPerTick;
    private readonly double _burst;
    private double _tokens;
    private Instant _filledAt;

    /// <summary>Makes a full bucket.</summary>
    /// <param name="tokensPerSecond">The rate it fills at; more than 0.</param>
    /// <param name="burst">What it holds when full; at least 1.</param>
    /// <param name="now">The present.</param>
    /// <exception cref="ArgumentOutOfRangeException">The rate is not positive, or the burst is under 1.</exception>
    public TokenBucket(double tokensPerSecond, double burst, Instant now)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(tokensPerSecond);
        ArgumentOutOfRangeException.ThrowIfLessThan(burst, 1);
        _tokensPerTick = tokensPerSecond / TimeSpan.TicksPerSecond;
        _burst = burst;
        _tokens = burst;
        _filledAt = now;
    }

    /// <summary>Takes <paramref name="tokens"/> if the bucket holds that many; takes none otherwise.</summary>
    public bool TryTake(double tokens, Instant now)
    {
        if (now > _filledAt)
        {
            _tokens = Math.Min(_burst, _tokens + (now - _filledAt).Ticks * _tokensPerTick);
            _filledAt = now;
        }

        if (_tokens < tokens) return false;
        _tokens -= tokens;
        return true;
    }
}
