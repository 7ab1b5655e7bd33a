using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>One epoll set, and the eventfd in it by which other threads wake its owner. What is watched is known by a token of the owner's.</summary>
internal sealed unsafe class Epoll : IDisposable
{
    /// <summary>The token of a wake-up.</summary>
    public const int WakeToken = -1;

    private const int MaxEvents = 128; // A round: what else is ready comes with the next one, and nobody waits for the sending as long as for all.

    // struct epoll_event: events (32 bits), then 64 bits of the user's. Packed on x64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventLength = DataOffset + sizeof(ulong);

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte* _events = (byte*)NativeMemory.AllocZeroed((nuint)(MaxEvents * EventLength));

    public Epoll()
    {
        _epoll = LibC.EpollCreate(LibC.EpollCloseOnExec);
        _wake = LibC.EventFd(0, LibC.EventFdFlags);
        if (_epoll >= 0 && _wake >= 0 && TryControl(LibC.EpollAdd, _wake, WakeToken, LibC.EpollIn)) return;
        Dispose();
        throw new IOException("epoll_create1 or eventfd failed: is the process out of descriptors?");
    }

    /// <summary>Watches a descriptor until it is closed; false where the kernel has no memory for that.</summary>
    public bool TryAdd(int descriptor, int token, int interest) => TryControl(LibC.EpollAdd, descriptor, token, interest);

    /// <summary>Changes what is watched for.</summary>
    public void Modify(int descriptor, int token, int interest) => TryControl(LibC.EpollModify, descriptor, token, interest);

    /// <summary>Stops to watch a descriptor that stays open.</summary>
    public void Remove(int descriptor) => TryControl(LibC.EpollDelete, descriptor, 0, 0);

    /// <summary>Waits until something is ready.</summary>
    /// <param name="timeoutMilliseconds">How long at most; -1 = for ever.</param>
    /// <returns>The number of events, for <see cref="EventAt"/>.</returns>
    public int Wait(int timeoutMilliseconds)
    {
        int count = LibC.EpollWait(_epoll, _events, MaxEvents, timeoutMilliseconds);
        if (count >= 0) return count;
        if (Marshal.GetLastPInvokeError() == LibC.Interrupted) return 0;
        throw new SocketException(Marshal.GetLastPInvokeError(), "epoll_wait failed.");
    }

    /// <summary>What the last wait has found: a token and the events that are due.</summary>
    public (int Token, int Events) EventAt(int index)
    {
        byte* @event = _events + (index * EventLength);
        return (Marshal.ReadInt32((nint)(@event + DataOffset)), *(int*)@event);
    }

    /// <summary>Ends the wait, from any thread; a wait to come ends at once.</summary>
    public void Wake()
    {
        ulong one = 1;
        LibC.Write(_wake, &one, sizeof(ulong)); // Fails only where the count is at its end, and then a wake-up is pending.
    }

    /// <summary>Takes note of the wake-up.</summary>
    public void ResetWake()
    {
        ulong count;
        LibC.Read(_wake, &count, sizeof(ulong));
    }

    public void Dispose()
    {
        if (_wake >= 0) LibC.Close(_wake);
        if (_epoll >= 0) LibC.Close(_epoll);
        NativeMemory.Free(_events);
    }

    private bool TryControl(int operation, int descriptor, int token, int interest)
    {
        byte* @event = stackalloc byte[EventLength];
        *(int*)@event = interest;
        *(long*)(@event + DataOffset) = token;
        return LibC.EpollControl(_epoll, operation, descriptor, @event) == 0;
    }
}
