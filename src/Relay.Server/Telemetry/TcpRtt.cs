using System.Buffers.Binary;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Relay.Server.Telemetry;

/// <summary>The round-trip time of a TCP connection, as the kernel has smoothed it (Linux: TCP_INFO).</summary>
internal static partial class TcpRtt
{
    private const int TcpInfoOption = 11;
    private const int TcpLevel = 6;
    private const int RttOffset = 68; // tcpi_rtt, 32 bits, in microseconds.
    private const int InfoLength = RttOffset + sizeof(uint);

    /// <param name="descriptor">The socket's descriptor.</param>
    /// <param name="rtt">The time; at least a microsecond.</param>
    /// <returns>False where the system does not say, or has measured none yet.</returns>
    public static bool TryRead(int descriptor, out TimeSpan rtt)
    {
        rtt = default;
        if (!OperatingSystem.IsLinux()) return false;
        Span<byte> info = stackalloc byte[InfoLength];
        int length = InfoLength;
        if (GetOption(descriptor, TcpLevel, TcpInfoOption, info, ref length) != 0 || length < InfoLength) return false;
        return IsMeasured(info, out rtt);
    }

    /// <inheritdoc cref="TryRead(int, out TimeSpan)"/>
    public static bool TryRead(Socket socket, out TimeSpan rtt)
    {
        rtt = default;
        if (!OperatingSystem.IsLinux()) return false;
        Span<byte> info = stackalloc byte[InfoLength];
        try
        {
            return socket.GetRawSocketOption(TcpLevel, TcpInfoOption, info) == InfoLength && IsMeasured(info, out rtt);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            return false; // It is leaving at this moment.
        }
    }

    private static bool IsMeasured(ReadOnlySpan<byte> info, out TimeSpan rtt)
    {
        uint microseconds = BitConverter.IsLittleEndian ? BinaryPrimitives.ReadUInt32LittleEndian(info[RttOffset..]) : BinaryPrimitives.ReadUInt32BigEndian(info[RttOffset..]);
        rtt = TimeSpan.FromMicroseconds(microseconds);
        return microseconds > 0;
    }

    [LibraryImport("libc", EntryPoint = "getsockopt")]
    private static partial int GetOption(int descriptor, int level, int option, Span<byte> value, ref int length);
}
