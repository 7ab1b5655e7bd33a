namespace Simulation;

/// <summary>How a site is built, from its hosts to the core of the network.</summary>
public sealed record SiteKind
{
    /// <summary>The IPv4 NAT or firewall of the site; null = its hosts have public addresses that anybody reaches.</summary>
    public NatKind? Nat { get; init; }

    /// <summary>The provider's NAT that the site's own stands behind; null = none.</summary>
    public NatKind? Carrier { get; init; }

    /// <summary>Says that its hosts have IPv4.</summary>
    public bool HasIpv4 { get; init; } = true;

    /// <summary>Says that its hosts have IPv6, with addresses of their own.</summary>
    public bool HasIpv6 { get; init; }

    /// <summary>The IPv6 firewall; null = none.</summary>
    public NatKind? Ipv6Firewall { get; init; }

    /// <summary>Says that the router opens a port to those who ask (PCP, NAT-PMP or UPnP).</summary>
    public bool OpensPorts { get; init; }

    /// <summary>The third number of its LAN's addresses, 192.168.N.x, where another site has the same; null = its own.</summary>
    public byte? Lan { get; init; }

    /// <summary>A public address.</summary>
    public static SiteKind Public { get; } = new();

    /// <summary>One NAT, IPv4 only.</summary>
    public static SiteKind Behind(NatKind? nat) => new() { Nat = nat };

    /// <summary>The site in one word or a few.</summary>
    public override string ToString() => string.Join(" ", Words());

    private IEnumerable<string> Words()
    {
        if (HasIpv4) yield return $"{(Nat is null ? "pub" : Nat.ToString())}{(Carrier is null ? "" : $" behind {Carrier}")}{(OpensPorts ? " opens ports" : "")}";
        if (HasIpv6) yield return $"{(HasIpv4 ? "and v6" : "v6 only")}{(Ipv6Firewall is null ? "" : $" {Ipv6Firewall}")}";
    }
}
