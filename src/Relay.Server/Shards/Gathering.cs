using Timing;

namespace Relay.Server.Shards;

/// <summary>
/// Decides whether a shard waits a little before it reads: where packets come singly and fast, a short wait lets several leave in one send,
/// for less work and no more delay in the end. It gathers only above a rate, and only for as long as the packets of a send become more by it.
/// </summary>
/// <param name="longest">How long to wait at most; zero = never.</param>
internal sealed class Gathering(TimeSpan longest)
{
    /// <summary>What a wait costs is worth it from about here on: below, every packet would wait for hardly another.</summary>
    public const int MinPacketsPerSecond = 60_000;

    /// <summary>With as many packets a send there is little left to win.</summary>
    public const double EnoughPacketsPerSend = 4;

    /// <summary>How much more packets a send must have, so that gathering goes on.</summary>
    public const double MinGain = 1.25;

    private static readonly TimeSpan Window = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan FirstRest = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRest = TimeSpan.FromSeconds(8);

    private Instant _windowBegan;
    private long _packets;
    private long _sends;
    private double _packetsPerSendWithout;
    private Instant _restUntil;
    private TimeSpan _rest = FirstRest;

    /// <summary>Says whether it gathers.</summary>
    public bool IsOn { get; private set; }

    /// <summary>Takes what a round has done.</summary>
    /// <returns>How long to wait before the next; zero = not at all.</returns>
    public TimeSpan HandleRound(int packets, int sends, Instant now)
    {
        if (longest == TimeSpan.Zero) return TimeSpan.Zero;
        _packets += packets;
        _sends += sends;
        TimeSpan elapsed = now - _windowBegan;
        if (elapsed >= Window)
        {
            Judge(_packets / elapsed.TotalSeconds, _sends == 0 ? EnoughPacketsPerSend : _packets / (double)_sends, now);
            _windowBegan = now;
            _packets = 0;
            _sends = 0;
        }

        return IsOn ? longest : TimeSpan.Zero;
    }

    private void Judge(double packetsPerSecond, double packetsPerSend, Instant now)
    {
        if (!IsOn)
        {
            _packetsPerSendWithout = packetsPerSend;
            IsOn = packetsPerSecond >= MinPacketsPerSecond && packetsPerSend < EnoughPacketsPerSend && now >= _restUntil;
            return;
        }

        if (packetsPerSend >= _packetsPerSendWithout * MinGain)
        {
            _rest = FirstRest;
            IsOn = packetsPerSecond >= MinPacketsPerSecond / 2.0;
            return;
        }

        // The packets go each another way: waiting brings none together. It is tried again, ever less often.
        IsOn = false;
        _restUntil = now + _rest;
        _rest = _rest * 2 < LongestRest ? _rest * 2 : LongestRest;
    }
}
