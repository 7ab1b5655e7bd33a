using System.Text;

namespace NatLab;

/// <summary>The nftables rules that make a router behave as a <see cref="NatKind"/>. Its interfaces are named <c>wan</c> and <c>lan</c>.</summary>
internal static class NatRules
{
    /// <summary>How many public ports a NAT has at most that does not leave their choice to the kernel. Small, because the kernel loads them as a table.</summary>
    private const int MaxPorts = 4096;

    private const string LanRanges = "192.168.0.0/16, 100.64.0.0/10";
    private const int FirstPort = 1024;
    private const int RandomPortStep = 15; // Spreads the ports over the whole range: 1024, 1039, … 62449.

    /// <summary>As long as the kernel keeps an answered UDP flow: a binding must not end before the flows that use it.</summary>
    private const string BindingLifetime = "2m";

    /// <summary>The whole rule set of a site's router, replacing what was there.</summary>
    public static string ForRouter(NatKind kind, string publicAddress, bool firewallsIPv6)
    {
        StringBuilder script = new();
        script.AppendLine("flush ruleset");
        AppendFilter(script, kind, publicAddress, firewallsIPv6);
        if (!kind.IsPublic) AppendNat(script, kind, publicAddress);
        return script.ToString();
    }

    /// <summary>The core's rules: it adds hops, so that a packet with a low TTL dies where it would on a real internet, and it can cut UDP between two sites.</summary>
    /// <remarks>No rule here may look at conntrack: it would reassemble fragments and remember flows, which no backbone does.</remarks>
    public static string ForCore(int hops) => $$"""
        flush ruleset
        table inet core {
          set cut {
            type ifname . ifname
          }
          chain forward {
            type filter hook forward priority filter; policy accept;
            ip ttl <= {{hops}} drop
            ip6 hoplimit <= {{hops}} drop
            meta l4proto udp meta iifname . meta oifname @cut drop
          }
        }
        """;

    private static void AppendFilter(StringBuilder script, NatKind kind, string publicAddress, bool firewallsIPv6)
    {
        // The chain `blocked` is empty until the site blocks UDP. Packets from outside that belong to nothing are dropped, not accepted, by the
        // router itself, unless its kind is to take them: an accepted one is confirmed by conntrack and takes the port away from the host that sends next.
        script.AppendLine("""
            table inet filter {
              chain blocked {
              }
              chain input {
                type filter hook input priority filter; policy accept;
                meta l4proto ipv6-icmp accept
            """);
        if (!kind.TakesStrays) script.AppendLine("    iifname \"wan\" ct state established,related accept\n    iifname \"wan\" drop");
        if (!kind.IsPublic && !kind.TakesStrays) script.AppendLine($"    ip daddr {publicAddress} meta l4proto udp drop"); // No hairpin, unless it is translated before it gets here.
        script.AppendLine("""
              }
              chain forward {
                type filter hook forward priority filter; policy accept;
                jump blocked
                ct state established,related accept
            """);
        if (!kind.IsPublic) script.AppendLine("    ct status dnat accept");
        if (!kind.IsPublic || kind.Filtering != NatFiltering.EndpointIndependent) script.AppendLine("    iifname \"wan\" meta nfproto ipv4 drop");
        if (firewallsIPv6) script.AppendLine("    iifname \"wan\" meta nfproto ipv6 drop");
        script.AppendLine("  }\n}");
    }

    private static void AppendNat(StringBuilder script, NatKind kind, string publicAddress)
    {
        script.AppendLine("table ip nat {");
        AppendMapping(script, kind, publicAddress);
        AppendFiltering(script, kind, publicAddress);
        script.AppendLine("}");
    }

    private static void AppendMapping(StringBuilder script, NatKind kind, string publicAddress)
    {
        if (kind.Mapping == NatMapping.EndpointIndependentRandom) AppendBindings(script, PortsOf(kind).Count);
        script.AppendLine("  chain source {\n    type nat hook postrouting priority srcnat; policy accept;");
        if (kind.Hairpins) script.AppendLine($"    oifname \"lan\" ip saddr {{ {LanRanges} }} ct status dnat meta l4proto udp {SourceRule(kind, $"snat ip to {publicAddress}")}");
        // Unlike snat, masquerade forgets its flows when its address goes.
        script.AppendLine($"    oifname \"wan\" meta l4proto udp {SourceRule(kind, IsChosenByKernel(kind) ? "masquerade" : $"snat ip to {publicAddress}")}");
        script.AppendLine("    oifname \"wan\" masquerade\n  }");
    }

