using Timing;

namespace Node.Traversal.Core.PortMapping;

/// <summary>Tells by a gateway's epoch whether it has lost its mappings since we last heard it (RFC 6887 §8.5, RFC 6886 §3.6).</summary>
internal struct EpochClock
{
    private const double ClockDrift = 1.0 / 16; // Either clock may run wrong by this much (RFC 6887 §8.5).

    private (uint Epoch, Instant At)? _last;

    /// <summary>Takes an epoch. False where it does not go with the one before: the gateway has begun anew.</summary>
    public bool TryAdvance(uint epoch, Instant now)
    {
        (uint Epoch, Instant At)? last = _last;
        _last = (epoch, now);
        if (last is not { } before) return true;
        if ((long)epoch + 1 < before.Epoch) return false;

        double ours = (now - before.At).TotalSeconds;
        double theirs = (double)epoch - before.Epoch;
        return ours + 2 >= theirs - theirs * ClockDrift && theirs + 2 >= ours - ours * ClockDrift;
    }
}
