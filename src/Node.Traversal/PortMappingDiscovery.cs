using System.Net;
using System.Net.Sockets;
using Node.Traversal.Io.PortMapping;
using Timing;

namespace Node.Traversal;

/// <summary>Finds out what the gateway offers in port mapping, by having a port mapped that nobody uses, and giving it back.</summary>
public static class PortMappingDiscovery
{
    /// <summary>By then a gateway has answered, or will not.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(8);

    /// <summary>Asks, in both families. Takes up to five seconds, because a gateway may show by silence that it offers nothing, and three more where it keeps its UPnP description back.</summary>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SocketException">The system gives no more sockets.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task<PortMappingStatus> RunAsync(CancellationToken cancellation)
    {
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0)); // Keeps the port from others while it is mapped.
        ushort port = (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;
        await using PortMappingPair loops = new(port, Socket.OSSupportsIPv6, () => 0, MonotonicClock.System, _ => { });
        loops.Start();
        try
        {
            await loops.Settled.WaitAsync(Patience, cancellation);
        }
        catch (TimeoutException)
        {
            return loops.Status; // Half an answer is told as it is.
        }

        return loops.Status;
    }
}
