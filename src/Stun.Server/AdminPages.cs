using System.Net;
using System.Net.Sockets;
using Addresses;
using Microsoft.AspNetCore.Connections;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Stun.Server;

/// <summary>The pages for who runs the server: <c>/healthz</c>, <c>/readyz</c>, <c>/metrics</c>. Plain HTTP, meant for loopback or a private network.</summary>
internal sealed class AdminPages : IAsyncDisposable
{
    private const string ServiceName = "stun-server";

    private readonly TransportAddress _listen;
    private readonly StunServer _server;
    private readonly ILogger<AdminPages> _logger;
    private readonly WebApplication _pages;

    public AdminPages(TransportAddress listen, StunServer server, ILogger<AdminPages> logger)
    {
        _listen = listen;
        _server = server;
        _logger = logger;

        // An empty builder reads no environment and no files: the options of the program are all there are.
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(listen.ToIPEndPoint());
        });
        builder.Services.AddRoutingCore();
        builder.Services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService(ServiceName, autoGenerateServiceInstanceId: false)).WithMetrics(metrics => metrics
            .AddMeter(StunServerMetrics.MeterName)
            .AddPrometheusExporter(exporter => exporter.ScrapeResponseCacheDurationMilliseconds = 0)); // Reading costs little, and a test wants what is.
        _pages = builder.Build();
        _pages.MapGet("/healthz", context => context.Response.WriteAsync("ok\n"));
        _pages.MapGet("/readyz", AnswerReadiness);
        _pages.MapPrometheusScrapingEndpoint("/metrics");
    }

    /// <summary>Where the pages are, with the port that the system chose; none until started.</summary>
    public TransportAddress BoundAddress { get; private set; }

    /// <summary>Begins to serve.</summary>
    /// <exception cref="StunListenException">The address is taken or not of this host.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _pages.StartAsync(cancellationToken);
        }
        catch (IOException exception) when (exception.InnerException is AddressInUseException)
        {
            throw new StunListenException($"http://{_listen}", SocketError.AddressAlreadyInUse, exception);
        }
        catch (SocketException exception)
        {
            throw new StunListenException($"http://{_listen}", exception.SocketErrorCode, exception);
        }

        var url = new Uri(_pages.Urls.First());
        BoundAddress = TransportAddress.From(IPAddress.Parse(url.Host), url.Port);
        StunServerLog.AdminListening(_logger, BoundAddress);
    }

    public Task StopAsync(CancellationToken cancellationToken) => _pages.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private Task AnswerReadiness(HttpContext context)
    {
        if (_server.IsListening) return context.Response.WriteAsync("ready\n");
        context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        return context.Response.WriteAsync("not listening\n");
    }
}
