namespace Timing;

/// <summary>Reads the monotonic time of a <see cref="TimeProvider"/>. Shells own one; cores are handed what it reads.</summary>
/// <param name="timeProvider">Where time comes from: <see cref="TimeProvider.System"/>, or a fake one in tests.</param>
public sealed class MonotonicClock(TimeProvider timeProvider)
{
    private readonly long _origin = timeProvider.GetTimestamp();

    /// <summary>The clock of this machine.</summary>
    public static MonotonicClock System { get; } = new(TimeProvider.System);

    /// <summary>The provider this clock reads, for waits that must follow the same time.</summary>
    public TimeProvider TimeProvider => timeProvider;

    /// <summary>The present. Never goes back.</summary>
    public Instant Now => Instant.Origin + timeProvider.GetElapsedTime(_origin);
}
