using System.Diagnostics.Metrics;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Hosting;

namespace Relay.Server.Telemetry;

/// <summary>The relay's instruments, read off its counters when somebody asks: counting costs a packet nothing more. No key is in any label.</summary>
internal sealed class RelayServerMetrics
{
    public const string MeterName = "Relay.Server";

    private readonly RelayCounters _counters;

    public RelayServerMetrics(IMeterFactory meters, RelayServer relay)
    {
        _counters = relay.Counters;
        Meter = meters.Create(MeterName);
        Meter.CreateObservableCounter("relay.packets", Packets, "{packet}", "Packets taken from clients and put into their queues.");
        Meter.CreateObservableCounter("relay.io", Bytes, "By", "Bytes of these packets.");
        Meter.CreateObservableCounter("relay.packets.dropped", Dropped, "{packet}", "Packets dropped, by reason and kind.");
        Meter.CreateObservableCounter("relay.connections.closed", Closed, "{connection}", "Connections of relay clients ended, by reason.");
        Meter.CreateObservableCounter("relay.connections.refused", () => relay.Refused, "{connection}", "Connections closed at once because a limit was reached.");
        Meter.CreateObservableCounter("relay.writes", () => _counters.Writes, "{write}", "Writes to connections: packets out per write is how well they merge.");
    }

    public Meter Meter { get; }

    private IEnumerable<Measurement<long>> Packets() => [Directed(_counters.In.Packets, "in"), Directed(_counters.Out.Packets, "out")];

    private IEnumerable<Measurement<long>> Bytes() => [Directed(_counters.In.Bytes, "in"), Directed(_counters.Out.Bytes, "out")];

    private IEnumerable<Measurement<long>> Dropped() =>
        from reason in Enum.GetValues<DropReason>()
        from kind in Enum.GetValues<PacketKind>()
        select new Measurement<long>(_counters.Dropped(reason, kind), Tag("relay.drop.reason", Snake(reason.ToString())), Tag("relay.packet.kind", Snake(kind.ToString())));

    private IEnumerable<Measurement<long>> Closed() =>
        from reason in Enum.GetValues<CloseReason>()
        select new Measurement<long>(_counters.Closed(reason), Tag("relay.close.reason", Snake(reason.ToString())));

    private static Measurement<long> Directed(long value, string direction) => new(value, Tag("network.io.direction", direction));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string Snake(string name) => string.Concat(name.Select((character, index) => char.IsUpper(character) ? (index > 0 ? "_" : "") + char.ToLowerInvariant(character) : character.ToString()));
}
