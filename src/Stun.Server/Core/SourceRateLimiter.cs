using Addresses;
using Timing;

namespace Stun.Server.Core;

/// <summary>
/// A token bucket for every prefix that asks: /24 of IPv4, /56 of IPv6. Loopback is exempt. The table never grows: it has places for
/// <see cref="Capacity"/> prefixes, and a new one takes the place of the one whose bucket is fullest. A full bucket is as good as none, so
/// that forgetting it changes nothing: sources by the million push out each other, and not those that have something to be held against them.
/// Any number of threads, without a lock.
/// </summary>
/// <remarks>
/// A bucket is one number, the instant at which it will be full again (the "theoretical arrival time" of the generic cell rate algorithm):
/// a request moves it forward by the time its token takes to come back, and is refused where that were further ahead than the burst.
/// </remarks>
internal sealed class SourceRateLimiter
{
    /// <summary>65 536 prefixes, 1 MiB. At 2000 a second a prefix that has asked once is forgettable after half a millisecond.</summary>
    public const int Capacity = Sets * Ways;

    private const int SetBits = 13;
    private const int Sets = 1 << SetBits;
    private const int Ways = 8; // Places that one prefix may take; two cache lines.
    private const int UnitShift = 10; // Time is counted in 1/1024 of a tick, so that a million a second is still exact to a thousandth.
    private const int MovedShare = 100; // Answers sent elsewhere than they were asked from: one of a hundred.
    private const int LeastMovedBurst = 20; // One discovery with all its retransmissions.
    private const ulong MovedBit = 4; // Beside the family in a prefix's lowest byte.
    private static readonly long UnitsPerSecond = TimeSpan.TicksPerSecond << UnitShift;
    private static readonly TimeSpan ActiveTime = TimeSpan.FromSeconds(10);

    private readonly Place[] _places = new Place[Capacity];
    private readonly ulong _seed;
    private Rates _rates;

    /// <param name="requestsPerSecond">What a prefix may ask, and how much of it at once; 0 for no limit.</param>
    /// <param name="seed">Entropy, so that nobody can choose prefixes that share their places.</param>
    public SourceRateLimiter(int requestsPerSecond, ulong seed)
    {
        _seed = seed;
        _rates = Rates.Of(requestsPerSecond);
    }

    /// <summary>Changes the rate. Any thread, at any time; what was taken before stays taken.</summary>
    public void SetRate(int requestsPerSecond) => Volatile.Write(ref _rates, Rates.Of(requestsPerSecond));

    /// <summary>Takes a token of the source's prefix. False where it has none left.</summary>
    public bool TryTake(TransportAddress source, Instant now)
    {
        Rates rates = Volatile.Read(ref _rates);
        return rates.Interval == 0 || ForgedSources.IsLoopback(source) || TryTake(SourcePrefix.Of(source).Value, now, rates.Interval, rates.Burst);
    }

    /// <summary>
    /// Takes a token for an answer that leaves from, or goes to, elsewhere than it was asked (CHANGE-REQUEST, RESPONSE-PORT): a hundredth of the
    /// rate, at least one a second, from a bucket of its own.
    /// </summary>
    public bool TryTakeMoved(TransportAddress source, Instant now)
    {
        Rates rates = Volatile.Read(ref _rates);
        return rates.Interval == 0 || ForgedSources.IsLoopback(source) || TryTake(SourcePrefix.Of(source).Value | MovedBit, now, rates.MovedInterval, rates.MovedBurst);
    }

    /// <summary>How many prefixes have asked within the last ten seconds, as far as the table remembers. Walks the table.</summary>
    public int CountActive(Instant now)
    {
        long since = UnitsOf(now) - UnitsOf(Instant.Origin + ActiveTime);
        int count = 0;
        foreach (ref Place place in _places.AsSpan())
        {
            ulong key = Volatile.Read(ref place.Key);
            if (key != 0 && (key & MovedBit) == 0 && Volatile.Read(ref place.FullAt) > since) count++;
        }

        return count;
    }

    private bool TryTake(ulong key, Instant now, long interval, long burst)
    {
        long present = UnitsOf(now);
        Span<Place> set = _places.AsSpan(SetOf(key), Ways);
        int fullest = 0;
        long fullestAt = long.MaxValue;
        for (int i = 0; i < set.Length; i++)
        {
            ref Place place = ref set[i];
            if (Volatile.Read(ref place.Key) == key) return TryTake(ref place, present, interval, burst);

            long fullAt = Volatile.Read(ref place.FullAt);
            if (fullAt >= fullestAt) continue;
            fullestAt = fullAt;
            fullest = i;
        }

        // Two threads that take one place at once leave one key with either's time: a token more or less, and no harm.
        Volatile.Write(ref set[fullest].FullAt, present + interval);
        Volatile.Write(ref set[fullest].Key, key);
        return true;
    }

    private static bool TryTake(ref Place place, long present, long interval, long burst)
    {
        long fullAt = Volatile.Read(ref place.FullAt);
        while (true)
        {
            long next = Math.Max(fullAt, present) + interval;
            if (next - present > burst) return false;

            long seen = Interlocked.CompareExchange(ref place.FullAt, next, fullAt);
            if (seen == fullAt) return true;
            fullAt = seen; // Another thread took a token of the same prefix meanwhile.
        }
    }

    private int SetOf(ulong key)
    {
        ulong mixed = (key ^ _seed) * 0x9e3779b97f4a7c15; // Fibonacci hashing: the upper bits depend on all of the key.
        mixed ^= mixed >> 32;
        mixed *= 0xd6e8feb86659fd93;
        return (int)(mixed >> (64 - SetBits)) * Ways;
    }

    private static long UnitsOf(Instant instant) => instant.Ticks << UnitShift;

    private struct Place
    {
        public ulong Key;
        public long FullAt;
    }

    private sealed record Rates(long Interval, long Burst, long MovedInterval, long MovedBurst)
    {
        public static Rates Of(int requestsPerSecond)
        {
            if (requestsPerSecond == 0) return new Rates(0, 0, 0, 0);

            long interval = UnitsPerSecond / requestsPerSecond;
            int moved = Math.Max(1, requestsPerSecond / MovedShare);
            long movedInterval = UnitsPerSecond / moved;
            return new Rates(interval, interval * requestsPerSecond, movedInterval, movedInterval * Math.Max(moved, LeastMovedBurst));
        }
    }
}
