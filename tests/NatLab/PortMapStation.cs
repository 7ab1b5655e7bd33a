using System.Diagnostics;

namespace NatLab;

/// <summary>The gateway daemon miniupnpd on a site's router: it maps ports by PCP, NAT-PMP and UPnP, and makes IPv6 pinholes.</summary>
public sealed class PortMapStation
{
    public const string Program = "miniupnpd";

    private const int Port = 5351;
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(20);

    private readonly Lab _lab;
    private readonly string _configuration;
    private LabProcess? _program;

    private PortMapStation(Lab lab, Site site, string? external, string configuration)
    {
        _lab = lab;
        _configuration = configuration;
        Site = site;
        External = external;
    }

    /// <summary>The site.</summary>
    public Site Site { get; }

    /// <summary>The address it maps ports of; null where it maps none, because its own is reserved.</summary>
    public string? External { get; }

    /// <summary>
    /// Starts it, and waits until it listens. It serves no address of a reserved range, as all the lab's are, so it is given one that it takes, which
    /// the lab, out of which nothing leads, routes to this router. What it maps is open at that address alone: a real router has no other.
    /// </summary>
    /// <param name="lab">The lab.</param>
    /// <param name="site">The site.</param>
    /// <param name="external">That address; null leaves it with the router's own, and it tells everyone that there is a NAT in front of it.</param>
    /// <param name="igdVersion">The version of UPnP's gateway that it claims to be, 1 or 2.</param>
    public static async Task<PortMapStation> StartAsync(Lab lab, Site site, string? external = "8.8.4.1", int igdVersion = 2)
    {
        if (external is not null) await lab.RouteToAsync(site, external);
        await site.Router.IpAsync("route add 224.0.0.0/4 dev lan"); // Its announcements are for the LAN; by the default route they would leave by the other side.
        // What it lets in must pass before the router drops it, so its rules go into a chain of the router's own filter.
        await site.Router.NftAsync($$"""
            table inet filter {
              chain miniupnpd {
              }
            }
            insert rule inet filter forward jump miniupnpd
            table inet miniupnpd {
              chain elsewhere {
                type filter hook prerouting priority dstnat - 1; policy accept;
                iifname "wan" ip daddr {{site.PublicAddress}} meta l4proto udp ct state new drop
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
            {(external is null ? "" : $"ext_ip={external}")}
            listening_ip=lan
            http_port=0
            enable_natpmp=yes
            enable_upnp=yes
            secure_mode=yes
            system_uptime=no
            notify_interval=900
            min_lifetime=120
            max_lifetime=86400
            uuid=00000000-0000-0000-0000-0000000000{site.Number:x2}
            force_igd_desc_v1={(igdVersion == 1 ? "yes" : "no")}
            upnp_table_name=filter
            upnp_nat_table_name=miniupnpd
            upnp_forward_chain=miniupnpd
            upnp_nat_chain=prerouting
            upnp_nat_postrouting_chain=postrouting
            allow 1024-65535 192.168.0.0/16 1024-65535

            """);
        PortMapStation station = new(lab, site, external, configuration);
        await station.StartProgramAsync();
        return station;
    }

    /// <summary>Ends the daemon and starts it anew, as a restarted router would, without its mappings.</summary>
    public async Task RestartAsync()
    {
        if (_program is { } program) await program.DisposeAsync();
        await Site.Router.NftAsync("flush chain inet filter miniupnpd\nflush chain inet miniupnpd prerouting\nflush chain inet miniupnpd postrouting\n");
        await StartProgramAsync();
        _program?.Signal(UnixSignal.User1); // Has it announce itself; of its own accord it does so when its address changes.
    }

    /// <summary>Makes the router deaf to PCP, so that NAT-PMP and UPnP are left.</summary>
    public Task BlockPcpAsync() => Site.Router.NftAsync($"insert rule inet filter input iifname \"lan\" udp dport {Port} @th,64,8 0x02 drop\n");

    /// <summary>Makes the router deaf to PCP and NAT-PMP, so that UPnP is left.</summary>
    public Task BlockPortControlAsync() => Site.Router.NftAsync($"insert rule inet filter input iifname \"lan\" udp dport {Port} drop\n");

    /// <summary>The pinholes that it holds, as nftables prints them.</summary>
    public Task<string[]> PinholesAsync() => RulesAsync("filter", "miniupnpd", "@nh,192,128", "ip6 daddr"); // The address, spelled by one version or another.

    /// <summary>The translations that it holds, as nftables prints them.</summary>
    public Task<string[]> MappingsAsync() => RulesAsync("miniupnpd", "prerouting", "dnat");

    /// <summary>Waits until it holds so many mappings.</summary>
    /// <exception cref="LabException">It did not in time.</exception>
    public Task WaitForMappingsAsync(int count, TimeSpan timeout) => WaitAsync(MappingsAsync, count, timeout);

    /// <summary>Waits until it holds so many pinholes.</summary>
    /// <exception cref="LabException">It did not in time.</exception>
    public Task WaitForPinholesAsync(int count, TimeSpan timeout) => WaitAsync(PinholesAsync, count, timeout);

    private async Task WaitAsync(Func<Task<string[]>> read, int count, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        while (await read() is { } found && found.Length != count)
        {
            if (Stopwatch.GetElapsedTime(start) > timeout) throw new LabException($"{Site.Name}: {found.Length} mappings or pinholes, not {count}: {string.Join("; ", found)}");
            await Task.Delay(50);
        }
    }

    private async Task StartProgramAsync()
    {
        _program = _lab.Track(Site.Router.Start($"{Site.Name}:{Program}", [Program, "-d", "-f", _configuration, "-P", Path.ChangeExtension(_configuration, ".pid")]));
        await Site.Router.WaitForUdpAsync(Port, StartTimeout);
    }

    private async Task<string[]> RulesAsync(string table, string chain, params string[] words) =>
        [.. (await Site.Router.RunAsync("nft", "list", "chain", "inet", table, chain)).Split('\n').Where(line => words.Any(word => line.Contains(word, StringComparison.Ordinal))).Select(line => line.Trim())];
}
