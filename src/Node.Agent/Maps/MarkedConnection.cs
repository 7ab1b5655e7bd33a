using System.Net;
using System.Net.Sockets;

namespace Node.Agent.Maps;

/// <summary>Opens TCP connections that carry WireGuard's mark, so that a full tunnel does not take them into itself.</summary>
internal static class MarkedConnection
{
    private const int SolSocket = 1; // Linux's numbers.
    private const int SoMark = 36;

    /// <exception cref="SocketException">No address of the host can be reached.</exception>
    public static async ValueTask<Socket> OpenAsync(string host, int port, uint mark, CancellationToken cancellation)
    {
        IPAddress[] addresses = IPAddress.TryParse(host, out IPAddress? literal) ? [literal] : await Dns.GetHostAddressesAsync(host, cancellation);
        SocketException problem = new((int)SocketError.HostNotFound);
        foreach (IPAddress address in addresses)
        {
            Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                Mark(socket, mark);
                await socket.ConnectAsync(address, port, cancellation);
                return socket;
            }
            catch (SocketException exception)
            {
                socket.Dispose();
                problem = exception;
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        }

        throw problem;
    }

    /// <summary>Sets the mark on a socket; 0 for none.</summary>
    public static void Mark(Socket socket, uint mark)
    {
        if (mark != 0) socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(mark));
    }
}
