using System.Net;
using System.Net.Sockets;
using Addresses;

namespace Node.Traversal.Io;

/// <summary>Asks the system by which of its addresses packets to the world leave at present, past the tunnel. Nothing is sent for it.</summary>
internal static class WayOut
{
    // Addresses of documentation: everywhere routed by the default route, and nobody's.
    private static readonly IPEndPoint SomewhereIpv4 = new(IPAddress.Parse("192.0.2.1"), 9);
    private static readonly IPEndPoint SomewhereIpv6 = new(IPAddress.Parse("2001:db8:ffff:ffff::1"), 9);

    /// <summary>The address; not valid where there is no way.</summary>
    public static TransportAddress Of(bool isIpv4, uint mark)
    {
        try
        {
            using Socket socket = new(isIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            MarkedSockets.Mark(socket, mark);
            socket.Connect(isIpv4 ? SomewhereIpv4 : SomewhereIpv6);
            return socket.LocalEndPoint is IPEndPoint local ? TransportAddress.From(local.Address, 0) : default;
        }
        catch (SocketException)
        {
            return default; // No route, or no such family here.
        }
    }
}
