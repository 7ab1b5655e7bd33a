using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// Bounds what goes by relay as well before anything is known to be wrong: sparse traffic is covered whole, and bulk costs next to nothing.
/// A bucket in one number, the instant at which it is full again: any thread may take from it, without a lock.
/// </summary>
internal sealed class EarlyCopies
{
    /// <summary>Packets a second, twice what five pings a second need.</summary>
    public const int PerSecond = 10;

    /// <summary>Packets at once: a handshake and what waited for it.</summary>
    public const int Burst = 4;

    private const long TicksPerPacket = TimeSpan.TicksPerSecond / PerSecond;

    private long _fullAt;

    /// <summary>Takes as many copies as there may be now.</summary>
    /// <param name="wanted">Packets to be sent, 0 or more.</param>
    /// <param name="now">The present.</param>
    /// <returns>How many of them may go by relay as well, 0 to <paramref name="wanted"/>.</returns>
    public int Take(int wanted, Instant now)
    {
        long before = Volatile.Read(ref _fullAt);
        while (true)
        {
            long start = Math.Max(before, now.Ticks);
            int taken = (int)Math.Clamp(Burst - (start - now.Ticks + TicksPerPacket - 1) / TicksPerPacket, 0, wanted);
            if (taken == 0) return 0;
            long seen = Interlocked.CompareExchange(ref _fullAt, start + taken * TicksPerPacket, before);
            if (seen == before) return taken;
            before = seen;
        }
    }
}
