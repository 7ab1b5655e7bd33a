using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Addresses;
using Node.Traversal.Core;

namespace Node.Traversal.Io.Stun;

/// <summary>Something that a socket of a discovery has to tell: a datagram, or what the network reported of one.</summary>
/// <param name="Socket">Which socket.</param>
/// <param name="Source">Where the datagram came from, or where the lost one went.</param>
/// <param name="Datagram">The bytes; null = a report.</param>
/// <param name="Report">The report, where it is one.</param>
internal readonly record struct DiscoveryInput(SocketId Socket, TransportAddress Source, byte[]? Datagram, IcmpError Report);

/// <summary>The sockets of one discovery, each on a fresh local port, and what arrives on them, in one queue.</summary>
/// <param name="local">The local address that packets to the server carry.</param>
/// <param name="mark">The firewall mark of all packets; 0 = none.</param>
internal sealed class DiscoverySockets(IPAddress local, uint mark) : IAsyncDisposable
{
    private const int MaxDatagramLength = 2048;
    private const int MaxWaiting = 256; // Beyond that the kernel's buffers fill, and it drops.

    private readonly Dictionary<SocketId, Socket> _sockets = [];
    private readonly List<Task> _receiving = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly Channel<DiscoveryInput> _arrived = Channel.CreateBounded<DiscoveryInput>(MaxWaiting);

    /// <summary>What has arrived.</summary>
    public ChannelReader<DiscoveryInput> Arrived => _arrived.Reader;

    /// <summary>Opens a socket on a port that the system chooses.</summary>
    /// <returns>Its local address.</returns>
    /// <exception cref="SocketException">The system refuses.</exception>
    public TransportAddress Open(SocketId id)
    {
        Socket socket = new(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _sockets.Add(id, socket);
        MarkedSockets.Mark(socket, mark);
        socket.Bind(new IPEndPoint(local, 0));
        IcmpErrors.Enable(socket);
        _receiving.Add(ReceiveAsync(id, socket));
        return TransportAddress.From((IPEndPoint)socket.LocalEndPoint!);
    }

    /// <summary>Sends a datagram.</summary>
    /// <returns>Success, or why it did not go.</returns>
    public SocketError Send(Transmit transmit)
    {
        IPEndPoint destination = transmit.Destination.ToIPEndPoint();
        SocketError error = TrySend(_sockets[transmit.Socket], transmit.Payload, destination);
        // An error may be one that ICMP reported of an earlier datagram: then this one was not even tried.
        return error == SocketError.Success ? error : TrySend(_sockets[transmit.Socket], transmit.Payload, destination);
    }

    /// <summary>Waits until something arrives, or for so long.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public async Task WaitAsync(TimeSpan pause, CancellationToken cancellation)
    {
        if (pause <= TimeSpan.Zero) return;
        using CancellationTokenSource woken = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // A timer rounds down to whole milliseconds: one more, or it would ring a little too early.
        woken.CancelAfter(pause + TimeSpan.FromMilliseconds(1));
        try
        {
            await Arrived.WaitToReadAsync(woken.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return; // Time for what is due.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_receiving);
        foreach (Socket socket in _sockets.Values) socket.Dispose();
        _stopping.Dispose();
    }

    /// <summary>The local address that packets to <paramref name="server"/> carry.</summary>
    /// <exception cref="SocketException">There is no way there.</exception>
    public static IPAddress LocalAddressFor(TransportAddress server, uint mark)
    {
        IPEndPoint endPoint = server.ToIPEndPoint();
        using Socket socket = new(endPoint.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        MarkedSockets.Mark(socket, mark); // The way past a tunnel, not the one through it.
        socket.Connect(endPoint); // Sends nothing: it only asks the routing table.
        return ((IPEndPoint)socket.LocalEndPoint!).Address;
    }

    private static SocketError TrySend(Socket socket, byte[] payload, IPEndPoint destination)
    {
        try
        {
            socket.SendTo(payload, destination);
            return SocketError.Success;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
    }

    private async Task ReceiveAsync(SocketId id, Socket socket)
    {
        byte[] buffer = new byte[MaxDatagramLength];
        IPEndPoint anywhere = new(local.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        try
        {
            while (true)
            {
                try
                {
                    SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, anywhere, _stopping.Token);
                    TransportAddress source = TransportAddress.From((IPEndPoint)received.RemoteEndPoint);
                    await _arrived.Writer.WriteAsync(new DiscoveryInput(id, source, buffer[..received.ReceivedBytes], default), _stopping.Token);
                }
                catch (SocketException)
                {
                    await ReportAsync(id, socket);
                }
            }
        }
        catch (OperationCanceledException)
        {
            return; // The discovery has ended.
        }
    }

    private async Task ReportAsync(SocketId id, Socket socket)
    {
        while (IcmpErrors.Read(socket) is { } report)
        {
            await _arrived.Writer.WriteAsync(new DiscoveryInput(id, report.Destination, null, report), _stopping.Token);
        }
    }
}
