using System.Text.Json;

namespace NatLab;

/// <summary>What <c>relay-node status --json</c> says, as far as tests ask. Read here anew, and not by the agent's own code, so that a change of its shape is seen.</summary>
public sealed record NodeReport(SelfReport Self, IReadOnlyList<PeerReport> Peers)
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web);

    /// <exception cref="LabException">The text is not such a report.</exception>
    public static NodeReport Parse(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<NodeReport>(json, Options) ?? throw new LabException("relay-node status printed null");
        }
        catch (JsonException e)
        {
            throw new LabException($"relay-node status printed what is no report: {e.Message}\n{json}", e);
        }
    }
}

/// <summary>The node itself.</summary>
public sealed record SelfReport(string PublicKey, RegionReport? HomeRelay, int UdpPort, NatReport? Nat = null);

/// <summary>The NAT before a node, in RFC 4787's words as <c>relay-node</c> spells them; null is what it does not know.</summary>
public sealed record NatReport(
    string? Udp, string? Mapping, string? Filtering, string? PortAllocation, int? PortStep, int? LowestPort, int? HighestPort, bool? Hairpinning,
    int? LifetimeSeconds, bool IsNested, bool IsCarrierGrade, bool OffersPortMapping);

/// <summary>A region of the relay map.</summary>
public sealed record RegionReport(int RegionId, string RegionCode);

/// <summary>One peer; <c>Relay</c> is the region that carries packets to it.</summary>
public sealed record PeerReport(
    string PublicKey, string Path, string? Endpoint, double? RttMs, DateTimeOffset Since, long RxBytes, long TxBytes, VerdictReport? Verdict, int? PathMtu = null, RegionReport? Relay = null)
{
    public const string Direct = "direct";
    public const string Relayed = "relay";

    public override string ToString() =>
        $"{Path}{(Endpoint is null ? "" : $" {Endpoint}")}{(Relay is null ? "" : $" {Relay.RegionId}")}{(RttMs is { } rtt ? $" {rtt:0.0} ms" : "")}{(Verdict is null ? "" : $" ({Verdict.Code}: {Verdict.Text})")}";
}

/// <summary>Why a pair is not direct.</summary>
public sealed record VerdictReport(string Code, string Text);
