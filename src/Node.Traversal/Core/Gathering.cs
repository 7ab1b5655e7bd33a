using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// Decides whether a thread that carries packets pauses before it reads. WireGuard sends each packet by itself, a few microseconds apart,
/// and each would wake the thread and leave alone; after a pause many are read at once and leave as one. Only at rates where that is worth
/// more than the delay, so that what comes singly is never held up.
/// </summary>
internal sealed class Gathering
{
    /// <summary>About 100 Mbit/s of long packets: below, a pause would gather hardly another packet, and there is CPU to spare.</summary>
    public const int MinPacketsPerSecond = 10_000;

    /// <summary>How long a pause is at least; the system's timers make it up to twice that.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromMicroseconds(50);

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(5);

    private Instant _windowBegan;
    private int _packets;
    private bool _isOn;

    /// <summary>Notes how many packets a round has carried.</summary>
    public void HandleRound(int packets) => _packets += packets;

    /// <summary>Says whether to pause, now that there is something to read.</summary>
    public bool IsWorthwhile(Instant now)
    {
        TimeSpan elapsed = now - _windowBegan;
        if (elapsed < Window) return _isOn;

        double packetsPerSecond = _packets / elapsed.TotalSeconds;
        _isOn = packetsPerSecond >= (_isOn ? MinPacketsPerSecond / 2 : MinPacketsPerSecond);
        _windowBegan = now;
        _packets = 0;
        return _isOn;
    }
}
