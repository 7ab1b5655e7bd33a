using Addresses;

namespace Simulation;

/// <summary>A site: hosts on one LAN, and what stands between them and the network. Without a NAT its hosts have public addresses.</summary>
public sealed class SimSite
{
    private const byte RouterHost = 2;

    private readonly SimWorld _world;
    private readonly SimLink _lan;
    private readonly List<SimNode> _hosts = [];

    /// <summary>Makes a site with IPv4 and one NAT.</summary>
    /// <param name="world">The world.</param>
    /// <param name="number">1 to 99: the NAT is 198.18.N.2, hosts are 192.168.N.x.</param>
    /// <param name="nat">The kind of NAT; null = none.</param>
    public SimSite(SimWorld world, byte number, NatKind? nat)
        : this(world, number, SiteKind.Behind(nat))
    {
    }

    /// <summary>Makes a site.</summary>
    /// <param name="world">The world.</param>
    /// <param name="number">1 to 99: the NAT is 198.18.N.2, hosts are 192.168.N.x and 2001:db8:N::x.</param>
    /// <param name="kind">How it is built.</param>
    /// <param name="carrier">The provider that it shares with other sites; null = it has its own, where it has one at all.</param>
    public SimSite(SimWorld world, byte number, SiteKind kind, SimCarrier? carrier = null)
    {
        _world = world;
        Number = number;
        Kind = kind;
        _lan = new SimLink(world);
        Carrier = carrier ?? (kind.Carrier is { } above ? new SimCarrier(world, number, above) : null);
        Outside = Carrier is null ? world : Carrier.Link;
        if (kind.Nat is { } nat) Nat = new SimNat(nat, RouterAddress(RouterHost), world.Random);
        if (kind.Ipv6Firewall is { } firewall) Ipv6Firewall = new SimNat(firewall, default, world.Random);
        Gateway = new SimGateway(world, _lan, Outside, Nat, Ipv6Firewall);
        _lan.Gateway = Gateway;
        if (Nat is { Kind.IsFirewall: false }) Outside.Attach(Nat.PublicAddress, Gateway);
    }

    /// <summary>The site's number.</summary>
    public byte Number { get; }

    /// <summary>How it is built.</summary>
    public SiteKind Kind { get; }

    /// <summary>The site's own NAT or IPv4 firewall; null = none.</summary>
    public SimNat? Nat { get; }

    /// <summary>The IPv6 firewall; null = none.</summary>
    public SimNat? Ipv6Firewall { get; }

    /// <summary>The provider whose NAT stands above the site's; null = none.</summary>
    public SimCarrier? Carrier { get; }

    /// <summary>The site's routers that keep tables, and its provider's.</summary>
    public IEnumerable<SimNat> Routers => new[] { Nat, Ipv6Firewall, Carrier?.Nat }.OfType<SimNat>();

    private ISimNetwork Outside { get; }

    private SimGateway Gateway { get; }

    private bool IsPublic => Nat is null || Nat.Kind.IsFirewall;

    /// <summary>The IPv4 address of the host with that number on this site.</summary>
    public TransportAddress AddressOf(byte host) => IsPublic ? RouterAddress(host) : TransportAddress.FromIpv4(0xc0a80000 | ((uint)(Kind.Lan ?? Number) << 8) | host, 0);

    /// <summary>The IPv6 address of the host with that number on this site.</summary>
    public TransportAddress Ipv6AddressOf(byte host) => TransportAddress.FromIpv6(((UInt128)0x20010db8 << 96) | ((UInt128)Number << 80) | host, 0);

    /// <summary>All addresses that the host with that number has on this site.</summary>
    public TransportAddress[] AddressesOf(byte host) => [.. Addresses(host)];

    /// <summary>A host comes, with its addresses.</summary>
    public void Attach(SimNode host, byte number)
    {
        _hosts.Add(host);
        foreach (TransportAddress address in Addresses(number)) Route(address, host);
    }

    /// <summary>A host goes.</summary>
    public void Detach(SimNode host, byte number)
    {
        _hosts.Remove(host);
        foreach (TransportAddress address in Addresses(number)) Route(address, null);
    }

    /// <summary>How often the router has started anew: a connection from before leads nowhere.</summary>
    public int Reboots { get; private set; }

    /// <summary>The router starts anew with another public address.</summary>
    public void Reboot(byte host)
    {
        Reboots++;
        Outside.Attach(Nat!.PublicAddress, null);
        Nat.Reboot(RouterAddress(host));
        Outside.Attach(Nat.PublicAddress, Gateway);
        foreach (SimNode node in _hosts) node.HandleRouterRebooted();
    }

    /// <summary>A host sends.</summary>
    public void Send(SimPacket packet) => _lan.Send(packet);

    /// <summary>Opens a port to everybody, where the router does so and its own address is one that the world can reach.</summary>
    /// <returns>The public end; not valid = none.</returns>
    public TransportAddress OpenPort(TransportAddress local) =>
        Kind.OpensPorts && Nat is { Kind: { IsFirewall: false, BlocksUdp: false } } && Carrier is null ? Nat.Open(local) : default;

    private IEnumerable<TransportAddress> Addresses(byte host)
    {
        if (Kind.HasIpv4) yield return AddressOf(host);
        if (Kind.HasIpv6) yield return Ipv6AddressOf(host);
    }

    private void Route(TransportAddress address, SimNode? host)
    {
        _lan.Attach(address, host);
        if (address.IsIpv6 || IsPublic) (address.IsIpv6 ? _world : Outside).Attach(address, host is null ? null : Gateway);
    }

    private TransportAddress RouterAddress(byte host) => Carrier is null ? TransportAddress.FromIpv4(0xc6120000 | ((uint)Number << 8) | host, 0) : Carrier.AddressOf(Number, host);
}

/// <summary>A provider's network behind its NAT (RFC 6598): the sites on it have addresses out of 100.64.0.0/10.</summary>
public sealed class SimCarrier
{
    /// <summary>Makes one.</summary>
    /// <param name="world">The world.</param>
    /// <param name="number">1 to 99: its NAT is 198.20.N.2.</param>
    /// <param name="nat">The kind of its NAT.</param>
    public SimCarrier(SimWorld world, byte number, NatKind nat)
    {
        Link = new SimLink(world);
        Nat = new SimNat(nat, TransportAddress.FromIpv4(0xc6140000 | ((uint)number << 8) | 2, 0), world.Random);
        Link.Gateway = new SimGateway(world, Link, world, Nat, null);
        world.Attach(Nat.PublicAddress, Link.Gateway);
    }

    /// <summary>Its NAT.</summary>
    public SimNat Nat { get; }

    /// <summary>The network inside.</summary>
    public SimLink Link { get; }

    /// <summary>The address of a site's router on it.</summary>
    public TransportAddress AddressOf(byte site, byte host) => TransportAddress.FromIpv4(0x64400000 | ((uint)site << 8) | host, 0);
}
