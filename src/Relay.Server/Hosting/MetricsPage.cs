using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using Relay.Server.Telemetry;

namespace Relay.Server.Hosting;

/// <summary>The metrics in Prometheus' text format: OpenTelemetry's, and behind them the histograms that were counted in place.</summary>
internal static class MetricsPage
{
    /// <summary>The runtime's own instruments: process, garbage collector, thread pool.</summary>
    private const string RuntimeMeterName = "System.Runtime";

    private const string StunMeterName = "Stun.Server";

    private const string ServiceName = "relay-server";

    public static void AddTo(IServiceCollection services) => services.AddOpenTelemetry().ConfigureResource(resource => resource.AddService(ServiceName, autoGenerateServiceInstanceId: false)).WithMetrics(metrics => metrics
        .AddMeter(RelayServerMetrics.MeterName, StunMeterName, RuntimeMeterName)
        .AddView("dotnet.assembly.count", "dotnet.assemblies") // In Prometheus' names "count" at the end belongs to histograms.
        .AddView("dotnet.timer.count", "dotnet.timers")
        .AddView("dotnet.process.cpu.count", "dotnet.process.cpus")
        .AddPrometheusExporter(exporter =>
        {
            exporter.ScrapeResponseCacheDurationMilliseconds = 0; // Reading costs little, and whoever asks wants what is.
            exporter.ScopeInfoEnabled = false; // The names say whose they are.
        }));

    public static void Map(WebApplication app, RelayServerMetrics metrics)
    {
        IApplicationBuilder pages = ((IEndpointRouteBuilder)app).CreateApplicationBuilder();
        pages.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics");
        RequestDelegate scrape = pages.Build();
        app.MapGet("/metrics", async context =>
        {
            context.SetEndpoint(null); // It looks for no endpoint but its own.
            context.Request.Headers.Accept = "text/plain"; // The other format has an end, behind which nothing may stand.
            await scrape(context);
            if (context.Response.StatusCode == StatusCodes.Status200OK) await context.Response.WriteAsync(HistogramText.Of(metrics.Histograms()), context.RequestAborted);
        });
    }
}
