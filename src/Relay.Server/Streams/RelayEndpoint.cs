using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Addresses;
using Relay.Protocol;
using Relay.Protocol.Handshake;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Streams;

/// <summary>What all listening sockets of a relay share.</summary>
internal sealed record EndpointServices(RelayIdentity Identity, PacketRouter Router, IAdmissionPolicy Admission, WebHandoff Web, MonotonicClock Clock, ILogger Log)
{
    /// <summary>Decides which connections are accepted.</summary>
    public required ConnectionLimiter Limiter { get; init; }

    /// <summary>The certificate that is served behind all others, to tell our key; null = none.</summary>
    /// <remarks>Shards serve it. The base library's TLS leaves out of a chain what does not belong to it, so there clients learn our key by asking.</remarks>
    public X509Certificate2? DerpKey { get; init; }

    /// <summary>Where a connection counts: that of a trusted proxy nowhere, until the proxy has said whose it is.</summary>
    public TransportAddress Counted(TransportAddress remote) => Identity.TrustedProxies.Contains(remote) ? default : remote;
}

/// <summary>One listening socket: accepts connections, opens TLS where it is to, and gives each to a pump, or to the web server.</summary>
internal sealed class RelayEndpoint(TransportAddress listen, ServerCertificateSource? certificates, EndpointServices services) : IRelayEndpoint
{
    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(500);

    public const int Backlog = 1024;
    private const int TcpUserTimeoutMilliseconds = 15_000;
    private const int TcpUserTimeoutOption = 18; // Linux: TCP_USER_TIMEOUT.
    private const int TcpNotSentLowWaterOption = 25; // Linux: TCP_NOTSENT_LOWAT.

    /// <summary>Bytes that the kernel may hold for a client beyond what is on its way: more would wait where nothing is shared fairly or aged.</summary>
    private const int MaxUnsentBytes = 32 << 10;

    public static readonly byte[] Refusal = UpgradeResponse.Refusing(503, "Service Unavailable", "This relay has too many connections at present.");

    private readonly ConcurrentDictionary<Connection, byte> _connections = new();
    private readonly ServerCertificateSource? _certificates = certificates;
    private readonly EndpointServices _services = services;
    private readonly Socket _socket = new(listen.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);

    public TransportAddress Address { get; private set; } = listen;

    public bool IsTls => _certificates is not null;

    public int ConnectionCount => _connections.Count;

    public void Bind()
    {
        if (Address.IsIpv6) _socket.DualMode = false;
        _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _socket.Bind(Address.ToIPEndPoint());
        _socket.Listen(Backlog);
        Address = TransportAddress.From((IPEndPoint)_socket.LocalEndPoint!);
    }