    private static bool IsChosenByKernel(NatKind kind) => kind.Mapping is NatMapping.EndpointIndependent or NatMapping.EndpointDependent && kind.Ports is null;

    private static string SourceRule(NatKind kind, string translate) => kind.Mapping switch
    {
        NatMapping.EndpointIndependent => translate,
        NatMapping.EndpointIndependentRandom => $"meta mark set ip saddr . th sport map @binding {translate} : meta mark map {PortMap(kind)}",
        NatMapping.AddressDependent => $"{translate} : jhash ip saddr . ip daddr . th sport mod {PortsOf(kind).Count} seed 0x5eed map {PortMap(kind)}",
        NatMapping.Sequential => $"{translate} : numgen inc mod {PortsOf(kind).Count} map {PortMap(kind)}",
        _ => kind.Ports is { } ports ? $"{translate}:{ports} random" : $"{translate} fully-random",
    };

    /// <summary>A number used directly as a port comes out byte-swapped (nft 1.0.6); through a map it does not.</summary>
    private static string PortMap(NatKind kind) => $"{{ {string.Join(", ", PortsOf(kind).Select((port, i) => $"{i} : {port}"))} }}";

    private static List<int> PortsOf(NatKind kind)
    {
        int step = kind.Mapping == NatMapping.Sequential ? kind.Step : kind.Ports is null ? RandomPortStep : 1;
        int last = kind.Ports?.Last ?? ushort.MaxValue;
        List<int> ports = [];
        for (int port = kind.Ports?.First ?? FirstPort; port <= last && ports.Count < MaxPorts; port += step) ports.Add(port);
        return ports;
    }

    private static void AppendBindings(StringBuilder script, int ports) => script.AppendLine($$"""
          map binding {
            type ipv4_addr . inet_service : mark
            flags dynamic,timeout
            timeout {{BindingLifetime}}
            size 65536
          }
          chain bind {
            type filter hook postrouting priority srcnat - 10; policy accept;
            oifname "wan" meta l4proto udp update @binding { ip saddr . th sport : numgen random mod {{ports}} }
          }
        """);

    /// <summary>Lets others in through a mapping, by remembering, after source NAT, which public port leads to which host, and whom that port has sent to.</summary>
    private static void AppendFiltering(StringBuilder script, NatKind kind, string publicAddress)
    {
        bool isConntracks = kind.Filtering == NatFiltering.AddressAndPortDependent; // Conntrack's own way.
        if (isConntracks && !kind.Hairpins) return;

        bool byAddress = kind.Filtering == NatFiltering.AddressDependent;
        string permission = byAddress ? "udp dport . ip saddr @permission" : "meta l4proto udp";
        string permit = byAddress ? "oifname \"wan\" meta l4proto udp update @permission { ct reply proto-dst . ip daddr }" : "";
        string letIn = isConntracks ? "" : $"iifname \"wan\" {permission} dnat ip to udp dport map @external";
        string turnBack = kind.Hairpins ? $"iifname \"lan\" ip daddr {publicAddress} meta l4proto udp dnat ip to udp dport map @external" : "";
        script.AppendLine($$"""
              map external {
                type inet_service : ipv4_addr . inet_service
                flags dynamic,timeout
                timeout {{BindingLifetime}}
                size 65536
              }
              set permission {
                type inet_service . ipv4_addr
                flags dynamic,timeout
                timeout {{BindingLifetime}}
                size 65536
              }
              chain learn {
                type filter hook postrouting priority 150; policy accept;
                oifname "wan" meta l4proto udp update @external { ct reply proto-dst : ct original ip saddr . ct original proto-src }
                {{permit}}
              }
              chain destination {
                type nat hook prerouting priority dstnat; policy accept;
                {{letIn}}
                {{turnBack}}
              }
            """);
    }
}
