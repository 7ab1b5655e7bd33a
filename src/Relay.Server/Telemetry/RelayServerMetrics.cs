using System.Diagnostics.Metrics;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Hosting.Reloading;
using Relay.Server.Shards;

namespace Relay.Server.Telemetry;

/// <summary>The relay's instruments, read off its counters when somebody asks: counting costs a packet nothing more. No key is in any label.</summary>
internal sealed class RelayServerMetrics
{
    public const string MeterName = "Relay.Server";

    private readonly RelayServer _relay;
    private readonly ReloadCounters _reloads;
    private readonly RelayCounters _counters;
    private readonly TenantTotals _tenants;

    public RelayServerMetrics(IMeterFactory meters, RelayServer relay, ReloadCounters reloads)
    {
        _relay = relay;
        _reloads = reloads;
        _counters = relay.Counters;
        _tenants = new TenantTotals(relay.Router.Tenants);
        Meter = meters.Create(MeterName);
        Meter.CreateObservableUpDownCounter("relay.connections", Connections, "{connection}", "Connections at present, of relay clients and others, by transport.");
        Meter.CreateObservableUpDownCounter("relay.tenants", () => relay.Router.Tenants.All.Length, "{tenant}", "Tenants that have clients, or had some.");
        Meter.CreateObservableCounter("relay.tenant.packets", () => OfTenants(totals => totals.PacketsIn, totals => totals.PacketsOut), "{packet}", "Packets by tenant; those that came late share a name.");
        Meter.CreateObservableCounter("relay.tenant.io", () => OfTenants(totals => totals.BytesIn, totals => totals.BytesOut), "By", "Bytes of these packets.");
        Meter.CreateObservableCounter("relay.tls.handshakes", TlsHandshakes, "{handshake}", "TLS handshakes done, by version.");
        Meter.CreateObservableCounter("relay.write.stalls", () => _counters.Stalls, "{write}", "Times that a connection did not take what was to be sent at once.");
        Meter.CreateObservableCounter("relay.reloads", Reloads, "{reload}", "Files read again, by subject and whether they could be used.");
        Meter.CreateObservableCounter("relay.packets", Packets, "{packet}", "Packets taken from clients and put into their queues.");
        Meter.CreateObservableCounter("relay.io", Bytes, "By", "Bytes of these packets.");
        Meter.CreateObservableCounter("relay.packets.dropped", Dropped, "{packet}", "Packets dropped, by reason and kind.");
        Meter.CreateObservableCounter("relay.connections.closed", Closed, "{connection}", "Connections of relay clients ended, by reason.");
        Meter.CreateObservableCounter("relay.logins", Logins, "{login}", "Clients let in, by what let them in.");
        Meter.CreateObservableCounter("relay.logins.refused", Refusals, "{login}", "Logins and tokens refused, by reason.");
        Meter.CreateObservableCounter("relay.connections.refused", () => Refused(relay.Limiter), "{connection}", "Connections closed at once, by the limit that was reached.");
        Meter.CreateObservableCounter("relay.pauses", Pauses, "{pause}", "Times a client was not read from for a while, by whose rate.");
        Meter.CreateObservableCounter("relay.notices.dropped", () => _counters.NoticesDropped, "{frame}", "Frames of the relay's own that found their client's lane full.");
        Meter.CreateObservableUpDownCounter<long>("relay.handshakes", () => relay.Limiter.Handshakes, "{connection}", "Connections that have yet to log in.");
        Meter.CreateObservableUpDownCounter<long>("relay.prefixes", () => relay.Limiter.Prefixes, "{prefix}", "Address prefixes with connections.");
        Meter.CreateObservableUpDownCounter("relay.queue.memory", () => relay.Router.QueueMemory.Used, "By", "Memory of the packets that wait, for all clients together.");
        Meter.CreateObservableUpDownCounter("relay.input.memory", () => relay.Router.QueueMemory.InputUsed, "By", "Memory of long frames that have come in part.");
        Meter.CreateObservableCounter("relay.writes", () => _counters.Writes, "{write}", "Writes to connections: packets out per write is how well they merge.");
        FrontMetrics.AddTo(Meter, relay);
        Meter.CreateObservableCounter("relay.shard.rounds", () => Rounds(relay.Shards), "{round}", "Rounds of the shards by the time they took at most: what a packet may have waited for others.");
    }

    public Meter Meter { get; }

    /// <summary>What is counted in buckets, as of now.</summary>
    public IEnumerable<HistogramSample> Histograms()
    {
        yield return new HistogramSample("relay_queue_wait_seconds", "Time that packets sent have waited in queues.", [.. QueueWaits.Bounds.ToArray().Select(bound => bound.TotalSeconds)], [.. Enumerable.Range(0, QueueWaits.Buckets).Select(_counters.Waited)], _counters.WaitTotal.TotalSeconds);
        yield return Of("relay_packet_length_bytes", "Lengths of packets taken from clients.", _counters.PacketLengths);
        yield return Of("relay_queue_length_bytes", "Bytes that waited for a client when some of them were taken to be sent.", _counters.QueueLengths);
        yield return Of("relay_login_duration_seconds", "Time from the acceptance of a connection to its client's login, TLS included.", _counters.LoginTimes);
        yield return Of("relay_rtt_seconds", "Round-trip times of clients' TCP connections, sampled at the login and with each keep-alive.", _counters.Rtts);
    }

