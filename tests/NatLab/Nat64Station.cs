using System.Net;

namespace NatLab;

/// <summary>
/// Makes a site a network of IPv6 alone, as mobile carriers have them: tayga on its router translates to IPv4, the router's own NAT does the rest,
/// and its name server tells the prefix (RFC 7050). The prefix is the network's own: by the well-known one tayga leads to no reserved address, as
/// all the lab's are.
/// </summary>
public static class Nat64Station
{
    public const string Program = "tayga";

    private const string Interface = "nat64";
    private const string Pool = "192.168.255"; // What hosts have between the two translations; no LAN of the lab's.
    private static readonly string[] Ipv4OnlyArpa = ["192.0.0.170", "192.0.0.171"];

    /// <summary>The address by which hosts of the site reach an IPv4 address.</summary>
    public static string Translate(Site site, string ipv4)
    {
        byte[] translated = IPAddress.Parse(PrefixOf(site)).GetAddressBytes();
        IPAddress.Parse(ipv4).GetAddressBytes().CopyTo(translated, 12);
        return new IPAddress(translated).ToString();
    }

    /// <summary>Starts translator and name server, and takes the IPv4 address of the site's host away.</summary>
    public static async Task StartAsync(Lab lab, Site site)
    {
        lab.Track(new LabNameServer(site.Router, site.GatewayIPv6, [.. Ipv4OnlyArpa.Select(ipv4 => IPAddress.Parse(Translate(site, ipv4)))]));
        site.Host.Namespace.UseNameServer(site.GatewayIPv6);

        string configuration = Path.Combine(lab.Files, $"tayga-{site.Name}.conf");
        await File.WriteAllTextAsync(configuration, $"""
            tun-device {Interface}
            ipv4-addr {Pool}.1
            prefix {PrefixOf(site)}/96
            dynamic-pool {Pool}.0/24
            data-dir {lab.Files}

            """);
        await site.Router.RunAsync(Program, "--config", configuration, "--mktun");
        await site.Router.IpAsync($"link set dev {Interface} up", $"route add {Pool}.0/24 dev {Interface}", $"route add {PrefixOf(site)}/96 dev {Interface}");
        lab.Track(site.Router.Start($"{site.Name}:{Program}", [Program, "--config", configuration, "--nodetach"]));
        await site.Host.RunAsync("ip", "-4", "address", "flush", "dev", site.Host.Interface); // Its IPv4 routes go with it.
        await site.Host.Namespace.WaitForRouteAsync(Translate(site, Lab.ServerAddress));
    }

    private static string PrefixOf(Site site) => $"2001:db8:{site.Number:x}:64::";
}
