using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Datagrams.Linux;

/// <summary>Waits with epoll; an eventfd in the same set is what wakes it.</summary>
internal sealed unsafe class EpollSet : IReadinessSet
{
    private const int MaxEvents = 256; // A wait: what else is ready comes with the next one.
    private const int WakeToken = -1;

    // struct epoll_event: events (32 bits), then 64 bits of the user's. Packed on x64 only.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int EventLength = DataOffset + sizeof(ulong);

    private readonly SafeFileHandle _epoll;
    private readonly SafeFileHandle _wake;
    private readonly byte[] _events = GC.AllocateArray<byte>(MaxEvents * EventLength, pinned: true);

    public EpollSet()
    {
        _epoll = LibC.EpollCreate(LibC.EpollCloseOnExec);
        if (_epoll.IsInvalid) throw new SocketException((int)LibC.LastError(), "epoll_create1 failed: is the process out of descriptors?");

        _wake = LibC.EventFd(0, LibC.EventFdCloseOnExec | LibC.EventFdNonBlocking);
        if (_wake.IsInvalid || !TryControl(LibC.EpollAdd, _wake, WakeToken))
        {
            SocketError error = LibC.LastError();
            Dispose();
            throw new SocketException((int)error, "eventfd failed: is the process out of descriptors?");
        }
    }

    public void Add(Socket socket, int token)
    {
        if (TryControl(LibC.EpollAdd, socket.SafeHandle, token)) return;
        if (Marshal.GetLastPInvokeError() == LibC.AlreadyExists) throw new InvalidOperationException("The poller watches this socket already.");
        throw new SocketException((int)LibC.LastError(), "The poller cannot watch the socket (epoll_ctl).");
    }

    public void Remove(Socket socket)
    {
        try
        {
            if (TryControl(LibC.EpollDelete, socket.SafeHandle, token: 0)) return;
        }
        catch (ObjectDisposedException)
        {
            return; // It is closed, and with that the kernel has taken it out.
        }

        if (Marshal.GetLastPInvokeError() == LibC.NoEntry) return;
        throw new SocketException((int)LibC.LastError(), "The poller cannot leave the socket (epoll_ctl).");
    }

    public int Wait(Span<int> readyTokens, int timeoutMilliseconds)
    {
        // No more than is handed on: the kernel moves what it has told to the end of its list, and so tells of every socket in turn.
        int wanted = Math.Min(readyTokens.Length, MaxEvents);
        int count;
        fixed (byte* events = _events) count = LibC.EpollWait(_epoll, events, wanted, timeoutMilliseconds);
        if (count < 0)
        {
            if (Marshal.GetLastPInvokeError() == LibC.Interrupted) return 0;
            throw new SocketException((int)LibC.LastError(), "epoll_wait failed.");
        }

        int ready = 0;
        for (int i = 0; i < count; i++)
        {
            int token = MemoryMarshal.Read<int>(_events.AsSpan(i * EventLength + DataOffset));
            if (token == WakeToken) ResetWake();
            else readyTokens[ready++] = token;
        }

        return ready;
    }

    public void Wake()
    {
        ulong one = 1;
        try
        {
            LibC.Write(_wake, &one, sizeof(ulong)); // Fails only where the count is at its end, and then a wake-up is pending.
        }
        catch (ObjectDisposedException)
        {
            return; // Nobody waits any more.
        }
    }

    public void Dispose()
    {
        _wake?.Dispose();
        _epoll.Dispose();
    }

    private void ResetWake()
    {
        ulong count;
        LibC.Read(_wake, &count, sizeof(ulong));
    }

    private bool TryControl(int operation, SafeHandle target, int token)
    {
        Span<byte> @event = stackalloc byte[DataOffset + sizeof(ulong)];
        @event.Clear();
        MemoryMarshal.Write(@event, LibC.EpollIn);
        MemoryMarshal.Write(@event[DataOffset..], token);
        fixed (byte* bytes = @event) return LibC.EpollControl(_epoll, operation, target, bytes) == 0;
    }
}
