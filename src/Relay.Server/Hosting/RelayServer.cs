using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Region;
using Relay.Server.Shards;
using Relay.Server.Streams;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>The relay as a service of the host: its listeners, from bind to the last connection's end.</summary>
internal sealed class RelayServer : BackgroundService
{
    private static readonly TimeSpan DepartureInterval = TimeSpan.FromMilliseconds(20); // 512 each: 25,000 notices a second at most.
    private static readonly TimeSpan RestInterval = TimeSpan.FromMilliseconds(250); // Nobody is to be told: fifty wake-ups a second would be most of what an idle relay costs.

    private readonly RelayServerOptions _options;
    private readonly ServerCertificateSource _certificates;
    private readonly BoundedLog _logger;
    private readonly int? _possibleConnections = DescriptorLimit.MaxConnections();
    private readonly ShardGroup? _shards;
    private readonly List<IRelayEndpoint> _endpoints = [];
    private volatile bool _isDraining;

    public RelayServer(RelayServerOptions options, AdmissionGate gate, PacketRouter router, WebHandoff web, ILogger<RelayServer> logger, ServerCertificateSource certificates)
    {
        _options = options;
        _logger = new BoundedLog(logger, MonotonicClock.System);
        _certificates = certificates;
        Router = router;
        SetLimits(options.Limits);
        Limiter = new ConnectionLimiter(() => Router.Limits);
        Identity = new RelayIdentity(options.Keys, RandomNumberGenerator.Fill)
        {
            UpgradePath = options.Front.UpgradePath,
            TrustedProxies = options.Front.TrustedProxies,
            MeshSecret = options.Front.MeshSecret,
            MeshTenant = options.Front.MeshTenant,
            CheckToken = gate.Verifier is { } verifier ? verifier.Check : null,
            AreTokensRequired = gate.AreTokensRequired,
        };
        EndpointServices services = new(Identity, Router, gate, web, MonotonicClock.System, _logger) { Limiter = Limiter };
        if (options.Listen.Count > 0) services = services with { DerpKey = DerpKey.Make(options.Keys.PublicKey, DateTimeOffset.UtcNow) };
        Mesh = new MeshRegion(options.Front.MeshTargets, options.Front.MeshTrust, Identity, Router, services.Clock, _logger);
        WebSockets = new WebSocketEndpoint(services);
        BootstrapDns = new BootstrapDns(options.Front.BootstrapDnsNames, services.Clock);
        if (options.Shards > 0 && OpenSsl.IsAvailable) _shards = new ShardGroup(options.Shards, options.LongestGathering, services);
        foreach (TransportAddress address in options.Listen) _endpoints.Add(MakeEndpoint(address, isTls: true, services));
        foreach (TransportAddress address in options.ListenPlain) _endpoints.Add(MakeEndpoint(address, isTls: false, services));
    }

    public RelayCounters Counters => Router.Counters;

    public PacketRouter Router { get; }

    public ConnectionLimiter Limiter { get; }

    public MeshRegion Mesh { get; }

    public WebSocketEndpoint WebSockets { get; }

    public BootstrapDns BootstrapDns { get; }

    public string UpgradePath => _options.Front.UpgradePath;

    /// <summary>What carries packets; none where streams do.</summary>
    public IReadOnlyList<Shard> Shards => _shards?.All ?? [];

    public IReadOnlyList<TransportAddress> TlsAddresses => [.. _endpoints.Where(endpoint => endpoint.IsTls).Select(endpoint => endpoint.Address)];

    public IReadOnlyList<TransportAddress> PlainAddresses => [.. _endpoints.Where(endpoint => !endpoint.IsTls).Select(endpoint => endpoint.Address)];

    public int ConnectionCount => _endpoints.Sum(endpoint => endpoint.ConnectionCount);

    /// <summary>Says that the relay is about to end.</summary>
    public bool IsDraining
    {
        get => _isDraining;
        set => _isDraining = value;
    }

    public RelayIdentity Identity { get; }

    /// <summary>Connections at present, over TLS or without.</summary>
    public int ConnectionCountOf(bool isTls) => _endpoints.Where(endpoint => endpoint.IsTls == isTls).Sum(endpoint => endpoint.ConnectionCount);

    public bool IsListening => ExecuteTask is { IsCompleted: false };

    /// <summary>Bounds clients otherwise from now on; what is there already stays.</summary>
    public void SetLimits(ServerLimits limits)
    {
        bool isPossible = _possibleConnections is not { } possible || limits.MaxConnections <= possible;
        if (!isPossible) RelayLog.FewDescriptors(_logger, _possibleConnections!.Value, limits.MaxConnections);
        Router.Limits = isPossible ? limits : limits with { MaxConnections = _possibleConnections!.Value };
    }

    /// <summary>Takes all ports.</summary>
    /// <returns>The address that could not be had and why; null where all could.</returns>
    public (TransportAddress Address, bool IsTls, SocketError Error)? Bind()
    {
        foreach (IRelayEndpoint endpoint in _endpoints)
        {
            try
            {
                endpoint.Bind();
            }
            catch (SocketException exception)
            {
                return (endpoint.Address, endpoint.IsTls, exception.SocketErrorCode);
            }
        }

        return null;
    }

    public override void Dispose()
    {
        base.Dispose();
        foreach (IRelayEndpoint endpoint in _endpoints) endpoint.Dispose();
        _shards?.Dispose();
        BootstrapDns.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        RelayLog.Listening(_logger, _options.Keys.PublicKey, string.Join(", ", _endpoints.Select(endpoint => endpoint.Address)));
        if (_shards is not null) RelayLog.Sharded(_logger, _shards.All.Count, OpenSsl.Version);
        else if (_options.Shards > 0) RelayLog.NotSharded(_logger);
        if (_options.IsOpennessSaid) RelayLog.OpenToAll(_logger);
        if (_options.IsCertificateInMemory && TlsAddresses.Count > 0) RelayLog.SelfSigned(_logger);
        await Task.WhenAll([.. _endpoints.Select(endpoint => endpoint.RunAsync(stoppingToken)), WebSockets.RunAsync(stoppingToken), Mesh.RunAsync(stoppingToken), TellDeparturesAsync(stoppingToken)]);
    }

    /// <summary>Tells the many to whom a key has sent, a few at a time, that it has left.</summary>
    private async Task TellDeparturesAsync(CancellationToken stopping)
    {
        HashSet<ClientConnection> woken = [];
        using PeriodicTimer timer = new(DepartureInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                timer.Period = Router.Departures.IsEmpty ? RestInterval : DepartureInterval;
                if (Router.Departures.IsEmpty) continue;
                Router.Departures.Step(woken);
                foreach (ClientConnection client in woken) client.Shell?.Wake();
                woken.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping: everybody hears of it.
        }
    }

    private IRelayEndpoint MakeEndpoint(TransportAddress address, bool isTls, EndpointServices services)
    {
        if (_shards is null) return new RelayEndpoint(address, isTls ? _certificates : null, services);
        return new ShardEndpoint(address, isTls ? () => _certificates.Certificate! : null, services, _shards);
    }
}
