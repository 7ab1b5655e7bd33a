using System.Globalization;
using System.Text;
using Node.Agent.Stun;
using Node.Traversal;

namespace Node.Agent.Netcheck;

/// <summary>Writes a report on the network for people.</summary>
internal static class NetworkText
{
    private const int Column = 16;

    public static string Write(NetworkReport report)
    {
        StringBuilder text = new();
        Row(text, "UDP over IPv4", Udp(report.Ipv4));
        Row(text, "UDP over IPv6", Udp(report.Ipv6));
        Row(text, "public address", string.Join(", ", report.Ipv4.PublicAddresses.Concat(report.Ipv6.PublicAddresses).Select(address => address.ToIPAddress())) is { Length: > 0 } addresses ? addresses : "unknown");
        Row(text, "port mapping", PortMapping(report.PortMapping));
        Row(text, "captive portal", report.CaptivePortal switch { true => "yes: open a web page to get past it", false => "no", _ => "not looked for" });
        Row(text, "proxy", report.Proxy?.ToString() ?? "none");
        WriteRegions(text, report);
        foreach (FamilyReport family in new[] { report.Ipv4, report.Ipv6 })
        {
            if (family.Behavior is { } behavior) text.Append("\n\n").Append(StunText.Write([FindingOf(behavior)]));
        }

        return text.ToString().TrimStart('\n');
    }

    /// <summary>What <c>relay-node stun</c> would tell.</summary>
    public static StunFinding FindingOf(NatBehavior behavior) => new(StunTransport.Udp, [behavior.Server])
    {
        Behavior = behavior, Udp = UdpFinding.Works, Local = behavior.Local, Mapped = behavior.Mapped, Rtt = behavior.Rtt, Software = behavior.Software,
    };

    private static void WriteRegions(StringBuilder text, NetworkReport report)
    {
        Row(text, "relays", report.Regions.Count == 0 ? "none in the map" : report.IsAnswered ? "" : "none answers");
        int widest = report.Regions.Select(region => Name(region).Length).DefaultIfEmpty().Max();
        foreach (RegionReport region in report.Regions)
        {
            string latency = region.Latency is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known.TotalMilliseconds,8:0.0} ms{(region.Https is null ? "" : " by HTTPS")}") : "  no answer";
            text.Append(CultureInfo.InvariantCulture, $"\n  {Name(region).PadRight(widest)}  {latency}{(region.RegionId == report.HomeRegion ? "  home" : "")}");
        }
    }

    private static string Name(RegionReport region) => $"{region.Code} ({region.RegionId})";

    private static string Udp(FamilyReport family)
    {
        string mapping = family.MappingVaries switch { true => ", the public port differs from one destination to another", false => ", one public port for all destinations", _ => "" };
        return family.Udp switch
        {
            UdpState.Works => $"works{mapping}",
            UdpState.Silent => "no answer: it is blocked, or no STUN server of the map runs",
            UdpState.NoWay => "no way out",
            _ => "not asked: the map has no STUN server for it",
        };
    }

    private static string PortMapping(PortMappingStatus status) => status.State switch
    {
        PortMappingState.Off => "not asked",
        PortMappingState.NoGateway => "no gateway",
        PortMappingState.Mapped => $"offered: {status.Mapped}",
        PortMappingState.NestedNat => "of no use: there is another NAT in front of the gateway",
        _ => "not offered",
    };

    private static void Row(StringBuilder text, string name, string value) => text.Append('\n').Append($"{name.PadRight(Column)}{value}".TrimEnd());
}
