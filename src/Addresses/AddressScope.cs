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

    /// <summary>RFC 1918, RFC 6598 (100.64.0.0/10) and fc00::/7: a private network.</summary>
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
        ("192.168.0.0/16", AddressScope.Private),
        ("224.0.0.0/3", AddressScope.Unusable), // Multicast, reserved, broadcast.
        ("::1/128", AddressScope.Loopback),
        ("fe80::/10", AddressScope.LinkLocal),
        ("fec0::/10", AddressScope.Unusable), // Site-local, withdrawn by RFC 3879.
        ("fc00::/7", AddressScope.Private),
        ("ff00::/8", AddressScope.Unusable));

    private static readonly IpPrefix Teredo = ParseOne("2001::/32");
    private static readonly IpPrefix Ipv4Compatible = ParseOne("::/96");
    private static readonly IpPrefix Ipv4Translated = ParseOne("::ffff:0:0:0/96");
    private static readonly IpPrefix Nat64 = ParseOne("64:ff9b::/96");
    private static readonly IpPrefix LocalNat64 = ParseOne("64:ff9b:1::/48");
    private static readonly IpPrefix SixToFour = ParseOne("2002::/16");

    // ISATAP (RFC 5214 §6.1): the upper half of the interface id is 0000:5efe, or 0200:5efe where the IPv4 address is globally unique.
    private const uint IsatapMask = 0xfdffffff;
    private const uint IsatapId = 0x00005efe;

    /// <summary>How far <paramref name="address"/> reaches. An IPv4 address inside an IPv6 one counts as that IPv4 address.</summary>
    public static AddressScope ScopeOf(TransportAddress address)
    {
        if (!address.IsValid) return AddressScope.Unusable;
        foreach ((IpPrefix range, AddressScope scope) in Ranges)
        {
            if (range.Contains(address)) return scope;
        }

        if (address.IsIpv4) return AddressScope.Global;
        if (Teredo.Contains(address) || Ipv4Compatible.Contains(address)) return AddressScope.Unusable;
        return TryReadEmbedded(address, out TransportAddress embedded) ? ScopeOf(embedded) : AddressScope.Global;
    }

    /// <summary>Reads the IPv4 address that an IPv6 one leads to: NAT64 (RFC 6052, RFC 8215), 6to4, ISATAP, and the older forms.</summary>
    /// <returns>False where it leads to none. An IPv4-mapped address is IPv4 from the start and has none inside.</returns>
    public static bool TryReadEmbedded(TransportAddress address, out TransportAddress embedded)
    {
        embedded = default;
        if (!address.IsIpv6) return false;
        bool isIsatap = ((uint)(address.Bits >> 32) & IsatapMask) == IsatapId;
        if (SixToFour.Contains(address)) embedded = TransportAddress.FromIpv4((uint)(address.Bits >> 80), address.Port);
        else if (isIsatap || Nat64.Contains(address) || LocalNat64.Contains(address) || Ipv4Translated.Contains(address) || Ipv4Compatible.Contains(address)) embedded = TransportAddress.FromIpv4((uint)address.Bits, address.Port);
        return embedded.IsValid;
    }

    private static (IpPrefix, AddressScope)[] Parse(params (string Text, AddressScope Scope)[] ranges) =>
        Array.ConvertAll(ranges, range => (ParseOne(range.Text), range.Scope));

    private static IpPrefix ParseOne(string text) =>
        IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
