using System.Diagnostics.Metrics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Stun.Server.Core;
using Stun.Server.Streams;
using Timing;

namespace Stun.Server;

/// <summary>
/// Answers binding requests on every address it was told, for as long as its host runs. Once started, it answers; where an address cannot
/// be had it does not start, and says which in a <see cref="StunListenException"/>.
/// </summary>
public sealed class StunServer : BackgroundService
{
    private static readonly ConnectionTimes Times = new(Idle: TimeSpan.FromSeconds(30), Message: TimeSpan.FromSeconds(10));

    private readonly StunServerOptions _options;
    private readonly ILogger<StunServer> _logger;
    private readonly MonotonicClock _clock = MonotonicClock.System;
    private readonly SourceRateLimiter _limiter;
    private readonly ConnectionLimiter _connections;
    private readonly StunBindings _bindings;
    private readonly List<(TransportAddress Address, bool DualStack)> _listed = [];
    private readonly List<(Socket Socket, StunTransport Transport)> _streamSockets = [];
    private StunReceiver[] _receivers = [];
    private StunStreamListener[] _listeners = [];
    private bool _isBound;

    /// <summary>Made by the host: see <see cref="StunServerServices.AddStunServer"/>.</summary>
    public StunServer(StunServerOptions options, IMeterFactory meters, ILogger<StunServer> logger)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Threads, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.Threads, StunServerOptions.MaxThreads);
        _options = options;
        _logger = logger;
        _limiter = new SourceRateLimiter(options.Limits.RequestsPerSecond, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(sizeof(ulong))));
        _connections = new ConnectionLimiter(options.Limits.Connections);
        _bindings = new StunBindings(options.Threads);
        Metrics = new StunServerMetrics(meters, this);
    }

    /// <summary>Where it listens over UDP, with the ports that the system chose; empty until they are bound. Alternates come last.</summary>
    public IReadOnlyList<TransportAddress> BoundAddresses { get; private set; } = [];

    /// <summary>Where it listens over TCP, then over TLS, as URLs; empty until they are bound.</summary>
    public IReadOnlyList<string> StreamUrls { get; private set; } = [];

    /// <summary>Says whether requests are being answered.</summary>
    public bool IsListening => ExecuteTask is { IsCompleted: false } && (BoundAddresses.Count > 0 || StreamUrls.Count > 0);

    internal StunServerMetrics Metrics { get; }

    /// <summary>What is being bound, or was last: so that the program can name the option whose address cannot be had.</summary>
    internal BindingStep Binding { get; private set; }

    internal IReadOnlyList<StunReceiver> Receivers => Volatile.Read(ref _receivers);

    internal IReadOnlyList<StunStreamListener> StreamListeners => Volatile.Read(ref _listeners);

    internal int ActivePrefixes => _limiter.CountActive(_clock.Now);

    internal int OpenConnections => _connections.Count;

    /// <summary>Binds every address, if that is not done. A host does so when it starts; a program that wants to name its option does it before.</summary>
    /// <exception cref="StunListenException">An address is taken or not of this host.</exception>
    public void Bind()
    {
        if (_isBound) return;
        BindListed();
        BindAlternates();
        BindNextPorts();
        BindStreams(_options.ListenTcp, StunTransport.Tcp);
        BindStreams(_options.ListenTls, StunTransport.Tls);
        FinishBinding();
    }

    /// <summary>Binds, and begins to answer.</summary>
    /// <exception cref="StunListenException">An address is taken or not of this host.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Bind();
        foreach (StunReceiver receiver in _receivers) receiver.Start();
        foreach (TransportAddress address in BoundAddresses) StunServerLog.Listening(_logger, address);
        foreach (string url in StreamUrls) StunServerLog.StreamListening(_logger, url);
        return base.StartAsync(cancellationToken);
    }

    /// <summary>Changes the limits while the server runs. Any thread.</summary>
    public void Apply(StunLimits limits)
    {
        _limiter.SetRate(limits.RequestsPerSecond);
        _connections.SetMost(limits.Connections);
        StunServerLog.LimitsChanged(_logger, limits.RequestsPerSecond, limits.Connections);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (StunReceiver receiver in _receivers) receiver.Dispose();
        _bindings.Dispose();
        foreach (StunStreamListener listener in _listeners) listener.Dispose();
        foreach ((Socket socket, _) in _streamSockets) socket.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_receivers.Length == 0 && _listeners.Length == 0) return; // Nothing was asked for.

        // A receiver ends when it is told to, or by a fault; then the others end too, and the host learns of the fault.
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
        using CancellationTokenRegistration stop = ending.Token.Register(StopReceivers);
        Task[] running = [.. _receivers.Select(receiver => receiver.Completion), .. _listeners.Select(listener => listener.RunAsync(ending.Token))];
        await Task.WhenAny(running);
        await ending.CancelAsync();
        await Task.WhenAll(running);
    }

    private void BindListed()
    {
        Binding = BindingStep.Listen;
        foreach (TransportAddress address in _options.Listen) _listed.Add((_bindings.Bind(address, TakesBothFamilies(address, _options.Listen)), TakesBothFamilies(address, _options.Listen)));
        BoundAddresses = [.. _bindings.Addresses];
    }

    private void BindAlternates()
    {
        Binding = BindingStep.Alternate;
        TransportAddress[] listed = [.. BoundAddresses];
        foreach (TransportAddress alternate in _options.Alternates)
        {
            _bindings.BindAlternate(listed.First(address => address.IsIpv4 == alternate.IsIpv4), alternate);
        }

        BoundAddresses = [.. _bindings.Addresses];
    }

    private void BindNextPorts()
    {
        if (!_options.UsesNextPort) return;
        foreach ((TransportAddress address, bool dualStack) in _listed)
        {
            if (!_bindings.TryBindNextPort(address, dualStack)) StunServerLog.NoNextPort(_logger, address);
        }
    }

    private void FinishBinding()
    {
        _isBound = true;
        var forged = new ForgedSources(_bindings.OwnAddresses());
        Volatile.Write(ref _receivers, [.. _bindings.ForReceivers().Select(sockets => new StunReceiver(sockets, forged, _limiter, _clock, _logger))]);
        Volatile.Write(ref _listeners, [.. _streamSockets.Select(Listener)]);
        StreamUrls = [.. _listeners.Select(listener => $"{NameOf(listener.Context.Counters.Transport)}://{listener.LocalAddress}")];

        StunStreamListener Listener((Socket Socket, StunTransport Transport) bound) => new(
            bound.Socket,
            new StreamContext(forged, _limiter, bound.Transport, _clock),
            _connections,
            Times,
            bound.Transport == StunTransport.Tls ? _options.Certificate : null,
            _logger);
    }

    private void BindStreams(IReadOnlyList<TransportAddress> addresses, StunTransport transport)
    {
        if (transport == StunTransport.Tls && addresses.Count > 0 && _options.Certificate is null) throw new InvalidOperationException("TLS needs a certificate.");
        Binding = transport == StunTransport.Tls ? BindingStep.Tls : BindingStep.Tcp;
        foreach (TransportAddress address in addresses)
        {
            try
            {
                _streamSockets.Add((StunStreamListener.Bind(address, TakesBothFamilies(address, addresses)), transport));
            }
            catch (SocketException exception)
            {
                throw new StunListenException($"{NameOf(transport)}://{address}", exception.SocketErrorCode, exception);
            }
        }
    }

    private void StopReceivers()
    {
        foreach (StunReceiver receiver in _receivers) receiver.Stop();
    }

    private static string NameOf(StunTransport transport) => transport == StunTransport.Tls ? "tls" : "tcp";

    private static bool TakesBothFamilies(TransportAddress address, IReadOnlyList<TransportAddress> all) =>
        address.IsIpv6 && address.Bits == 0 && !all.Contains(TransportAddress.FromIpv4(0, address.Port));
}

/// <summary>The steps of <see cref="StunServer.Bind"/>.</summary>
internal enum BindingStep
{
    /// <summary><see cref="StunServerOptions.Listen"/>.</summary>
    Listen,

    /// <summary><see cref="StunServerOptions.Alternates"/>.</summary>
    Alternate,

    /// <summary><see cref="StunServerOptions.ListenTcp"/>.</summary>
    Tcp,

    /// <summary><see cref="StunServerOptions.ListenTls"/>.</summary>
    Tls,
}
