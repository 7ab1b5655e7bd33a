using System.Diagnostics.Metrics;
using Node.Traversal.Telemetry;

namespace Node.Traversal;

/// <summary>Packets that were lost between WireGuard and the node, by reason.</summary>
/// <param name="Refused">WireGuard does not listen on its port.</param>
/// <param name="TooLong">Longer than a datagram may be here: the tunnel's MTU is too high.</param>
/// <param name="Closed">The link has no node or no port of WireGuard yet, or no longer.</param>
/// <param name="Failed">The socket refused for another reason, such as memory.</param>
public readonly record struct WireGuardProxyDrops(long Refused, long TooLong, long Closed, long Failed)
{
    /// <summary>Handshake messages that had come before by another way, or crossed our own: nothing is lost with these.</summary>
    public long Copies { get; init; }

    /// <summary>All that were lost.</summary>
    public long Total => Refused + TooLong + Closed + Failed;
}

/// <summary>Counts them, from any thread, and shows them beside the node's other drops.</summary>
internal sealed class WireGuardDropCounter : IDisposable
{
    private readonly Meter _meter = new(TraversalMetrics.MeterName);
    private long _refused;
    private long _tooLong;
    private long _closed;
    private long _failed;
    private long _copies;

    public WireGuardDropCounter() =>
        _meter.CreateObservableCounter("node.wireguard.dropped", Measure, "{packet}", "Packets lost between the local WireGuard and the node, by reason.");

    public WireGuardProxyDrops Total => new(Volatile.Read(ref _refused), Volatile.Read(ref _tooLong), Volatile.Read(ref _closed), Volatile.Read(ref _failed)) { Copies = Volatile.Read(ref _copies) };

    public void Refused(int packets) => Interlocked.Add(ref _refused, packets);

    public void TooLong() => Interlocked.Increment(ref _tooLong);

    public void Closed(int packets) => Interlocked.Add(ref _closed, packets);

    public void Copied() => Interlocked.Increment(ref _copies);

    public void Failed(int packets) => Interlocked.Add(ref _failed, packets);

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<long>> Measure()
    {
        WireGuardProxyDrops total = Total;
        return [Of(total.Refused, "refused"), Of(total.TooLong, "too_long"), Of(total.Closed, "closed"), Of(total.Failed, "failed"), Of(total.Copies, "copy")];
    }

    private static Measurement<long> Of(long packets, string reason) => new(packets, new KeyValuePair<string, object?>("node.drop.reason", reason));
}
