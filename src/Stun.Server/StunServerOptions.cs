using System.Net;
using System.Net.Sockets;
using Addresses;

namespace Stun.Server;

/// <summary>Where a STUN server listens.</summary>
public sealed record StunServerOptions
{
    /// <summary>3478: the port of STUN over UDP (RFC 8489 §18.6).</summary>
    public const int DefaultPort = 3478;

    /// <summary>
    /// UDP addresses. Port 0 lets the system choose one: see <see cref="StunServer.BoundAddresses"/>. <c>[::]</c> takes IPv4 too, unless
    /// <c>0.0.0.0</c> is listed with the same port. By default loopback of both families, where the host has both.
    /// </summary>
    public IReadOnlyList<TransportAddress> Listen { get; init; } = LoopbackOfEachFamily(DefaultPort);

    /// <summary>127.0.0.1, and ::1 where the host has it.</summary>
    public static IReadOnlyList<TransportAddress> LoopbackOfEachFamily(int port)
    {
        TransportAddress ipv4 = TransportAddress.From(IPAddress.Loopback, port);
        return HasIpv6Loopback() ? [ipv4, TransportAddress.From(IPAddress.IPv6Loopback, port)] : [ipv4];
    }

    private static bool HasIpv6Loopback()
    {
        if (!Socket.OSSupportsIPv6) return false;
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false; // The kernel speaks IPv6, but it is switched off here.
        }
    }
}
