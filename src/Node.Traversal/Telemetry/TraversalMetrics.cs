using System.Diagnostics.Metrics;
using System.Text.Json;
using Node.Traversal.Core;
using Node.Traversal.Core.PortMapping;

namespace Node.Traversal.Telemetry;

/// <summary>A node's instruments, read off its counters when somebody asks. No key is in any label.</summary>
internal sealed class TraversalMetrics : IDisposable
{
    public const string MeterName = "Node.Traversal";

    private readonly Meter _meter = new(MeterName);

    public TraversalMetrics(TraversalCounters counters, NodeDropCounters control, Func<PortMapDrop, long> gateway, Func<IReadOnlyDictionary<VerdictCode, int>> verdicts)
    {
        _meter.CreateObservableCounter("node.packets.dropped", () => Count<TraversalDrop>(reason => counters[reason], "node.drop.reason"), "{packet}", "Packets dropped, by reason.");
        _meter.CreateObservableCounter("node.control.dropped", () => Count<NodeDrop>(reason => control[reason], "node.drop.reason"), "{packet}", "Control packets not acted upon, by reason.");
        _meter.CreateObservableCounter("node.port_mapping.dropped", () => Count<PortMapDrop>(gateway, "node.drop.reason"), "{packet}", "Datagrams of the gateway, or of one that would be it, not acted upon, by reason.");
        _meter.CreateObservableCounter("node.packets.too_long_for_path", () => counters.TooLongForPath, "{packet}", "Packets too long for a direct path, which went by relay.");
        _meter.CreateObservableGauge("node.peers.not_direct", () => Verdicts(verdicts()), "{peer}", "Peers that are not reached directly, by why they are not.");
    }

    public void Dispose() => _meter.Dispose();

    private static IEnumerable<Measurement<long>> Verdicts(IReadOnlyDictionary<VerdictCode, int> peers) => Count<VerdictCode>(code => peers.GetValueOrDefault(code), "node.verdict.code");

    private static IEnumerable<Measurement<long>> Count<T>(Func<T, long> count, string tag)
        where T : struct, Enum =>
        Enum.GetValues<T>().Select(reason => new Measurement<long>(count(reason), new KeyValuePair<string, object?>(tag, JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString()))));
}
