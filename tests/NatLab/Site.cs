using System.Globalization;

namespace NatLab;

/// <summary>What IPv6 a site has.</summary>
public enum IPv6Access
{
    /// <summary>None at all.</summary>
    None,

    /// <summary>Global addresses, and a router that only lets in what belongs to a flow from inside.</summary>
    Firewalled,

    /// <summary>Global addresses, and no filter.</summary>
    Open,
}

/// <summary>A router with a NAT of its own, and the hosts behind it on one LAN.</summary>
public sealed class Site
{
    private const int FirstHost = 10; // 192.168.i.10, as an ordinary router's DHCP would begin.
    private const int MaxHosts = 200;

    private readonly Lab _lab;
    private readonly int _number;
    private readonly IPv6Access _ipv6;
    private readonly TimeSpan _delay;
    private readonly List<LabHost> _hosts = [];
    private int _addressesGiven;

    internal Site(Lab lab, string name, int number, NatKind kind, IPv6Access ipv6, TimeSpan delay)
    {
        _lab = lab;
        _number = number;
        _ipv6 = ipv6;
        _delay = delay;
        Name = name;
        Kind = kind;
        Router = lab.NamespaceOf($"{name}-nat");
        Carrier = kind.Carrier is null ? null : lab.NamespaceOf($"{name}-cgn");
    }

    public string Name { get; }
    public NatKind Kind { get; }

    /// <summary>The router, for rules and questions of a test's own.</summary>
    public NetworkNamespace Router { get; }

    /// <summary>The carrier's router in front of it; null where there is none.</summary>
    public NetworkNamespace? Carrier { get; }

    /// <summary>The site's address on the public side: the router's, or that of the carrier's.</summary>
    public string PublicAddress => $"198.18.{_number}.2";

    /// <summary>The router's address on the LAN.</summary>
    public string Gateway => $"{Lan}.1";

    /// <summary>The router's IPv6 address on the LAN.</summary>
    public string GatewayIPv6 => $"{LanIPv6}:1";

    /// <summary>The site's first host.</summary>
    public LabHost Host => _hosts[0];

    /// <summary>The site's number: a part of its addresses.</summary>
    public int Number => _number;

    internal string CoreInterface => $"{Name}-wan";
    private string RouterAddress => Carrier is null ? PublicAddress : $"100.64.{_number}.10";
    private string Lan => Kind.IsPublic ? $"198.18.{_number + 100}" : $"192.168.{_number}";
    private string LanIPv6 => $"2001:db8:{_number:x}:1:";

    /// <summary>Adds a host to the LAN.</summary>
    /// <param name="name">Its name, part of interface names: short.</param>
    /// <param name="delay">From the host to the router, one way, up to ten seconds; zero = none. A host at a long cable stays where it is.</param>
    public async Task<LabHost> AddHostAsync(string name, TimeSpan delay = default)
    {
        LabHost host = new(_lab, name, _lab.NamespaceOf(name)) { CableDelay = delay };
        await Lab.CreateNamespaceAsync(host.Namespace, forwards: false);
        await ConnectAsync(host);
        _hosts.Add(host);
        return host;
    }

    /// <summary>Drops every UDP packet that the router would forward, and only those.</summary>
    public Task BlockUdpAsync() => Router.NftAsync("add rule inet filter blocked meta l4proto udp drop\n");

    /// <summary>Drops every packet that the router would forward: what the router itself offers is the only way out.</summary>
    public Task BlockAllAsync() => Router.NftAsync("add rule inet filter blocked drop\n");

    /// <summary>Lets UDP pass again.</summary>
    public Task UnblockUdpAsync() => Router.NftAsync("flush chain inet filter blocked\n");

    /// <summary>Forgets every flow, as a router does that starts anew; conntrack remembers those of a fixed address even where the interface was down.</summary>
    public Task ForgetFlowsAsync() => Router.RunAsync("conntrack", "-F");

    /// <summary>Has the router start anew: for so long its outer side is down, and what it knew of flows and bindings is gone. Its hosts notice nothing but silence.</summary>
    public async Task RebootAsync(TimeSpan downtime)
    {
        if (Carrier is not null || _ipv6 != IPv6Access.None) throw new LabException("a router that starts anew has neither a carrier's NAT before it nor IPv6 here");
        await Router.IpAsync("link set dev wan down");
        await Router.NftAsync(NatRules.ForRouter(Kind, RouterAddress, firewallsIPv6: false));
        await ForgetFlowsAsync();
        await Task.Delay(downtime);
        await Router.IpAsync("link set dev wan up", $"route replace default via {RouterAddress[..RouterAddress.LastIndexOf('.')]}.1");
    }

