using System.Text;
using System.Text.Json.Serialization;
using Relay.Protocol;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Hosting;

/// <summary>One connection as <c>/debug/clients</c> shows it.</summary>
internal sealed record ClientReport
{
    /// <summary>The client's key, in hexadecimal.</summary>
    public required string Key { get; init; }

    /// <summary>Its tenant; empty = none.</summary>
    public required string Tenant { get; init; }

    /// <summary>Where it comes from.</summary>
    public required string Remote { get; init; }

    /// <summary>What has let it in.</summary>
    [JsonConverter(typeof(JsonStringEnumConverter<AdmissionSource>))]
    public required AdmissionSource Admission { get; init; }

    /// <summary>The identifier of its token; null where it needed none.</summary>
    public string? TokenId { get; init; }

    /// <summary>Says that this relay is its home.</summary>
    public required bool IsHome { get; init; }

    /// <summary>Says that it is the one of its key's connections that receives.</summary>
    public required bool IsActive { get; init; }

    /// <summary>Bytes that wait to be sent to it.</summary>
    public required int QueuedBytes { get; init; }

    /// <summary>All that has passed.</summary>
    public required TrafficTotals Total { get; init; }

    /// <summary>What has passed in one second just now.</summary>
    public required TrafficTotals PerSecond { get; init; }

    /// <summary>The order in which an operator wants to see them.</summary>
    [JsonIgnore]
    public long Load => PerSecond.BytesIn + PerSecond.BytesOut;

    /// <summary>Reports on connections of which the totals were taken some time ago.</summary>
    public static ClientReport[] Of(IEnumerable<(ClientConnection Connection, TrafficTotals Before)> connections, TimeSpan since) =>
        [.. connections.Select(entry => Of(entry.Connection, entry.Before, since)).OrderByDescending(report => report.Load).ThenBy(report => report.Key, StringComparer.Ordinal)];

    /// <summary>A table, one connection a line.</summary>
    public static string ToText(IReadOnlyCollection<ClientReport> reports, int all)
    {
        StringBuilder text = new();
        text.Append($"{reports.Count} of {all} connections, the busiest first\n");
        text.Append($"{"key",-64} {"tenant",-16} {"remote",-24} {"by",-8} {"in pkt/s",9} {"in B/s",11} {"out pkt/s",9} {"out B/s",11} {"queued",8}\n");
        foreach (ClientReport report in reports)
        {
            string marks = (report.IsHome ? " home" : "") + (report.IsActive ? "" : " standby");
            text.Append($"{report.Key,-64} {(report.Tenant.Length > 0 ? report.Tenant : "-"),-16} {report.Remote,-24} {report.Admission.ToString().ToLowerInvariant(),-8} {report.PerSecond.PacketsIn,9} {report.PerSecond.BytesIn,11} {report.PerSecond.PacketsOut,9} {report.PerSecond.BytesOut,11} {report.QueuedBytes,8}{marks}\n");
        }

        return text.ToString();
    }

    private static ClientReport Of(ClientConnection connection, TrafficTotals before, TimeSpan since)
    {
        TrafficTotals total = connection.Traffic.Totals;
        TrafficTotals passed = total - before;
        double perSecond = since > TimeSpan.Zero ? 1 / since.TotalSeconds : 0;
        return new ClientReport
        {
            Key = connection.Key.ToHex(),
            Tenant = connection.Admission?.Tenant ?? "",
            Remote = connection.Remote.ToString(),
            Admission = connection.Admission?.Source ?? AdmissionSource.Open,
            TokenId = connection.Admission?.TokenId,
            IsHome = connection.IsHome,
            IsActive = connection.IsActive,
            QueuedBytes = connection.Queue.Length,
            Total = total,
            PerSecond = new TrafficTotals(Rate(passed.PacketsIn), Rate(passed.BytesIn), Rate(passed.PacketsOut), Rate(passed.BytesOut)),
        };

        long Rate(long count) => (long)Math.Round(count * perSecond);
    }
}
