namespace Addresses;

/// <summary>How far an address reaches, as far as a path between two nodes is concerned (RFC 6890 and the registries it names).</summary>
public enum AddressScope
{
    /// <summary>No destination: unspecified, multicast, broadcast, reserved or withdrawn.</summary>
    Unusable,

    /// <summary>127.0.0.0/8 and ::1: this machine.</summary>
    Loopback,

    /// <summary>169.254.0.0/16 and fe80::/10: this link. Cloud metadata services live here too.</summary>
    LinkLocal,

    /// <summary>RFC 1918, RFC 6598 (100.64.0.0/10), 192.0.0.0/24 and fc00::/7: a private network.</summary>
    Private,

    /// <summary>Everything else.</summary>
    Global,
}

/// <summary>Tells how far an address reaches, whatever form it is written in.</summary>
public static class AddressScopes
{
    private static readonly (IpPrefix Range, AddressScope Scope)[] Ranges = Parse(
        ("0.0.0.0/8", AddressScope.Unusable),
        ("10.0.0.0/8", AddressScope.Private),
        ("100.64.0.0/10", AddressScope.Private),
        ("127.0.0.0/8", AddressScope.Loopback),
        ("169.254.0.0/16", AddressScope.LinkLocal),
        ("172.16.0.0/12", AddressScope.Private),
        ("192.0.0.0/24", AddressScope.Private), // Inside a host or a router: a provider's translation of IPv4 (464XLAT, RFC 7335; DS-Lite, RFC 6333).
        ("192.168.0.0/16", AddressScope.Private),
        ("224.0.0.0/3", AddressScope.Unusable), // Multicast, reserved, broadcast.
        ("::1/128", AddressScope.Loopback),
        ("100::/64", AddressScope.Unusable), // Where packets are discarded (RFC 6666).
        ("fe80::/10", AddressScope.LinkLocal),
        ("fec0::/10", AddressScope.Unusable), // Site-local, withdrawn by RFC 3879.
        ("fc00::/7", AddressScope.Private),
        ("ff00::/8", AddressScope.Unusable));

    private static readonly IpPrefix Teredo = ParseOne("2001::/32");
    private static readonly IpPrefix Ipv4Compatible = ParseOne("::/96");
    private static readonly IpPrefix Ipv4Translated = ParseOne("::ffff:0:0:0/96");
    private static readonly IpPrefix Nat64 = ParseOne("64:ff9b::/96");
    private static readonly IpPrefix LocalNat64 = ParseOne("64:ff9b:1::/48"); // RFC 8215: it means something in one network alone.
    private static readonly IpPrefix SixToFour = ParseOne("2002::/16");

    private const uint IsatapPrivate = 0x0000_5efe; // The upper half of the interface identifier (RFC 5214 §6.1).
    private const uint IsatapGlobal = 0x0200_5efe;

    /// <summary>How far <paramref name="address"/> reaches. An IPv4 address inside an IPv6 one counts as that IPv4 address.</summary>
    public static AddressScope ScopeOf(TransportAddress address)
    {
        if (!address.IsValid) return AddressScope.Unusable;
        foreach ((IpPrefix range, AddressScope scope) in Ranges)
        {
            if (range.Contains(address)) return scope;
        }

        if (address.IsIpv4) return AddressScope.Global;
        if (Teredo.Contains(address) || Ipv4Compatible.Contains(address) || LocalNat64.Contains(address)) return AddressScope.Unusable;
        return EmbeddedIn(address) is { IsValid: true } ipv4 ? ScopeOf(ipv4) : AddressScope.Global;
    }

    /// <summary>
    /// The IPv4 address that packets to an IPv6 address end at: NAT64 (RFC 6052), 6to4 (RFC 3056), ISATAP (RFC 5214). Not valid = there is none.
    /// </summary>
    public static TransportAddress EmbeddedIn(TransportAddress address)
    {
        if (!address.IsIpv6) return default;
        if (Nat64.Contains(address) || Ipv4Translated.Contains(address)) return TransportAddress.FromIpv4((uint)address.Bits, address.Port);
        if (SixToFour.Contains(address)) return TransportAddress.FromIpv4((uint)(address.Bits >> 80), address.Port);
        bool isIsatap = (uint)(address.Bits >> 32) is IsatapPrivate or IsatapGlobal;
        return isIsatap ? TransportAddress.FromIpv4((uint)address.Bits, address.Port) : default;
    }

    private static (IpPrefix, AddressScope)[] Parse(params (string Text, AddressScope Scope)[] ranges) =>
        Array.ConvertAll(ranges, range => (ParseOne(range.Text), range.Scope));

    private static IpPrefix ParseOne(string text) =>
        IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
