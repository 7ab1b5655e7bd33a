using System.Diagnostics.Metrics;
using System.Text.Json;
using Node.Traversal.Core;
using Node.Traversal.Core.PortMapping;

namespace Node.Traversal.Telemetry;

/// <summary>A node's instruments, read off its counters when somebody asks. No key is in any label.</summary>
internal sealed class TraversalMetrics : IDisposable
{
    public const string MeterName = "Node.Traversal";

    /// <summary>The node's own: other nodes in the process have others of that name.</summary>
    public Meter Meter { get; } = new(MeterName);

    public TraversalMetrics(TraversalCounters counters, NodeDropCounters control, Func<PortMapDrop, long> gateway, Func<NodeFigures> figures)
    {
        Meter.CreateObservableCounter("node.packets.dropped", () => Count<TraversalDrop>(reason => counters[reason], "node.drop.reason"), "{packet}", "Packets dropped, by reason.");
        Meter.CreateObservableCounter("node.control.dropped", () => Count<NodeDrop>(reason => control[reason], "node.drop.reason"), "{packet}", "Control packets not acted upon, by reason.");
        Meter.CreateObservableCounter("node.port_mapping.dropped", () => Count<PortMapDrop>(gateway, "node.drop.reason"), "{packet}", "Datagrams of the gateway, or of one that would be it, not acted upon, by reason.");
        Meter.CreateObservableCounter("node.packets.too_long_for_path", () => counters.TooLongForPath, "{packet}", "Packets too long for a direct path, which went by relay.");
        Meter.CreateObservableCounter("node.packets.longer_than_path_mtu", () => counters.LongerThanMtu, "{packet}", "Packets sent directly in fragments, for the path was found not to carry them whole.");
        Meter.CreateObservableCounter("node.paths.put_back", () => figures().PutBacks, "{path}", "Direct paths left because data did not arrive there though checks were answered.");
        Meter.CreateObservableGauge("node.network.captive_portal", () => figures().CaptivePortal == true ? 1L : 0, "{portal}", "1 where a captive portal stands before the network, 0 where none is known to.");
        Meter.CreateObservableGauge("node.peers.not_direct", () => Verdicts(figures().Verdicts), "{peer}", "Peers that are not reached directly, by why they are not.");
    }

    public void Dispose() => Meter.Dispose();

    private static IEnumerable<Measurement<long>> Verdicts(IReadOnlyDictionary<VerdictCode, int> peers) => Count<VerdictCode>(code => peers.GetValueOrDefault(code), "node.verdict.code");

    private static IEnumerable<Measurement<long>> Count<T>(Func<T, long> count, string tag)
        where T : struct, Enum =>
        Enum.GetValues<T>().Select(reason => new Measurement<long>(count(reason), new KeyValuePair<string, object?>(tag, JsonNamingPolicy.SnakeCaseLower.ConvertName(reason.ToString()))));
}