    public async Task RunAsync(CancellationToken stopping)
    {
        Task ticking = TickAsync(stopping);
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                Accept(await _socket.AcceptAsync(stopping));
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException exception)
            {
                // The client gave up in the queue, or descriptors have run out: the listener must outlive both.
                _services.Limiter.CountRefused(ConnectionRefusal.Descriptors);
                RelayLog.AcceptFailed(_services.Log, exception.SocketErrorCode);
                await Task.Delay(TickInterval, _services.Clock.TimeProvider, CancellationToken.None);
            }
        }

        foreach (Connection connection in _connections.Keys) connection.Abort(CloseReason.ServerStopping);
        await Task.WhenAll(_connections.Keys.Select(connection => connection.Running));
        await ticking;
    }

    public void Dispose() => _socket.Dispose();

    /// <summary>Sets what a connection wants of its socket.</summary>
    public static void Prepare(Socket socket)
    {
        socket.NoDelay = true;
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        if (!OperatingSystem.IsLinux()) return;
        socket.SetRawSocketOption((int)ProtocolType.Tcp, TcpUserTimeoutOption, BitConverter.GetBytes(TcpUserTimeoutMilliseconds));
        socket.SetRawSocketOption((int)ProtocolType.Tcp, TcpNotSentLowWaterOption, BitConverter.GetBytes(MaxUnsentBytes));
    }

    private void Accept(Socket socket)
    {
        if (socket.RemoteEndPoint is not IPEndPoint remote)
        {
            socket.Dispose(); // It has gone already.
            return;
        }

        TransportAddress address = TransportAddress.From(remote);
        if (_services.Limiter.TryAccept(_services.Counted(address), _services.Clock.Now, out ConnectionLease? lease) != ConnectionRefusal.None || lease is null)
        {
            Refuse(socket);
            return;
        }

        Connection connection = new(this, socket, address, lease);
        _connections.TryAdd(connection, 0);
        connection.Running = RunAsync(connection);
    }

    /// <summary>Without TLS a reason can be given, as far as the socket takes it at once.</summary>
    private void Refuse(Socket socket)
    {
        try
        {
            socket.Blocking = false;
            if (!IsTls) socket.Send(Refusal);
            socket.Shutdown(SocketShutdown.Send);
        }
        catch (SocketException exception)
        {
            RelayLog.AcceptFailed(_services.Log, exception.SocketErrorCode);
        }
        finally
        {
            socket.Dispose();
        }
    }

    private async Task RunAsync(Connection connection)
    {
        await Task.Yield(); // Accepting goes on.
        try
        {
            if (await connection.OpenAsync()) await connection.PumpAsync();
        }
        finally
        {
            connection.Dispose();
            _connections.TryRemove(connection, out _);
        }
    }

    /// <summary>Looks after what takes too long: handshakes, writes; and keeps idle connections alive.</summary>
    private async Task TickAsync(CancellationToken stopping)
    {
        HashSet<ClientConnection> woken = [];
        using PeriodicTimer timer = new(TickInterval, _services.Clock.TimeProvider);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                Instant now = _services.Clock.Now;
                foreach (Connection connection in _connections.Keys) connection.Tick(now, woken);
                foreach (ClientConnection client in woken) client.Shell?.Wake();
                woken.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: the connections are ended by their owner.
        }
    }

    /// <summary>One accepted connection and what belongs to it.</summary>
    private sealed class Connection(RelayEndpoint endpoint, Socket socket, TransportAddress remote, ConnectionLease lease) : IDisposable
    {
        private readonly Instant _openedAt = endpoint._services.Clock.Now;
        private readonly ClientConnection _client = new(endpoint._services.Identity, endpoint._services.Router, endpoint._services.Clock.Now);
        private Stream? _stream;
        private StreamPump? _pump;
        private bool _isKnown;

        public Task Running { get; set; } = Task.CompletedTask;

        /// <summary>Opens TLS; false where that fails.</summary>
        public async Task<bool> OpenAsync()
        {
            try
            {
                Prepare(socket);
                _stream = new NetworkStream(socket, ownsSocket: true);
                _client.Remote = remote;
                using CancellationTokenSource timeout = new(endpoint._services.Router.Limits.HandshakeTimeout, endpoint._services.Clock.TimeProvider);
                if (endpoint._services.Identity.TrustedProxies.Contains(_client.Remote)) (_stream, _client.Remote) = await ProxyHeaderReader.ReadAsync(_stream, _client.Remote, timeout.Token);
                if (endpoint._certificates?.Certificate is not { } certificate) return true;

                SslStream tls = new(_stream);
                _stream = tls;
                await tls.AuthenticateAsServerAsync(certificate.Options, timeout.Token);
                endpoint._services.Router.Counters.CountTls(is13: tls.SslProtocol == SslProtocols.Tls13);
                return true;
            }
            catch (RelayProtocolException exception)
            {
                endpoint._services.Router.Counters.CountClose(CloseReason.BadProxyHeader);
                RelayLog.ProxyFailed(endpoint._services.Log, _client.Remote, exception.Message);
                return false;
            }
            catch (Exception exception) when (exception is AuthenticationException or IOException or OperationCanceledException or ObjectDisposedException or SocketException)
            {
                RelayLog.TlsFailed(endpoint._services.Log, exception.GetType().Name);
                return false;
            }
        }

        /// <summary>Carries the connection to its end.</summary>
        public async Task PumpAsync()
        {
            StreamPump pump = new(_stream!, _client, endpoint._services.Admission, endpoint._services.Clock, endpoint._services.Router.Counters);
            _pump = pump;
            await pump.RunAsync();
            if (_client.Phase == ConnectionPhase.OtherHttp)
            {
                await endpoint._services.Web.ServeAsync(_stream!, pump.Leftover, new RelayPort(endpoint.IsTls ? RelayPortKind.Tls : RelayPortKind.Plain, _client.Remote) { Lease = lease });
                return;
            }

            if (!_client.Key.IsZero) RelayLog.ClientLeft(endpoint._services.Log, _client.Key, _client.CloseReason, endpoint._services.Clock.Now - _openedAt);
            else if (_client.Complaint is { } complaint) RelayLog.LoginFailed(endpoint._services.Log, complaint);
        }

        public void Tick(Instant now, HashSet<ClientConnection> woken)
        {
            if (_client.IsLoggedIn && !_isKnown)
            {
                _isKnown = true;
                lease.EndHandshake();
                if (_client.Remote != remote && !lease.TryAttribute(_client.Remote)) Abort(CloseReason.TooManyOfPrefix);
                RelayLog.LoggedIn(endpoint._services.Log, _client);
                endpoint._services.Router.Counters.LoginTimes.Count((now - _openedAt).TotalSeconds);
                SampleRtt();
            }

            if (_client.Phase == ConnectionPhase.OtherHttp) return; // The web server has its own timeouts.
            _pump?.CheckWrite(now);
            if (now < _client.NextTimeout) return;
            if (now >= _client.Expires) Abort(_client.ExpiryReason);
            else if (_client.IsLoggedIn) KeepAlive(now, woken);
            else if (_client.Phase != ConnectionPhase.Closed) Abort(CloseReason.HandshakeTimeout);
        }

        private void KeepAlive(Instant now, HashSet<ClientConnection> woken)
        {
            _client.HandleTimeout(now, woken);
            SampleRtt();
        }

        private void SampleRtt()
        {
            if (TcpRtt.TryRead(socket, out TimeSpan rtt)) endpoint._services.Router.Counters.Rtts.Count(rtt.TotalSeconds);
        }

        /// <summary>Ends the connection: the pump sees its stream end.</summary>
        public void Abort(CloseReason reason)
        {
            if (_pump is { } pump) pump.End(reason);
            else _stream?.Dispose();
        }

        public void Dispose()
        {
            _stream?.Dispose();
            socket.Dispose();
            lease.Dispose();
        }
    }
}
