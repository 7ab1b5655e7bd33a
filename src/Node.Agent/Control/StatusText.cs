using System.Globalization;
using System.Text;
using Node.Agent.PortMapping;
using Node.Traversal;
using Relay.Protocol.Disco;

namespace Node.Agent.Control;

/// <summary>Writes the status for people: a line or some for the node, and for each peer, with why it is not direct where it is not.</summary>
internal static class StatusText
{
    public static string Write(AgentStatus status, DateTimeOffset now)
    {
        StringBuilder text = new();
        string home = status.HomeRelay is { } relay ? $"at home in relay region {relay.RegionCode} ({relay.RegionId})" : $"not connected to a relay{(status.RelayProblem is { } problem ? $" ({problem})" : "")}";
        text.Append(CultureInfo.InvariantCulture, $"{status.Interface}: {status.PublicKey}, UDP port {status.UdpPort}, {home}");
        if (status.CaptivePortal == true) text.Append("\n  a captive portal stands before the network: open a web page to get past it");
        if (Spell(status.Nat) is { } nat) text.Append(CultureInfo.InvariantCulture, $"\n  NAT: {nat}");
        if (status.NatIpv6 != status.Nat && Spell(status.NatIpv6) is { } ipv6) text.Append(CultureInfo.InvariantCulture, $"\n  IPv6: {ipv6}");
        if (status.Candidates.Count > 0) text.Append(CultureInfo.InvariantCulture, $"\n  reached at: {string.Join(", ", status.Candidates.Select(Spell))}");
        if (status.PortMapping.State != PortMappingState.Off) text.Append(CultureInfo.InvariantCulture, $"\n  port mapping: {PortMappingOutput.Summary(status.PortMapping)}");
        if (status.PortMapping.Pinhole is { HasGateway: true } pinhole) text.Append(CultureInfo.InvariantCulture, $"\n  IPv6 pinhole: {PortMappingOutput.Summary(pinhole)}");
        if (status.Peers.Count == 0) text.Append("\n  no peers");
        int widest = status.Peers.Select(peer => Way(peer).Length).DefaultIfEmpty().Max();
        foreach (PeerStatusLine peer in status.Peers)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n  {peer.PublicKey}  {Way(peer).PadRight(widest)}  {Rtt(peer),8}  for {Age(now - peer.Since),-6}  received {Size(peer.RxBytes)}, sent {Size(peer.TxBytes)}");
            if (peer.PathMtu is { } mtu) text.Append(CultureInfo.InvariantCulture, $"  path MTU {mtu}");
            if (peer.PutBackEndpoints.Count > 0) text.Append(CultureInfo.InvariantCulture, $"  no data passes by {string.Join(", ", peer.PutBackEndpoints)}");
            if (peer.Verdict is { } verdict) Append(text, verdict);
        }

        if (status.MtuAdvice is { } advice) text.Append(CultureInfo.InvariantCulture, $"\nMTU: {advice}");
        return text.ToString();
    }

    /// <summary>Why a peer is not reached directly: a line each for the reason, the peer's NAT, what was tried, and what would help, as far as there is any.</summary>
    private static void Append(StringBuilder text, VerdictStatus verdict)
    {
        text.Append(CultureInfo.InvariantCulture, $"\n    not direct{(verdict.Code == "checking" ? " yet" : "")}: {verdict.Text}");
        if (Spell(verdict.There) is { } nat) text.Append(CultureInfo.InvariantCulture, $"\n    its NAT: {nat}");
        if (verdict.Tried.Count > 0) text.Append(CultureInfo.InvariantCulture, $"\n    tried: {string.Join(", ", verdict.Tried.Select(Words))}");
        string limit = IsHardAndNested(verdict.Here) || IsHardAndNested(verdict.There) ? " at most" : "";
        string odds = verdict.Probability is { } probability and < 1 ? string.Create(CultureInfo.InvariantCulture, $"chance {probability:0.0# %}{limit}") : "";
        if (verdict.NotAttempted is { } reason) text.Append(CultureInfo.InvariantCulture, $"\n    no hole attempted: {reason}{(odds.Length > 0 ? $" ({odds})" : "")}");
        else if (odds.Length > 0) text.Append(CultureInfo.InvariantCulture, $"\n    making a hole: {odds}");
        if (verdict.RemedyText is { } remedy) text.Append(CultureInfo.InvariantCulture, $"\n    what would help: {remedy}");
    }

    /// <summary>Says that the chance is reckoned from the ports of an outer NAT, while an inner one that nobody outside can see may give fewer.</summary>
    private static bool IsHardAndNested(NatProfile profile) => profile is { IsHard: true, IsNested: true };

    /// <summary>What is known of a NAT, in a line; null where that is nothing.</summary>
    private static string? Spell(NatProfile profile)
    {
        string?[] words =
        [
            profile.Udp == UdpReach.Blocked ? "UDP blocked" : null,
            NatProfileJson.Spell(profile.Mapping) is { } mapping ? $"mapping {mapping}" : null,
            NatProfileJson.Spell(profile.Filtering) is { } filtering ? $"filtering {filtering}" : null,
            NatProfileJson.Spell(profile.Allocation) is { } ports ? $"ports {ports}" : null,
            profile.HighestPort != 0 ? $"from {profile.LowestPort} to {profile.HighestPort}" : null,
            profile.IsCarrierGrade ? "behind a provider's NAT" : profile.IsNested ? "behind another NAT" : null,
        ];
        string line = string.Join(", ", words.OfType<string>());
        return line.Length == 0 ? null : line;
    }

    private static string Spell(CandidateLine candidate) => $"{candidate.Address} ({Words(candidate.Kind)}{(candidate.IsUnconfirmed ? ", unconfirmed" : "")})";

    private static string Words(string kind) => kind.Replace('_', '-');

    private static string Way(PeerStatusLine peer) => peer.Path switch
    {
        "direct" => $"direct {peer.Endpoint}{(peer.EndpointKind is { } kind ? $" ({Words(kind)})" : "")}",
        "relay" when peer.Relay is { } relay => $"by relay {relay.RegionCode}",
        "relay" => "by relay",
        _ => "no path",
    };

    private static string Rtt(PeerStatusLine peer) => peer.Rtt is { } rtt ? string.Create(CultureInfo.InvariantCulture, $"{rtt.TotalMilliseconds:0.0} ms") : "-";

    private static string Age(TimeSpan age) => age switch
    {
        { TotalMinutes: < 1 } => $"{Math.Max(0, (int)age.TotalSeconds)} s",
        { TotalHours: < 1 } => $"{(int)age.TotalMinutes} min",
        { TotalDays: < 2 } => $"{(int)age.TotalHours} h",
        _ => $"{(int)age.TotalDays} d",
    };

    private static string Size(long bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        double size = bytes;
        int unit = 0;
        while (size >= 1024 && unit < units.Length - 1)
        {
            size /= 1024;
            unit++;
        }

        return string.Create(CultureInfo.InvariantCulture, $"{Math.Round(size, unit == 0 ? 0 : 1)} {units[unit]}");
    }
}