    private IEnumerable<Measurement<long>> Packets() => [Directed(_counters.In.Packets, "in"), Directed(_counters.Out.Packets, "out")];

    private IEnumerable<Measurement<long>> Bytes() => [Directed(_counters.In.Bytes, "in"), Directed(_counters.Out.Bytes, "out")];

    private IEnumerable<Measurement<long>> Dropped() =>
        from reason in Enum.GetValues<DropReason>()
        from kind in Enum.GetValues<PacketKind>()
        select new Measurement<long>(_counters.Dropped(reason, kind), Tag("relay.drop.reason", Snake(reason.ToString())), Tag("relay.packet.kind", Snake(kind.ToString())));

    private static IEnumerable<Measurement<long>> Refused(ConnectionLimiter limiter) =>
        from reason in Enum.GetValues<ConnectionRefusal>()
        where reason != ConnectionRefusal.None
        select new Measurement<long>(limiter.Refused(reason), Tag("relay.refusal.reason", Snake(reason.ToString())));

    private IEnumerable<Measurement<long>> Pauses() =>
        [new(_counters.Pauses.Clients, Tag("relay.rate.scope", "client")), new(_counters.Pauses.Tenants, Tag("relay.rate.scope", "tenant"))];

    private IEnumerable<Measurement<long>> Closed() =>
        from reason in Enum.GetValues<CloseReason>()
        select new Measurement<long>(_counters.Closed(reason), Tag("relay.close.reason", Snake(reason.ToString())));

    private static IEnumerable<Measurement<long>> Rounds(IReadOnlyList<Shard> shards) =>
        from index in Enumerable.Range(0, RoundTimes.Bounds.Length + 1)
        let bound = index < RoundTimes.Bounds.Length ? $"{RoundTimes.Bounds[index] * 1000:0.0} ms" : "longer"
        select new Measurement<long>(shards.Sum(shard => shard.RoundTimes.Counts[index]), Tag("relay.round.within", bound));

    private IEnumerable<Measurement<long>> Logins() =>
        from source in Enum.GetValues<AdmissionSource>()
        select new Measurement<long>(_counters.LoggedIn(source), Tag("relay.admission.source", Snake(source.ToString())));

    private IEnumerable<Measurement<long>> Refusals() =>
        from reason in Enum.GetValues<RefusalReason>()
        where reason != RefusalReason.None
        select new Measurement<long>(_counters.Refused(reason), Tag("relay.refusal.reason", Snake(reason.ToString())));

    /// <summary>A WebSocket comes in on a connection that is counted by its port: here it is one thing, not two.</summary>
    private IEnumerable<Measurement<long>> Connections()
    {
        int overTls = _relay.WebSockets.ConnectionCountOf(RelayPortKind.Tls);
        int overPlain = _relay.WebSockets.ConnectionCountOf(RelayPortKind.Plain);
        return
        [
            new(Math.Max(_relay.ConnectionCountOf(isTls: true) - overTls, 0), Tag("relay.transport", "tls")), // The two are read one after the other.
            new(Math.Max(_relay.ConnectionCountOf(isTls: false) - overPlain, 0), Tag("relay.transport", "plain")),
            new(_relay.WebSockets.ConnectionCount, Tag("relay.transport", "websocket")),
        ];
    }

    private IEnumerable<Measurement<long>> TlsHandshakes() => [new(_counters.TlsHandshakes.Tls12, Tag("tls.protocol.version", "1.2")), new(_counters.TlsHandshakes.Tls13, Tag("tls.protocol.version", "1.3"))];

    private IEnumerable<Measurement<long>> Reloads() =>
        from reload in _reloads.All
        select new Measurement<long>(reload.Count, Tag("relay.reload.subject", reload.Name.Replace(' ', '_')), Tag("relay.reload.outcome", reload.IsTaken ? "taken" : "refused"));

    private IEnumerable<Measurement<long>> OfTenants(Func<TrafficTotals, long> inward, Func<TrafficTotals, long> outward) =>
        from tenant in _tenants.Read()
        from direction in ((string Name, long Value)[])[("in", inward(tenant.Totals)), ("out", outward(tenant.Totals))]
        select new Measurement<long>(direction.Value, Tag("relay.tenant", tenant.Name), Tag("network.io.direction", direction.Name));

    private static HistogramSample Of(string name, string help, BucketCounts counts) => new(name, help, counts.Bounds, counts.Counts, counts.Sum);

    private static Measurement<long> Directed(long value, string direction) => new(value, Tag("network.io.direction", direction));

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string Snake(string name) => string.Concat(name.Select((character, index) => char.IsUpper(character) ? (index > 0 ? "_" : "") + char.ToLowerInvariant(character) : character.ToString()));
}
