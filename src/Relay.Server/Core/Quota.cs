using Timing;

namespace Relay.Server.Core;

/// <summary>So much a second, and so much at once.</summary>
/// <param name="PerSecond">Bytes, frames or connections a second; 0 = no limit.</param>
/// <param name="Burst">What may come at once after a pause.</param>
internal readonly record struct Rate(long PerSecond, long Burst)
{
    /// <summary>The least burst in bytes, as stock relays have it: one longest frame with its key must never wait for ever.</summary>
    public const long LeastBytesBurst = 65_568;

    public bool IsLimited => PerSecond > 0;

    /// <summary>The time in which <paramref name="amount"/> is earned.</summary>
    public TimeSpan TimeFor(long amount) => new((long)Math.Min(amount * (double)TimeSpan.TicksPerSecond / PerSecond, TimeSpan.MaxValue.Ticks / 4));
}

/// <summary>
/// What somebody has used of a rate, as the instant at which all of it will have been earned. It is charged behind the fact: whoever is in debt
/// is not read from until then, and nothing is lost. The rate may be another each time.
/// </summary>
internal struct Quota
{
    private long _earned; // Ticks; 0 = nothing was used yet.

    /// <summary>When no debt is left; not after the present = there is none.</summary>
    public readonly Instant EarnedAt => new(Volatile.Read(in _earned));

    /// <summary>Charges what was used. By one thread at a time.</summary>
    public void Charge(long amount, Rate rate, Instant now)
    {
        if (rate.IsLimited) _earned = After(_earned, amount, rate, now);
    }

    /// <summary>Charges what was used; any thread may.</summary>
    public void ChargeShared(long amount, Rate rate, Instant now)
    {
        if (!rate.IsLimited) return;
        long before;
        do
        {
            before = Volatile.Read(ref _earned);
        }
        while (Interlocked.CompareExchange(ref _earned, After(before, amount, rate, now), before) != before);
    }

    /// <summary>Charges it if that leaves no debt; charges nothing otherwise. By one thread at a time.</summary>
    public bool TryCharge(long amount, Rate rate, Instant now)
    {
        if (!rate.IsLimited) return true;
        long after = After(_earned, amount, rate, now);
        if (after > now.Ticks) return false;
        _earned = after;
        return true;
    }

    /// <summary>Who has used nothing for long, or ever, is as far ahead as the burst, and no further. Just after the start that lies before the clock's origin.</summary>
    private static long After(long earned, long amount, Rate rate, Instant now)
    {
        long furthest = (now - rate.TimeFor(rate.Burst)).Ticks;
        long after = (earned == 0 ? furthest : Math.Max(earned, furthest)) + rate.TimeFor(amount).Ticks;
        return after == 0 ? 1 : after; // 0 says something else.
    }
}

/// <summary>What many have used together of a rate in bytes and one in frames. Any thread may charge.</summary>
internal sealed class UsedRates
{
    private Quota _bytes;
    private Quota _frames;

    /// <summary>When no debt is left.</summary>
    public Instant EarnedAt => Instant.Max(_bytes.EarnedAt, _frames.EarnedAt);

    public void Charge(long bytes, Rate bytesRate, int frames, Rate framesRate, Instant now)
    {
        _bytes.ChargeShared(bytes, bytesRate, now);
        _frames.ChargeShared(frames, framesRate, now);
    }
}
