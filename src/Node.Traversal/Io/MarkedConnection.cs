using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Io;

namespace Node.Traversal;

/// <summary>
/// Opens TCP connections whose packets, those of the look-up of the name among them, carry a firewall mark: for what a program beside
/// a full tunnel fetches before the tunnel stands.
/// </summary>
public static class MarkedConnection
{
    /// <summary>Connects to a host, by the first of its addresses that answers.</summary>
    /// <param name="host">A name or an address.</param>
    /// <param name="port">The TCP port.</param>
    /// <param name="mark">The mark; 0 = none.</param>
    /// <param name="log">Told where the name is not found.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SocketException">The name is not found, or none of its addresses answers.</exception>
    public static async ValueTask<Socket> OpenAsync(string host, int port, uint mark, ILogger log, CancellationToken cancellation)
    {
        MarkedDns dns = new(() => mark, TimeProvider.System, log);
        SocketException problem = new((int)SocketError.HostNotFound);
        foreach (TransportAddress address in await dns.ResolveAsync(new RelayNode { Name = host, HostName = host }, checked((ushort)port), cancellation))
        {
            Socket socket = MarkedSockets.Tcp(address.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, mark);
            try
            {
                await socket.ConnectAsync(address.ToIPEndPoint(), cancellation);
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
}
