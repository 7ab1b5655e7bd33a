using System.Diagnostics.Metrics;
using Stun.Server.Core;
using Stun.Server.Streams;

namespace Stun.Server;

/// <summary>The server's instruments. They are read off its counters when somebody asks, so that counting costs a packet nothing.</summary>
internal sealed class StunServerMetrics
{
    public const string MeterName = "Stun.Server";

    private static readonly (string Name, bool IsIpv4)[] Families = [("ipv4", true), ("ipv6", false)];

    private readonly StunServer _server;

    public StunServerMetrics(IMeterFactory meters, StunServer server)
    {
        _server = server;
        Meter = meters.Create(MeterName);
        Meter.CreateObservableCounter("stun.requests", Requests, "{request}", "Binding requests that were understood, by transport, family and kind.");
        Meter.CreateObservableCounter("stun.answers", Answers, "{packet}", "Answers made, by transport, family and kind.");
        Meter.CreateObservableCounter("stun.packets.dropped", Drops, "{packet}", "Datagrams and messages that got no answer, by transport and reason.");
        Meter.CreateObservableCounter("stun.kernel.drops", KernelDrops, "{packet}", "Datagrams that found the receive buffer full.");
        Meter.CreateObservableCounter("stun.connections.ended", Ends, "{connection}", "TCP and TLS connections that ended, by transport and reason.");
        Meter.CreateObservableGauge("stun.connections.open", () => _server.OpenConnections, "{connection}", "TCP and TLS connections there are.");
        Meter.CreateObservableGauge("stun.prefixes.active", () => _server.ActivePrefixes, "{prefix}", "Prefixes that asked within the last ten seconds, as far as the bounded table remembers.");
    }

    public Meter Meter { get; }

    private IEnumerable<Measurement<long>> Requests() =>
        from transport in Enum.GetValues<StunTransport>()
        from family in Families
        from kind in Enum.GetValues<StunRequestKind>()
        where transport == StunTransport.Udp || kind == StunRequestKind.Binding // Streams have no other.
        select new Measurement<long>(
            CountersOf(transport).Sum(counters => counters.Requests(family.IsIpv4, kind)),
            Tag("network.transport", NameOf(transport)),
            Tag("network.type", family.Name),
            Tag("stun.request.kind", NameOf(kind)));

    private IEnumerable<Measurement<long>> Answers() =>
        from transport in Enum.GetValues<StunTransport>()
        from family in Families
        from kind in Enum.GetValues<StunAnswerKind>()
        select new Measurement<long>(
            CountersOf(transport).Sum(counters => counters.Answers(family.IsIpv4, kind)),
            Tag("network.transport", NameOf(transport)),
            Tag("network.type", family.Name),
            Tag("stun.answer.kind", NameOf(kind)));

    private IEnumerable<Measurement<long>> Drops() =>
        from transport in Enum.GetValues<StunTransport>()
        from reason in Enum.GetValues<StunDropReason>()
        select new Measurement<long>(
            CountersOf(transport).Sum(counters => counters.Drops(reason)), Tag("network.transport", NameOf(transport)), Tag("stun.drop.reason", NameOf(reason)));

    private IEnumerable<Measurement<long>> Ends() =>
        from transport in (StunTransport[])[StunTransport.Tcp, StunTransport.Tls]
        from end in Enum.GetValues<ConnectionEnd>()
        select new Measurement<long>(
            ListenersOf(transport).Sum(listener => listener.Context.Ends(end)), Tag("network.transport", NameOf(transport)), Tag("stun.connection.end", NameOf(end)));

    private long KernelDrops() => _server.Receivers.Sum(receiver => receiver.KernelDrops);

    private IEnumerable<StunCounters> CountersOf(StunTransport transport) => transport == StunTransport.Udp
        ? _server.Receivers.Select(receiver => receiver.Counters)
        : ListenersOf(transport).Select(listener => listener.Context.Counters);

    private IEnumerable<StunStreamListener> ListenersOf(StunTransport transport) =>
        _server.StreamListeners.Where(listener => listener.Context.Counters.Transport == transport);

    private static KeyValuePair<string, object?> Tag(string name, string value) => new(name, value);

    private static string NameOf(StunTransport transport) => transport switch
    {
        StunTransport.Udp => "udp",
        StunTransport.Tcp => "tcp",
        StunTransport.Tls => "tls",
        _ => throw new ArgumentOutOfRangeException(nameof(transport)),
    };

    private static string NameOf(StunRequestKind kind) => kind switch
    {
        StunRequestKind.Binding => "binding",
        StunRequestKind.Classic => "classic",
        StunRequestKind.Padding => "padding",
        StunRequestKind.ResponsePort => "response_port",
        StunRequestKind.ChangeRequest => "change_request",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string NameOf(StunAnswerKind kind) => kind switch
    {
        StunAnswerKind.Success => "success",
        StunAnswerKind.UnknownAttribute => "unknown_attribute",
        StunAnswerKind.BadRequest => "bad_request",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };

    private static string NameOf(StunDropReason reason) => reason switch
    {
        StunDropReason.NotStun => "not_stun",
        StunDropReason.Malformed => "malformed",
        StunDropReason.TooLong => "too_long",
        StunDropReason.NotARequest => "not_a_request",
        StunDropReason.UnknownMethod => "unknown_method",
        StunDropReason.WrongFingerprint => "wrong_fingerprint",
        StunDropReason.ForgedSource => "forged_source",
        StunDropReason.RateLimited => "rate_limited",
        StunDropReason.MovedRateLimited => "moved_rate_limited",
        StunDropReason.SendBufferFull => "send_buffer_full",
        StunDropReason.SendRefused => "send_refused",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };

    private static string NameOf(ConnectionEnd end) => end switch
    {
        ConnectionEnd.ClosedByClient => "closed_by_client",
        ConnectionEnd.Idle => "idle",
        ConnectionEnd.Slow => "slow",
        ConnectionEnd.BadFraming => "bad_framing",
        ConnectionEnd.RateLimited => "rate_limited",
        ConnectionEnd.TlsFailed => "tls_failed",
        ConnectionEnd.TooMany => "too_many",
        ConnectionEnd.Broken => "broken",
        ConnectionEnd.Stopping => "stopping",
        _ => throw new ArgumentOutOfRangeException(nameof(end)),
    };
}
