namespace Node.Traversal.Io;

/// <summary>
/// Notices that the machine has slept: the wall clock has gone on and the monotonic one has not, or a timer comes far too late. A clock that
/// is set by hand looks the same, and costs one round of checks.
/// </summary>
internal sealed class SleepWatch(TimeProvider time)
{
    /// <summary>What counts as a sleep: a busy machine is late by less, and a shorter one breaks nothing.</summary>
    public static readonly TimeSpan ShortestSleep = TimeSpan.FromSeconds(5);

    private DateTimeOffset _wall = time.GetUtcNow();
    private long _monotonic = time.GetTimestamp();

    /// <summary>Says whether the machine has slept since this was last asked. To be asked every second or two.</summary>
    /// <param name="interval">From question to question, when all goes well.</param>
    public bool HasSlept(TimeSpan interval)
    {
        DateTimeOffset wall = time.GetUtcNow();
        long monotonic = time.GetTimestamp();
        TimeSpan byWall = wall - _wall;
        TimeSpan byMonotonic = time.GetElapsedTime(_monotonic, monotonic);
        _wall = wall;
        _monotonic = monotonic;
        return byWall - byMonotonic >= ShortestSleep || byMonotonic - interval >= ShortestSleep;
    }
}
