namespace Timing;

/// <summary>A point in monotonic time. Only differences mean anything; the origin is the clock's own.</summary>
/// <param name="Ticks">Time since the clock's origin in units of 100 ns, as in <see cref="TimeSpan"/>.</param>
public readonly record struct Instant(long Ticks) : IComparable<Instant>
{
    /// <summary>The origin of the clock: before every instant a running clock gives.</summary>
    public static readonly Instant Origin = new(0);

    /// <summary>An instant no clock reaches: "never", as a timeout.</summary>
    public static readonly Instant Never = new(long.MaxValue);

    /// <summary>The instant <paramref name="duration"/> after this one; <see cref="Never"/> where that overflows.</summary>
    public static Instant operator +(Instant instant, TimeSpan duration)
    {
        long ticks = unchecked(instant.Ticks + duration.Ticks);
        bool overflows = duration.Ticks > 0 && ticks < instant.Ticks;
        return overflows ? Never : new Instant(ticks);
    }

    /// <summary>The instant <paramref name="duration"/> before this one.</summary>
    public static Instant operator -(Instant instant, TimeSpan duration) => new(instant.Ticks - duration.Ticks);

    /// <summary>The time from <paramref name="earlier"/> to <paramref name="later"/>; negative where they are swapped.</summary>
    public static TimeSpan operator -(Instant later, Instant earlier) => new(later.Ticks - earlier.Ticks);

    /// <summary>Says whether <paramref name="left"/> lies before <paramref name="right"/>.</summary>
    public static bool operator <(Instant left, Instant right) => left.Ticks < right.Ticks;

    /// <summary>Says whether <paramref name="left"/> lies after <paramref name="right"/>.</summary>
    public static bool operator >(Instant left, Instant right) => left.Ticks > right.Ticks;

    /// <summary>Says whether <paramref name="left"/> does not lie after <paramref name="right"/>.</summary>
    public static bool operator <=(Instant left, Instant right) => left.Ticks <= right.Ticks;

    /// <summary>Says whether <paramref name="left"/> does not lie before <paramref name="right"/>.</summary>
    public static bool operator >=(Instant left, Instant right) => left.Ticks >= right.Ticks;

    /// <summary>The earlier of two instants.</summary>
    public static Instant Min(Instant left, Instant right) => left <= right ? left : right;

    /// <summary>The later of two instants.</summary>
    public static Instant Max(Instant left, Instant right) => left >= right ? left : right;

    /// <inheritdoc/>
    public int CompareTo(Instant other) => Ticks.CompareTo(other.Ticks);

    /// <summary>Seconds since the clock's origin, for logs and test output.</summary>
    public override string ToString() => $"{TimeSpan.FromTicks(Ticks).TotalSeconds:0.000}s";
}
