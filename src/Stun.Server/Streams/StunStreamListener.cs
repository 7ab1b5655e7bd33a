using System.Net;
using System.Net.Sockets;
using Addresses;
using Stun.Server.Core;

namespace Stun.Server.Streams;

/// <summary>Accepts connections at one address and serves each, for as long as there are not too many.</summary>
internal sealed class StunStreamListener : IDisposable
{
    private const int Backlog = 512;
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(100); // The process is out of descriptors: some will be given back.

    private readonly Socket _socket;
    private readonly StreamContext _context;
    private readonly ConnectionLimiter _limiter;
    private readonly ConnectionTimes _times;
    private readonly ServerCertificate? _certificate;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _connections = []; // No more than the limiter lets in.

    /// <param name="socket">What <see cref="Bind"/> gave; closed with this.</param>
    /// <param name="context">What all connections share.</param>
    /// <param name="limiter">How many there may be.</param>
    /// <param name="times">What each may take its time for.</param>
    /// <param name="certificate">For TLS; null for connections in the clear.</param>
    /// <param name="logger">Told of errors.</param>
    public StunStreamListener(Socket socket, StreamContext context, ConnectionLimiter limiter, ConnectionTimes times, ServerCertificate? certificate, ILogger logger)
    {
        _socket = socket;
        _context = context;
        _limiter = limiter;
        _times = times;
        _certificate = certificate;
        _logger = logger;
        LocalAddress = AddressOf(socket.LocalEndPoint);
    }

    /// <summary>Where it listens, with the port that the system chose.</summary>
    public TransportAddress LocalAddress { get; }

    /// <summary>What this listener has done.</summary>
    public StreamContext Context => _context;

    /// <summary>Begins to listen. Connections wait until <see cref="RunAsync"/>.</summary>
    /// <exception cref="SocketException">The address is taken or not of this host.</exception>
    public static Socket Bind(TransportAddress address, bool dualStack)
    {
        var socket = new Socket(address.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (!address.IsIpv4) socket.DualMode = dualStack;
            socket.Bind(address.ToIPEndPoint());
            socket.Listen(Backlog);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Accepts and serves until told to stop; returns when the last connection has ended.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                Begin(await _socket.AcceptAsync(stopping), stopping);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            catch (SocketException exception)
            {
                StunServerLog.AcceptFailed(_logger, LocalAddress, exception.SocketErrorCode);
                await Task.Delay(PauseAfterError, CancellationToken.None);
            }
        }

        Task[] left;
        lock (_lock) left = [.. _connections];
        await Task.WhenAll(left);
    }

    public void Dispose() => _socket.Dispose();

    private void Begin(Socket socket, CancellationToken stopping)
    {
        TransportAddress source = default;
        TransportAddress local = default;
        try
        {
            source = AddressOf(socket.RemoteEndPoint);
            local = AddressOf(socket.LocalEndPoint);
        }
        catch (SocketException)
        {
            // It is gone already; below it counts as one without an address.
            source = default;
        }

        if (!source.IsValid || !_limiter.TryEnter(source))
        {
            _context.CountEnd(source.IsValid ? ConnectionEnd.TooMany : ConnectionEnd.Broken);
            socket.Dispose();
            return;
        }

        lock (_lock)
        {
            Task serving = ServeAsync(new StunConnection(socket, source, local, _context, _times), source, stopping);
            _connections.Add(serving);
            _ = serving.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private async Task ServeAsync(StunConnection connection, TransportAddress source, CancellationToken stopping)
    {
        await Task.Yield(); // Accepting goes on.
        ConnectionEnd end = ConnectionEnd.Broken;
        try
        {
            using (connection) end = await connection.RunAsync(_certificate?.Current, stopping);
        }
        catch (Exception exception)
        {
            StunServerLog.ConnectionFailed(_logger, exception, source); // A mistake of ours costs one connection, and is not to be missed.
        }
        finally
        {
            _limiter.Leave(source);
            _context.CountEnd(end); // Once it is counted, its place is free.
        }
    }

    private void Forget(Task serving)
    {
        lock (_lock) _connections.Remove(serving);
    }

    private static TransportAddress AddressOf(EndPoint? endPoint) => endPoint is IPEndPoint ip ? TransportAddress.From(ip) : default;
}
