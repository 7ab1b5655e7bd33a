using System.Diagnostics.Metrics;
using Stun.Server.Core;

namespace Stun.Server;

/// <summary>The server's instruments. They are read off the receivers' counters when somebody asks, so that counting costs a packet nothing.</summary>
internal sealed class StunServerMetrics
{
    public const string MeterName = "Stun.Server";

    private readonly Func<StunReceiver[]> _receivers;

    public StunServerMetrics(IMeterFactory meters, Func<StunReceiver[]> receivers)
    {
        _receivers = receivers;
        Meter = meters.Create(MeterName);
        Meter.CreateObservableCounter("stun.answers", Answers, "{packet}", "Answers made, by family and kind.");
        Meter.CreateObservableCounter("stun.packets.dropped", Drops, "{packet}", "Datagrams that got no answer, by reason.");
        Meter.CreateObservableCounter("stun.kernel.drops", KernelDrops, "{packet}", "Datagrams that found the receive buffer full.");
    }

    public Meter Meter { get; }

    private IEnumerable<Measurement<long>> Answers()
    {
        foreach (bool isIpv4 in new[] { true, false })
        {
            foreach (bool isError in new[] { false, true })
            {
                long answers = _receivers().Sum(receiver => receiver.Counters.Answers(isIpv4, isError));
                yield return new Measurement<long>(
                    answers,
                    new KeyValuePair<string, object?>("network.type", isIpv4 ? "ipv4" : "ipv6"),
                    new KeyValuePair<string, object?>("stun.answer.kind", isError ? "unknown_attribute" : "success"));
            }
        }
    }

    private IEnumerable<Measurement<long>> Drops()
    {
        foreach (StunDropReason reason in Enum.GetValues<StunDropReason>())
        {
            long drops = _receivers().Sum(receiver => receiver.Counters.Drops(reason));
            yield return new Measurement<long>(drops, new KeyValuePair<string, object?>("stun.drop.reason", NameOf(reason)));
        }
    }

    private long KernelDrops() => _receivers().Sum(receiver => receiver.KernelDrops);

    private static string NameOf(StunDropReason reason) => reason switch
    {
        StunDropReason.NotStun => "not_stun",
        StunDropReason.Malformed => "malformed",
        StunDropReason.TooLong => "too_long",
        StunDropReason.NotARequest => "not_a_request",
        StunDropReason.UnknownMethod => "unknown_method",
        StunDropReason.WrongFingerprint => "wrong_fingerprint",
        StunDropReason.ForgedSource => "forged_source",
        StunDropReason.SendBufferFull => "send_buffer_full",
        StunDropReason.SendRefused => "send_refused",
        _ => throw new ArgumentOutOfRangeException(nameof(reason)),
    };
}
