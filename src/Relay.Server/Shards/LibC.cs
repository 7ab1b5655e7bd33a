using System.Runtime.InteropServices;

namespace Relay.Server.Shards;

/// <summary>The calls of Linux's C library that an event loop needs, with Linux's numbers (the same on x64 and arm64).</summary>
internal static unsafe partial class LibC
{
    public const int EpollIn = 0x1;
    public const int EpollOut = 0x4;
    public const int EpollError = 0x8;
    public const int EpollHangUp = 0x10;
    public const int EpollCloseOnExec = 0x80000;
    public const int EpollAdd = 1;
    public const int EpollDelete = 2;
    public const int EpollModify = 3;
    public const int EventFdFlags = 0x80800; // Closed on exec, never blocks.
    public const int AcceptFlags = 0x80800; // Likewise.
    public const int SendFlags = 0x4040; // MSG_DONTWAIT, and MSG_NOSIGNAL: a broken connection is an error, not a signal.
    public const int ReceiveFlags = 0x40; // MSG_DONTWAIT.
    public const int PeekFlag = 0x02; // MSG_PEEK.

    public const int AddressFamilyIpv4 = 2;
    public const int AddressFamilyIpv6 = 10;

    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int TooManyFilesInSystem = 23;
    public const int TooManyFiles = 24;
    public const int NoBufferSpace = 105;
    public const int OutOfMemory = 12;

    public const int SetTimerSlack = 29;
    public const int ClockMonotonic = 1;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(int epoll, int operation, int target, byte* @event);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(int epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int listener, byte* address, int* addressLength, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int socket, byte* bytes, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int file, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int file, void* bytes, nuint length);

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial void Close(int file);

    [LibraryImport("libc", EntryPoint = "prctl")]
    public static partial void ProcessControl(int operation, nuint argument);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    public static partial void Sleep(long* secondsAndNanoseconds, void* remaining);
}
