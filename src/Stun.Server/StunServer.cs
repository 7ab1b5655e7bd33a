using System.Diagnostics.Metrics;
using System.Net.Sockets;
using Addresses;
using Datagrams;
using Stun.Server.Core;

namespace Stun.Server;

/// <summary>
/// Answers binding requests on every address it was told, for as long as its host runs. Once started, it answers; where an address cannot
/// be had it does not start, and says which in a <see cref="StunListenException"/>.
/// </summary>
public sealed class StunServer : BackgroundService
{
    private readonly StunServerOptions _options;
    private readonly ILogger<StunServer> _logger;
    private readonly List<DatagramSocket> _sockets = [];
    private StunReceiver[] _receivers = [];

    /// <summary>Made by the host: see <see cref="StunServerServices.AddStunServer"/>.</summary>
    public StunServer(StunServerOptions options, IMeterFactory meters, ILogger<StunServer> logger)
    {
        _options = options;
        _logger = logger;
        Metrics = new StunServerMetrics(meters, () => Volatile.Read(ref _receivers));
    }

    /// <summary>Where it listens, with the ports that the system chose; empty until they are bound.</summary>
    public IReadOnlyList<TransportAddress> BoundAddresses { get; private set; } = [];

    /// <summary>Says whether requests are being answered.</summary>
    public bool IsListening => ExecuteTask is { IsCompleted: false } && BoundAddresses.Count > 0;

    internal StunServerMetrics Metrics { get; }

    /// <summary>Binds every address, if that is not done. A host does so when it starts; a program that wants to name its option does it before.</summary>
    /// <exception cref="StunListenException">An address is taken or not of this host.</exception>
    public void Bind()
    {
        if (BoundAddresses.Count > 0) return;

        foreach (TransportAddress address in _options.Listen) _sockets.Add(Bind(address));
        TransportAddress[] bound = [.. _sockets.Select(socket => socket.LocalAddress)];
        Volatile.Write(ref _receivers, [.. _sockets.Select(socket => new StunReceiver(socket, bound, _logger))]);
        BoundAddresses = bound;
    }

    /// <summary>Binds, and begins to answer.</summary>
    /// <exception cref="StunListenException">An address is taken or not of this host.</exception>
    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Bind();
        foreach (StunReceiver receiver in _receivers) receiver.Start();
        foreach (TransportAddress address in BoundAddresses) StunServerLog.Listening(_logger, address);
        return base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        foreach (StunReceiver receiver in _receivers) receiver.Dispose();
        foreach (DatagramSocket socket in _sockets) socket.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (_receivers.Length == 0) return; // Nothing was asked for.

        // A receiver ends when it is told to, or by a fault; then the others end too, and the host learns of the fault.
        Task[] running = [.. _receivers.Select(receiver => receiver.Completion)];
        using CancellationTokenRegistration stop = stoppingToken.Register(StopReceivers);
        await Task.WhenAny(running);
        StopReceivers();
        await Task.WhenAll(running);
    }

    private void StopReceivers()
    {
        foreach (StunReceiver receiver in _receivers) receiver.Stop();
    }

    private DatagramSocket Bind(TransportAddress address)
    {
        try
        {
            return DatagramSocket.Bind(address, new DatagramSocketOptions { CountKernelDrops = true, DualStack = TakesBothFamilies(address) });
        }
        catch (SocketException exception)
        {
            throw new StunListenException($"udp://{address}", exception.SocketErrorCode, exception);
        }
    }

    private bool TakesBothFamilies(TransportAddress address) =>
        address.IsIpv6 && address.Bits == 0 && !_options.Listen.Contains(TransportAddress.FromIpv4(0, address.Port));
}
