using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Addresses;

namespace Node.Traversal.Io.Stun;

/// <summary>What the network reported of one datagram.</summary>
/// <param name="Destination">Where the datagram went.</param>
/// <param name="Problem">What was reported.</param>
/// <param name="IsFinal">Says that nobody listens there. Anything else may pass.</param>
internal readonly record struct IcmpError(TransportAddress Destination, SocketError Problem, bool IsFinal);

/// <summary>
/// Reads from a UDP socket that is not connected what ICMP reported of its datagrams (ip(7), IP_RECVERR). Linux alone tells that; elsewhere a
/// server that does not listen is one that does not answer.
/// </summary>
internal static unsafe partial class IcmpErrors
{
    private const int SolIp = 0;
    private const int SolIpv6 = 41;
    private const int IpRecvErr = 11;
    private const int Ipv6RecvErr = 25;
    private const int MsgErrQueue = 0x2000;
    private const int MsgDontWait = 0x40;
    private const int ErrnoOffset = 0; // The first member of sock_extended_err.
    private const int ControlLength = 512;
    private const int NameLength = 28; // sockaddr_in6.

    /// <summary>Wants the reports of a socket to be kept for <see cref="Read"/>.</summary>
    public static void Enable(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) return;
        bool isIpv4 = socket.AddressFamily == AddressFamily.InterNetwork;
        socket.SetRawSocketOption(isIpv4 ? SolIp : SolIpv6, isIpv4 ? IpRecvErr : Ipv6RecvErr, BitConverter.GetBytes(1));
    }

    /// <summary>Takes the oldest report; null where there is none.</summary>
    public static IcmpError? Read(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) return null;
        byte* name = stackalloc byte[NameLength];
        byte* control = stackalloc byte[ControlLength];
        byte payload;
        IoVector vector = new() { Base = (nint)(&payload), Length = 1 };
        MessageHeader message = new() { Name = (nint)name, NameLength = NameLength, Vectors = (nint)(&vector), VectorCount = 1, Control = (nint)control, ControlLength = ControlLength };
        if (ReceiveMessage(socket.SafeHandle, &message, MsgErrQueue | MsgDontWait) < 0) return null;

        int errno = ErrnoOf(new ReadOnlySpan<byte>(control, (int)message.ControlLength));
        return new IcmpError(AddressOf(new ReadOnlySpan<byte>(name, (int)message.NameLength)), ProblemOf(errno), errno == ConnectionRefused);
    }

    private const int ConnectionRefused = 111;

    private static SocketError ProblemOf(int errno) => errno switch
    {
        ConnectionRefused => SocketError.ConnectionRefused,
        113 => SocketError.HostUnreachable,
        101 => SocketError.NetworkUnreachable,
        13 => SocketError.AccessDenied, // "Administratively prohibited": a firewall that says so.
        90 => SocketError.MessageSize,
        _ => SocketError.SocketError,
    };

    /// <summary>The error of the first control message: header (length, level, type), then sock_extended_err.</summary>
    private static int ErrnoOf(ReadOnlySpan<byte> control)
    {
        int header = IntPtr.Size + 4 + 4;
        return control.Length < header + ErrnoOffset + 4 ? 0 : MemoryMarshal.Read<int>(control[(header + ErrnoOffset)..]);
    }

    private static TransportAddress AddressOf(ReadOnlySpan<byte> name)
    {
        if (name.Length < 16) return default;
        int port = (name[2] << 8) | name[3];
        return MemoryMarshal.Read<ushort>(name) == 2
            ? TransportAddress.From(new IPAddress(name.Slice(4, 4)), port)
            : name.Length < NameLength ? default : TransportAddress.From(new IPAddress(name.Slice(8, 16)), port);
    }

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(SafeHandle socket, MessageHeader* message, int flags);

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public nint Base;
        public nint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public nint Name;
        public uint NameLength;
        public nint Vectors;
        public nint VectorCount;
        public nint Control;
        public nint ControlLength;
        public int Flags;
    }
}
