using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Region;
using Relay.Server.Streams;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>The relay as a service of the host: its listeners, from bind to the last connection's end.</summary>
internal sealed class RelayServer : BackgroundService
{
    private readonly RelayServerOptions _options;
    private readonly ILogger<RelayServer> _logger;
    private readonly List<RelayEndpoint> _endpoints = [];

    public RelayServer(RelayServerOptions options, WebHandoff web, ILogger<RelayServer> logger, ServerCertificateSource certificates)
    {
        _options = options;
        _logger = logger;
        Certificate = certificates.Certificate;
        Router = new PacketRouter(Counters);
        RelayIdentity identity = new(options.Keys, RandomNumberGenerator.Fill)
        {
            UpgradePath = options.Front.UpgradePath,
            TrustedProxies = options.Front.TrustedProxies,
            MeshSecret = options.Front.MeshSecret,
            IsOpenToAll = true,
        };
        EndpointServices services = new(identity, Router, new OpenAdmission(), web, MonotonicClock.System, logger);
        Mesh = new MeshRegion(options.Front.MeshTargets, options.Front.MeshTrust, identity, Router, services.Clock, logger);
        WebSockets = new WebSocketEndpoint(services);
        BootstrapDns = new BootstrapDns(options.Front.BootstrapDnsNames, services.Clock);
        foreach (TransportAddress address in options.Listen) _endpoints.Add(new RelayEndpoint(address, Certificate, services));
        foreach (TransportAddress address in options.ListenPlain) _endpoints.Add(new RelayEndpoint(address, certificate: null, services));
    }

    public RelayCounters Counters { get; } = new();

    public PacketRouter Router { get; }

    public ServerCertificate? Certificate { get; }

    public MeshRegion Mesh { get; }

    public WebSocketEndpoint WebSockets { get; }

    public BootstrapDns BootstrapDns { get; }

    public string UpgradePath => _options.Front.UpgradePath;

    public IReadOnlyList<TransportAddress> TlsAddresses => [.. _endpoints.Where(endpoint => endpoint.IsTls).Select(endpoint => endpoint.Address)];

    public IReadOnlyList<TransportAddress> PlainAddresses => [.. _endpoints.Where(endpoint => !endpoint.IsTls).Select(endpoint => endpoint.Address)];

    public int ConnectionCount => _endpoints.Sum(endpoint => endpoint.ConnectionCount);

    public long Refused => _endpoints.Sum(endpoint => endpoint.Refused);

    public bool IsListening => ExecuteTask is { IsCompleted: false };

    /// <summary>Takes all ports.</summary>
    /// <returns>The address that could not be had and why; null where all could.</returns>
    public (TransportAddress Address, bool IsTls, SocketError Error)? Bind()
    {
        foreach (RelayEndpoint endpoint in _endpoints)
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
        foreach (RelayEndpoint endpoint in _endpoints) endpoint.Dispose();
        BootstrapDns.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        RelayLog.Listening(_logger, _options.Keys.PublicKey, string.Join(", ", _endpoints.Select(endpoint => endpoint.Address)));
        if (_options.IsOpen) RelayLog.OpenToAll(_logger);
        if (_options.IsCertificateInMemory && Certificate is not null) RelayLog.SelfSigned(_logger);
        await Task.WhenAll([.. _endpoints.Select(endpoint => endpoint.RunAsync(stoppingToken)), WebSockets.RunAsync(stoppingToken), Mesh.RunAsync(stoppingToken)]);
    }
}

/// <summary>Holds the certificate that the program has read or made before the host was built; null where nothing listens with TLS.</summary>
internal sealed record ServerCertificateSource(ServerCertificate? Certificate);
