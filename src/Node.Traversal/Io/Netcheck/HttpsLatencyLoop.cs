using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Node.Traversal.Telemetry;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Measures by HTTPS what the core wants measured, one round after the other, and looks for a captive portal meanwhile: it would be why UDP is silent.</summary>
internal sealed class HttpsLatencyLoop : IAsyncDisposable
{
    private readonly HttpsLatencyProbe _probe;
    private readonly CaptivePortalProbe _portals;
    private readonly NodeLoop _loop;
    private readonly ILogger _log;
    private readonly Channel<NodeEvent.HttpsLatencyWanted> _wanted = Channel.CreateBounded<NodeEvent.HttpsLatencyWanted>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly CancellationTokenSource _stopping = new();
    private readonly Func<RelayMap> _map;
    private readonly Task _running;

    public HttpsLatencyLoop(HttpsLatencyProbe probe, CaptivePortalProbe portals, Func<RelayMap> map, NodeLoop loop, ILogger log)
    {
        _probe = probe;
        _portals = portals;
        _map = map;
        _loop = loop;
        _log = log;
        _running = Task.Run(RunAsync);
    }

    /// <summary>Has regions measured; takes the place of a wish that waits.</summary>
    public void Measure(NodeEvent.HttpsLatencyWanted wanted) => _wanted.Writer.TryWrite(wanted);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        bool wasCaptive = false;
        try
        {
            await foreach (NodeEvent.HttpsLatencyWanted wanted in _wanted.Reader.ReadAllAsync(_stopping.Token))
            {
                // Both are waited for in any case, and the core hears of an end in any case: it asks for no more until then.
                RelayMap map = _map();
                bool? found = null;
                Task portal = _loop.Faults.TryRunAsync(async () => found = await _portals.FindAsync(map, wanted.Regions[0], _stopping.Token));
                RelayRegion[] regions = [.. map.Regions.Where(region => wanted.Regions.Contains(region.Id))];
                IReadOnlyDictionary<int, TimeSpan> latencies = new Dictionary<int, TimeSpan>();
                await _loop.Faults.TryRunAsync(async () => latencies = await _probe.MeasureAsync(regions, _stopping.Token));
                _loop.Post((core, now) => core.HandleHttpsLatencies(wanted.Round, latencies, now));
                await portal;
                _loop.Post((core, now) => core.HandleCaptivePortal(wanted.Round, found));
                bool isCaptive = found == true;
                if (isCaptive && !wasCaptive) TraversalLog.CaptivePortal(_log);
                wasCaptive = isCaptive;
            }
        }
        catch (OperationCanceledException)
        {
            return; // The node ends.
        }
    }
}
