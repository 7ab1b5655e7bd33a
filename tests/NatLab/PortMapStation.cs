using System.Diagnostics;

namespace NatLab;

/// <summary>The gateway daemon miniupnpd on a site's router: it maps ports by PCP and NAT-PMP, in an nftables table of its own.</summary>
/// <param name="Site">The site.</param>
/// <param name="External">The address it maps ports of.</param>
public sealed record PortMapStation(Site Site, string External)
{
    public const string Program = "miniupnpd";

    private const int Port = 5351;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Starts it, and waits until it listens. It serves no address of a reserved range, as all the lab's are, so it is given one that it takes, which
    /// the lab, out of which nothing leads, routes to this router.
    /// </summary>
    public static async Task<PortMapStation> StartAsync(Lab lab, Site site, string external = "8.8.4.1")
    {
        await lab.RouteToAsync(site, external);
        await site.Router.NftAsync("""
            table inet miniupnpd {
              chain forward {
                type filter hook forward priority filter + 10; policy accept;
              }
              chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
              }
              chain postrouting {
                type nat hook postrouting priority srcnat + 10; policy accept;
              }
            }
            """);
        string configuration = Path.Combine(lab.Files, $"miniupnpd-{site.Name}.conf");
        await File.WriteAllTextAsync(configuration, $"""
            ext_ifname=wan
            ext_ip={external}
            listening_ip=lan
            http_port=0
            enable_natpmp=yes
            enable_upnp=no
            secure_mode=yes
            min_lifetime=120
            max_lifetime=86400
            uuid=00000000-0000-0000-0000-000000000000
            upnp_table_name=miniupnpd
            upnp_nat_table_name=miniupnpd
            upnp_forward_chain=forward
            upnp_nat_chain=prerouting
            upnp_nat_postrouting_chain=postrouting
            allow 1024-65535 192.168.0.0/16 1024-65535

            """);
        lab.Track(site.Router.Start($"{site.Name}:{Program}", [Program, "-d", "-f", configuration, "-P", Path.Combine(lab.Files, $"miniupnpd-{site.Name}.pid")]));
        await site.Router.WaitForUdpAsync(Port, StartTimeout);
        return new PortMapStation(site, external);
    }

    /// <summary>Makes the router deaf to PCP, so that NAT-PMP is left.</summary>
    public Task BlockPcpAsync() => Site.Router.NftAsync($"insert rule inet filter input iifname \"lan\" udp dport {Port} @th,64,8 0x02 drop\n");

    /// <summary>The translations that it holds, as nftables prints them.</summary>
    public async Task<string[]> MappingsAsync() =>
        [.. (await Site.Router.RunAsync("nft", "list", "chain", "inet", "miniupnpd", "prerouting")).Split('\n').Where(line => line.Contains("dnat", StringComparison.Ordinal)).Select(line => line.Trim())];

    /// <summary>Waits until it holds so many.</summary>
    /// <exception cref="LabException">It did not in time.</exception>
    public async Task WaitForMappingsAsync(int count, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        while (await MappingsAsync() is { } found && found.Length != count)
        {
            if (Stopwatch.GetElapsedTime(start) > timeout) throw new LabException($"{Site.Name}: {found.Length} mappings, not {count}: {string.Join("; ", found)}");
            await Task.Delay(50);
        }
    }
}