    internal async Task BuildAsync(NetworkNamespace core)
    {
        await Lab.CreateNamespaceAsync(Router, forwards: true);
        if (Carrier is null) await LayUplinkAsync(core, Router);
        else await BuildCarrierAsync(core, Carrier, Kind.Carrier!);
        await core.IpAsync([
            $"addr add 198.18.{_number}.1/24 dev {CoreInterface}",
            $"addr add 2001:db8:ffff:{_number:x}::1/64 dev {CoreInterface} nodad",
            $"route add 2001:db8:{_number:x}::/48 via 2001:db8:ffff:{_number:x}::2",
            .. Kind.IsPublic ? new[] { $"route add {Lan}.0/24 via {PublicAddress}" } : [],
        ]);
        await Router.IpAsync(
            "link add lan type bridge", $"addr add {Lan}.1/24 dev lan", $"addr add {LanIPv6}:1/64 dev lan nodad",
            $"addr add {RouterAddress}/24 dev wan", $"addr add 2001:db8:ffff:{_number:x}::2/64 dev wan nodad",
            $"route add default via {RouterAddress[..RouterAddress.LastIndexOf('.')]}.1", $"route add ::/0 via 2001:db8:ffff:{_number:x}::1");
        core.AskNeighboursOften();
        Carrier?.AskNeighboursOften();
        await Router.NftAsync(NatRules.ForRouter(Kind, RouterAddress, _ipv6 == IPv6Access.Firewalled));
    }

    /// <summary>Joins the outer router to the core.</summary>
    private Task LayUplinkAsync(NetworkNamespace core, NetworkNamespace outer) => LayCableAsync(core, CoreInterface, outer, "wan", $"{Name}-up", _delay);

    /// <summary>Joins two namespaces by a cable, or by a long one of that name.</summary>
    private Task LayCableAsync(NetworkNamespace one, string interfaceOfOne, NetworkNamespace other, string interfaceOfOther, string name, TimeSpan delay) =>
        delay == TimeSpan.Zero
            ? Lab.LayCableAsync(one, interfaceOfOne, other, interfaceOfOther)
            : LongCable.LayAsync(_lab, name, one, interfaceOfOne, other, interfaceOfOther, delay);

    /// <summary>Puts a second NAT between the core and the router, which then has an address of the carrier's own (RFC 6598).</summary>
    private async Task BuildCarrierAsync(NetworkNamespace core, NetworkNamespace carrier, NatKind kind)
    {
        if (_ipv6 != IPv6Access.None) throw new LabException("a site behind a carrier's NAT has no IPv6 here");
        await Lab.CreateNamespaceAsync(carrier, forwards: true);
        await LayUplinkAsync(core, carrier);
        await Lab.LayCableAsync(carrier, "lan", Router, "wan");
        await carrier.IpAsync(
            $"addr add {PublicAddress}/24 dev wan", $"addr add 100.64.{_number}.1/24 dev lan", $"route add default via 198.18.{_number}.1");
        await carrier.NftAsync(NatRules.ForRouter(kind, PublicAddress, firewallsIPv6: false));
    }

    /// <summary>Plugs a host's cable into this LAN and gives it a new address.</summary>
    internal Task ConnectAsync(LabHost host)
    {
        if (_addressesGiven == MaxHosts) throw new LabException($"site {Name} has given {MaxHosts} addresses, all it has");
        return ConnectAsync(host, FirstHost + _addressesGiven++);
    }

    /// <summary>Plugs in again the cable of a host that was here, and gives it the address that it had.</summary>
    internal Task ReconnectAsync(LabHost host) => ConnectAsync(host, int.Parse(host.Address[(host.Address.LastIndexOf('.') + 1)..], CultureInfo.InvariantCulture));

    private async Task ConnectAsync(LabHost host, int number)
    {
        string plug = host.Interface;
        await LayCableAsync(Router, $"p-{host.Name}", host.Namespace, plug, $"{host.Name}-wire", host.CableDelay);
        await Router.IpAsync($"link set dev p-{host.Name} master lan", "link set dev lan up"); // A bridge with a port has a carrier at once.
        List<string> lines = [$"addr add {Lan}.{number}/24 dev {plug}", $"route add default via {Lan}.1"];
        if (_ipv6 != IPv6Access.None) lines.InsertRange(1, [$"addr add {LanIPv6}:{number:x}/64 dev {plug} nodad"]);
        if (_ipv6 != IPv6Access.None) lines.Add($"route add ::/0 via {LanIPv6}:1");
        await host.Namespace.IpAsync(lines);
        Router.AskNeighboursOften();
        host.Namespace.AskNeighboursOften();
        TimeSpan roundTrip = 2 * (_delay + host.CableDelay);
        await host.Namespace.WaitForRouteAsync(Lab.ServerAddress, roundTrip);
        if (_ipv6 != IPv6Access.None) await host.Namespace.WaitForRouteAsync(Lab.ServerAddressIPv6, roundTrip);
        host.Connected(this, $"{Lan}.{number}", _ipv6 == IPv6Access.None ? null : $"{LanIPv6}:{number:x}");
    }
}
