using System.Net;
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
        if (BindingOf(kind) is { } binding) AppendBindings(script, binding, PortsOf(kind).Count);
        script.AppendLine("  chain source {\n    type nat hook postrouting priority srcnat; policy accept;");
        if (kind.Hairpins) script.AppendLine($"    oifname \"lan\" ip saddr {{ {LanRanges} }} ct status dnat meta l4proto udp {SourceRule(kind, $"snat ip to {publicAddress}", publicAddress)}");
        // Unlike snat, masquerade forgets its flows when its address goes.
        script.AppendLine($"    oifname \"wan\" meta l4proto udp {SourceRule(kind, IsChosenByKernel(kind) ? "masquerade" : $"snat ip to {publicAddress}", publicAddress)}");
        script.AppendLine("    oifname \"wan\" masquerade\n  }");
    }

    private static bool IsChosenByKernel(NatKind kind) => kind.Mapping is NatMapping.EndpointIndependent or NatMapping.EndpointDependent && kind.Ports is null;

    private static string SourceRule(NatKind kind, string translate, string publicAddress) => kind.Mapping switch
    {
        NatMapping.EndpointIndependent => translate,
        NatMapping.EndpointIndependentRandom or NatMapping.AddressDependent =>
            $"meta mark set {BindingOf(kind)?.Key} map @binding {translate} : meta mark map {PortMap(Shuffled(PortsOf(kind), publicAddress))}",
        NatMapping.Sequential => $"{translate} : numgen inc mod {PortsOf(kind).Count} map {PortMap(PortsOf(kind))}",
        _ => kind.Ports is { } ports ? $"{translate}:{ports} random" : $"{translate} fully-random",
    };

    /// <summary>What has a binding of its own, in the words of a rule and as the type of a set; null where conntrack alone remembers.</summary>
    private static (string Key, string Type)? BindingOf(NatKind kind) => kind.Mapping switch
    {
        NatMapping.EndpointIndependentRandom => ("ip saddr . th sport", "ipv4_addr . inet_service"),
        NatMapping.AddressDependent => ("ip saddr . ip daddr . th sport", "ipv4_addr . ipv4_addr . inet_service"),
        _ => null,
    };

    /// <summary>A number used directly as a port comes out byte-swapped (nft 1.0.6); through a map it does not.</summary>
    private static string PortMap(IEnumerable<int> ports) => $"{{ {string.Join(", ", ports.Select((port, i) => $"{i} : {port}"))} }}";

    /// <summary>The ports in an order that looks like chance, another one for each router and always the same for one.</summary>
    private static int[] Shuffled(List<int> ports, string publicAddress)
    {
        int[] shuffled = [.. ports];
#pragma warning disable CA5394 // Nobody is to be kept from guessing.
        new Random(BitConverter.ToInt32(IPAddress.Parse(publicAddress).GetAddressBytes())).Shuffle(shuffled);
#pragma warning restore CA5394
        return shuffled;
    }

    private static List<int> PortsOf(NatKind kind)
    {
        int step = kind.Mapping == NatMapping.Sequential ? kind.Step : kind.Ports is null ? RandomPortStep : 1;
        int last = kind.Ports?.Last ?? ushort.MaxValue;
        List<int> ports = [];
        for (int port = kind.Ports?.First ?? FirstPort; port <= last && ports.Count < MaxPorts; port += step) ports.Add(port);
        return ports;
    }

    /// <summary>Gives each new binding the next of the shuffled ports: drawn by lot, two of a few dozen bindings would now and then get one port, as no real NAT does.</summary>
    private static void AppendBindings(StringBuilder script, (string Key, string Type) binding, int ports) => script.AppendLine($$"""
          map binding {
            type {{binding.Type}} : mark
            flags dynamic,timeout
            timeout {{BindingLifetime}}
            size 65536
          }
          chain bind {
            type filter hook postrouting priority srcnat - 10; policy accept;
            oifname "wan" meta l4proto udp ct state new update @binding { {{binding.Key}} : numgen inc mod {{ports}} }
            oifname "wan" meta l4proto udp ct state != new update @binding { {{binding.Key}} : numgen random mod {{ports}} } comment "refreshes"
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
