using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Datagrams.Linux;

/// <summary><c>struct timespec</c>: 16 bytes on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct TimeSpecification
{
    public long Seconds;
    public long Nanoseconds;
}

/// <summary>The calls of the C library that the base library does not offer, with Linux's numbers (the same on x64 and arm64).</summary>
internal static unsafe partial class LibC
{
    public const int SolSocket = 1;
    public const int SoReusePort = 15;
    public const int SoSndBufForce = 32;
    public const int SoRcvBufForce = 33;
    public const int SoMark = 36;
    public const int SoRxqOvfl = 40;

    public const int IpProtoIp = 0;
    public const int IpTtl = 2;
    public const int IpMtuDiscover = 10;
    public const int IpProtoIpv6 = 41;
    public const int Ipv6MtuDiscover = 23;
    public const int IpPacketInfo = 8;
    public const int Ipv6ReceivePacketInfo = 49;
    public const int Ipv6PacketInfo = 50;
    public const int Ipv6HopLimit = 52;
    public const int PmtuDiscoverDont = 0; // Never set DF; fragment what is too long.
    public const int PmtuDiscoverProbe = 3; // Set DF, and send whatever the link takes, though a router may have said that the way is narrower.

    public const int SolUdp = 17;
    public const int UdpSegment = 103;
    public const int UdpGro = 104;

    public const int MsgTrunc = 0x20;
    public const int MsgDontWait = 0x40;
    public const int MsgWaitForOne = 0x10000; // Wait for the first datagram, then take what else is there.
    public const int ShutdownReceive = 0;

    public const int EpollCloseOnExec = 0x80000;
    public const int EpollIn = 1;
    public const int EpollAdd = 1;
    public const int EpollDelete = 2;
    public const int EventFdCloseOnExec = 0x80000;
    public const int EventFdNonBlocking = 0x800;

    public const int NoEntry = 2;
    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int AlreadyExists = 17;

    [LibraryImport("libc", EntryPoint = "recvmmsg", SetLastError = true)]
    public static partial int ReceiveMessages(SafeSocketHandle socket, MessageHeader* messages, uint count, int flags, nint timeout);

    [LibraryImport("libc", EntryPoint = "sendmmsg", SetLastError = true)]
    public static partial int SendMessages(SafeSocketHandle socket, MessageHeader* messages, uint count, int flags);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(SafeSocketHandle socket, byte* payload, nuint length, int flags, DatagramAddress* address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    public static partial int Shutdown(SafeSocketHandle socket, int how);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(SafeSocketHandle socket, int level, int option, int* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    public static partial int GetOption(SafeSocketHandle socket, int level, int option, int* value, uint* length);

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial SafeFileHandle EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int EpollControl(SafeFileHandle epoll, int operation, SafeHandle target, byte* @event);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int EpollWait(SafeFileHandle epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    public static partial void NanoSleep(TimeSpecification* wanted, TimeSpecification* left);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial SafeFileHandle EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(SafeFileHandle file, void* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(SafeFileHandle file, void* buffer, nuint length);

    /// <summary>Sets a socket option that is one int; the error, or Success.</summary>
    public static SocketError SetOption(SafeSocketHandle socket, int level, int option, int value) =>
        SetOption(socket, level, option, &value, sizeof(int)) == 0 ? SocketError.Success : LastError();

    /// <summary>Says whether the kernel knows of a socket option.</summary>
    public static bool HasOption(SafeSocketHandle socket, int level, int option)
    {
        int value;
        uint length = sizeof(int);
        return GetOption(socket, level, option, &value, &length) == 0;
    }

    /// <summary>What the last call failed with, in the base library's words.</summary>
    public static SocketError LastError() => ErrorOf(Marshal.GetLastPInvokeError());

    /// <summary>An errno in the base library's words.</summary>
    public static SocketError ErrorOf(int number) => number switch
    {
        1 or 13 => SocketError.AccessDenied, // EPERM: a packet filter, or a missing capability. EACCES: a broadcast address.
        9 => SocketError.NotSocket,
        11 => SocketError.WouldBlock,
        12 or 105 => SocketError.NoBufferSpaceAvailable,
        14 => SocketError.Fault,
        22 => SocketError.InvalidArgument,
        32 => SocketError.Shutdown,
        89 => SocketError.DestinationAddressRequired,
        90 => SocketError.MessageSize,
        92 => SocketError.ProtocolOption,
        95 => SocketError.OperationNotSupported,
        97 => SocketError.AddressFamilyNotSupported,
        98 => SocketError.AddressAlreadyInUse,
        99 => SocketError.AddressNotAvailable,
        100 => SocketError.NetworkDown,
        101 => SocketError.NetworkUnreachable,
        103 => SocketError.ConnectionAborted,
        104 => SocketError.ConnectionReset,
        107 => SocketError.NotConnected,
        110 => SocketError.TimedOut,
        111 => SocketError.ConnectionRefused,
        112 => SocketError.HostDown,
        113 => SocketError.HostUnreachable,
        _ => SocketError.SocketError,
    };
}
