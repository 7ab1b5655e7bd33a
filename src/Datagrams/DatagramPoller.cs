using Datagrams.Linux;
using Datagrams.Portable;

namespace Datagrams;

/// <summary>
/// Waits until one of several sockets has something to receive (level-triggered: it says so again until all is received).
/// One thread waits; any thread may add, remove and wake.
/// </summary>
public sealed class DatagramPoller : IDisposable
{
    /// <summary>Makes <see cref="Wait"/> wait for as long as it takes.</summary>
    public const int Forever = -1;

    private readonly IReadinessSet _set;

    /// <summary>Makes an empty poller.</summary>
    /// <exception cref="System.Net.Sockets.SocketException">The system is out of descriptors.</exception>
    public DatagramPoller()
        : this(isPortable: !OperatingSystem.IsLinux())
    {
    }

    /// <summary>As the public one; tests choose the portable way on Linux too.</summary>
    internal DatagramPoller(bool isPortable) => _set = isPortable ? new SelectSet() : new EpollSet();

    /// <summary>Begins to watch a socket.</summary>
    /// <param name="socket">The socket; the caller keeps it.</param>
    /// <param name="token">What <see cref="Wait"/> calls it by; not negative.</param>
    /// <exception cref="InvalidOperationException">The socket is watched already.</exception>
    public void Add(DatagramSocket socket, int token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(token);
        _set.Add(socket.Socket, token);
    }

    /// <summary>Stops watching a socket. Nothing happens where it was not watched, or is closed already.</summary>
    public void Remove(DatagramSocket socket) => _set.Remove(socket.Socket);

    /// <summary>Waits for a socket with something to receive, for <see cref="Wake"/>, or for the time to pass.</summary>
    /// <param name="readyTokens">Filled with the tokens of sockets that are ready, as many as fit; the others come next time.</param>
    /// <param name="timeoutMilliseconds">How long to wait at most: 0 to look only, <see cref="Forever"/> for no limit.</param>
    /// <returns>How many tokens were filled in; 0 also when woken, or when a signal came.</returns>
    public int Wait(Span<int> readyTokens, int timeoutMilliseconds)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(timeoutMilliseconds, Forever);
        if (readyTokens.IsEmpty) throw new ArgumentException("There must be room for a token.", nameof(readyTokens));
        return _set.Wait(readyTokens, timeoutMilliseconds);
    }

    /// <summary>
    /// Sleeps for a fraction of a second, so that what arrives meanwhile is received at once and does not wake the thread one by one. Linux only:
    /// elsewhere the shortest sleep is too long, and this returns immediately.
    /// </summary>
    /// <param name="pause">How long at least, under a second; a signal ends it early.</param>
    public static unsafe void Pause(TimeSpan pause)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(pause.Ticks, nameof(pause));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(pause.Ticks, TimeSpan.TicksPerSecond, nameof(pause));
        if (!OperatingSystem.IsLinux()) return;
        TimeSpecification wanted = new() { Nanoseconds = (long)pause.TotalNanoseconds };
        LibC.NanoSleep(&wanted, null);
    }

    /// <summary>Makes the present or the next <see cref="Wait"/> return. Nothing happens once the poller is disposed.</summary>
    public void Wake() => _set.Wake();

    /// <summary>Closes the poller; the sockets stay open. The waiting thread must have been woken and be gone.</summary>
    public void Dispose() => _set.Dispose();
}
