using System.Text;

namespace NatLab;

/// <summary>The nftables rules that make a router behave as a <see cref="NatKind"/>. Its interfaces are named <c>wan</c> and <c>lan</c>.</summary>
internal static class NatRules
{
    /// <summary>How many public ports an endpoint-independent NAT with random ports has. Small, because the kernel loads them as a table.</summary>
    private const int RandomPorts = 4096;

    private const int FirstRandomPort = 1024;
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
        // router itself: an accepted one would be confirmed by conntrack and take the port away from the host that sends next.
        script.AppendLine("""
            table inet filter {
              chain blocked {
              }
              chain input {
                type filter hook input priority filter; policy accept;
                meta l4proto ipv6-icmp accept
                iifname "wan" ct state established,related accept
                iifname "wan" drop
            """);
        if (!kind.IsPublic) script.AppendLine($"    ip daddr {publicAddress} meta l4proto udp drop"); // No hairpin.
        script.AppendLine("""
              }
              chain forward {
                type filter hook forward priority filter; policy accept;
                jump blocked
                ct state established,related accept
            """);
        if (!kind.IsPublic) script.AppendLine("    ct status dnat accept\n    iifname \"wan\" meta nfproto ipv4 drop");
        if (firewallsIPv6) script.AppendLine("    iifname \"wan\" meta nfproto ipv6 drop");
        script.AppendLine("  }\n}");
    }

    private static void AppendNat(StringBuilder script, NatKind kind, string publicAddress)
    {
        script.AppendLine("table ip nat {");
        AppendMapping(script, kind.Mapping, publicAddress);
        AppendFiltering(script, kind.Filtering);
        script.AppendLine("}");
    }

    private static void AppendMapping(StringBuilder script, NatMapping mapping, string publicAddress)
    {
        if (mapping == NatMapping.EndpointIndependentRandom) AppendBindings(script);
        script.AppendLine("  chain source {\n    type nat hook postrouting priority srcnat; policy accept;");
        if (mapping == NatMapping.EndpointIndependentRandom)
        {
            // A number used directly as a port comes out byte-swapped (nft 1.0.6); through a map it does not.
            string ports = string.Join(", ", Enumerable.Range(0, RandomPorts).Select(i => $"{i} : {FirstRandomPort + (i * RandomPortStep)}"));
            script.AppendLine($"    oifname \"wan\" meta l4proto udp meta mark set ip saddr . th sport map @binding snat ip to {publicAddress} : meta mark map {{ {ports} }}");
        }
        script.AppendLine($"    oifname \"wan\" masquerade{(mapping == NatMapping.EndpointDependent ? " fully-random" : "")}\n  }}");
    }

    private static void AppendBindings(StringBuilder script) => script.AppendLine($$"""
          map binding {
            type ipv4_addr . inet_service : mark
            flags dynamic,timeout
            timeout {{BindingLifetime}}
            size 65536
          }
          chain bind {
            type filter hook postrouting priority srcnat - 10; policy accept;
            oifname "wan" meta l4proto udp update @binding { ip saddr . th sport : numgen random mod {{RandomPorts}} }
          }
        """);

    /// <summary>Lets others in through a mapping, by remembering, after source NAT, which public port leads to which host, and whom that port has sent to.</summary>
    private static void AppendFiltering(StringBuilder script, NatFiltering filtering)
    {
        if (filtering == NatFiltering.AddressAndPortDependent) return; // Conntrack's own way.

        bool byAddress = filtering == NatFiltering.AddressDependent;
        string permission = byAddress ? "udp dport . ip saddr @permission" : "meta l4proto udp";
        string permit = byAddress ? "oifname \"wan\" meta l4proto udp update @permission { ct reply proto-dst . ip daddr }" : "";
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
                iifname "wan" {{permission}} dnat ip to udp dport map @external
              }
            """);
    }
}
