using System.Net;
using System.Net.Sockets;
using Addresses;
using Node.Traversal.Core.PortMapping;
using Node.Traversal.Messages.Pcp;
using Node.Traversal.Messages.Upnp;
using Timing;

namespace Node.Traversal.Io.PortMapping;

/// <summary>Where a datagram came in.</summary>
internal enum GatewaySocket
{
    /// <summary>At the socket that is connected to the gateway's port 5351: the system lets nothing else in.</summary>
    Server,

    /// <summary>At the one that searches for routers.</summary>
    Search,

    /// <summary>By multicast, at port 5350.</summary>
    Announcements,
}

/// <summary>The UDP sockets towards one gateway, read by one task each, none faster than a gateway has to say.</summary>
internal sealed class GatewaySockets : IAsyncDisposable
{
    /// <summary>What comes faster than this is not read, and the system drops it.</summary>
    private const double DatagramsPerSecond = 50;
    private const double DatagramBurst = 50;
    private static readonly TimeSpan FloodPause = TimeSpan.FromMilliseconds(200);

    /// <summary>An interface that is down or gone is looked at again after this.</summary>
    private static readonly TimeSpan ErrorPause = TimeSpan.FromSeconds(10);

    /// <summary>An address of nobody's: what the system would send from to reach it is our address in the world. Nothing is sent there.</summary>
    private static readonly IPEndPoint Elsewhere = new(IPAddress.Parse("2000::1"), 9);

    private readonly Action<GatewaySocket, TransportAddress, byte[]> _handle;
    private readonly Action _handleClosed;
    private readonly MonotonicClock _clock;
    private readonly GatewayRoute _route;
    private readonly Socket _server;
    private readonly Socket? _search;
    private readonly Socket? _announcements;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _reading;

    /// <summary>Opens them.</summary>
    /// <param name="route">The gateway.</param>
    /// <param name="local">Our address on its network.</param>
    /// <param name="mark">The firewall mark of every packet.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="handle">Takes a datagram. Called from several tasks.</param>
    /// <param name="handleClosed">Told that nobody listens on port 5351. Called from several tasks.</param>
    /// <exception cref="SocketException">There is no way to the gateway.</exception>
    public GatewaySockets(GatewayRoute route, IPAddress local, uint mark, MonotonicClock clock, Action<GatewaySocket, TransportAddress, byte[]> handle, Action handleClosed)
    {
        _route = route;
        _clock = clock;
        _handle = handle;
        _handleClosed = handleClosed;
        _server = Open(new IPEndPoint(local, 0), mark);
        try
        {
            _server.Connect(new IPEndPoint(route.ToIPAddress(), PortMapper.ServerPort));
        }
        catch
        {
            _server.Dispose();
            throw;
        }

        _search = TryOpen(() => OpenSearch(local, mark));
        _announcements = TryOpen(() => OpenAnnouncements(route, mark));
        _reading = Task.WhenAll(
            ReadAsync(_server, GatewaySocket.Server, PcpResponse.MaxLength),
            ReadAsync(_search, GatewaySocket.Search, SsdpAnswer.MaxLength),
            ReadAsync(_announcements, GatewaySocket.Announcements, PcpResponse.MaxLength));
    }

    /// <summary>Our address on the way to a gateway; null where there is no way.</summary>
    public static IPAddress? FindLocal(GatewayRoute route, uint mark)
    {
        try
        {
            using Socket socket = new(route.Address.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            MarkedSockets.Mark(socket, mark);
            socket.Connect(route.Address.IsIpv4 ? new IPEndPoint(route.ToIPAddress(), PortMapper.ServerPort) : Elsewhere);
            return (socket.LocalEndPoint as IPEndPoint)?.Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>Sends to the gateway's port 5351. One that does not go is a lost one: it is sent again.</summary>
    public void Send(byte[] payload)
    {
        try
        {
            _server.Send(payload);
        }
        catch (SocketException exception)
        {
            if (exception.SocketErrorCode == SocketError.ConnectionRefused) _handleClosed(); // The refusal of an earlier one.
        }
    }

    /// <summary>Sends a search.</summary>
    public void Send(UpnpSearch search)
    {
        if (_search is null) return;
        IPAddress address = search.Destination.Bits == _route.Address.Bits ? _route.ToIPAddress() : search.Destination.ToIPAddress();
        try
        {
            _search.SendTo(search.Payload, new IPEndPoint(address, search.Destination.Port));
        }
        catch (SocketException)
        {
            return; // There is no way for multicast here, or nobody listens: it is searched for again.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _reading;
        _server.Dispose();
        _search?.Dispose();
        _announcements?.Dispose();
        _stopping.Dispose();
    }

    private async Task ReadAsync(Socket? socket, GatewaySocket kind, int maxLength)
    {
        if (socket is null) return;
        byte[] buffer = new byte[maxLength + 1]; // One more, so that a longer datagram shows as one.
        IPEndPoint any = new(socket.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        TokenBucket mayRead = new(DatagramsPerSecond, DatagramBurst, _clock.Now);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                if (!mayRead.TryTake(1, _clock.Now)) await Task.Delay(FloodPause, _stopping.Token);
                SocketReceiveFromResult received = await socket.ReceiveFromAsync(buffer, any, _stopping.Token);
                _handle(kind, TransportAddress.From((IPEndPoint)received.RemoteEndPoint), buffer[..received.ReceivedBytes]);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
            {
                _handle(kind, default, []); // Too long for any protocol: it is counted there.
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
            {
                if (kind == GatewaySocket.Server) _handleClosed();
            }
            catch (SocketException)
            {
                await Task.Delay(ErrorPause, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static Socket Open(IPEndPoint local, uint mark, bool isShared = false)
    {
        Socket socket = new(local.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            MarkedSockets.Mark(socket, mark);
            if (isShared) socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(local);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Searches leave by our address on that network, and go no further than it.</summary>
    private Socket OpenSearch(IPAddress local, uint mark)
    {
        Socket socket = Open(new IPEndPoint(local, 0), mark);
        bool isIpv4 = local.AddressFamily == AddressFamily.InterNetwork;
        SocketOptionLevel level = isIpv4 ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;
        socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, 2);
        socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, false);
        if (isIpv4) socket.SetSocketOption(level, SocketOptionName.MulticastInterface, local.GetAddressBytes());
        else socket.SetSocketOption(level, SocketOptionName.MulticastInterface, _route.InterfaceIndex);
        return socket;
    }

    /// <summary>Gateways announce to all hosts (RFC 6887 §14.1); every host is in that group already, and others on this machine may listen too.</summary>
    private static Socket OpenAnnouncements(GatewayRoute route, uint mark)
    {
        IPAddress group = route.Address.IsIpv4 ? IPAddress.Parse("224.0.0.1") : new IPAddress(IPAddress.Parse("ff02::1").GetAddressBytes(), route.InterfaceIndex);
        return Open(new IPEndPoint(group, PortMapper.AnnouncePort), mark, isShared: true);
    }

    private static Socket? TryOpen(Func<Socket> open)
    {
        try
        {
            return open();
        }
        catch (SocketException)
        {
            return null; // Somebody keeps the port, or the system has no such thing: we do without.
        }
    }
}
