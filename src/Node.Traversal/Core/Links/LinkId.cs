using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Addresses;

namespace Node.Traversal.Core.Links;

/// <summary>
/// Names a link by its router, which all nodes on it know and few others: so two peers find out that they share one. 16 bits of a hash, and
/// so short on purpose. A link-layer address tells where in the world a router stands, and there are databases of that; of some 2^36 that are
/// likely, a million have the same 16 bits. That two links have the same by chance (one in 65 536), or that a peer pretends, has it tried at
/// four addresses in vain: the id is a hint, and checks decide.
/// </summary>
internal static class LinkId
{
    /// <summary>Addresses of routers that are set by hand (fe80::1, fe80::1:1) have no more bits than this behind the prefix, and are the same in many places.</summary>
    private const int HandmadeBits = 32;

    /// <summary>By an IPv4 router: its address and its link-layer address, for its address alone is that of a million others.</summary>
    /// <param name="router">The router.</param>
    /// <param name="linkAddress">Its link-layer address, in lower-case hexadecimal with colons.</param>
    public static ushort OfRouter(TransportAddress router, string linkAddress) => Hash(string.Create(CultureInfo.InvariantCulture, $"link 1\n{router.ToIPAddress()}\n{linkAddress}"));

    /// <summary>
    /// By an IPv6 router: its link-local address, made of its link-layer address or of random bits; where it was set by hand, together with
    /// each prefix of the link that is nobody else's. None where nothing tells it from others.
    /// </summary>
    /// <param name="router">The router.</param>
    /// <param name="prefixes">The prefixes of the link.</param>
    public static IEnumerable<ushort> OfRouter(TransportAddress router, IEnumerable<IpPrefix> prefixes)
    {
        string name = router.WithZone(0).ToIPAddress().ToString();
        if ((ulong)router.Bits >> HandmadeBits != 0) return [Hash($"link 1\n{name}")];
        return prefixes.Where(IsUnique).Select(prefix => Hash($"link 1\n{name}\n{prefix}"));
    }

    /// <summary>Given out by a registry, or drawn at random (RFC 4193 §3.2.2; fd00::/64 was not).</summary>
    private static bool IsUnique(IpPrefix prefix) => AddressScopes.ScopeOf(prefix.First) switch
    {
        AddressScope.Global => true,
        AddressScope.Private => ((ulong)(prefix.First.Bits >> 80) & 0xff_ffff_ffff) != 0, // The 40 bits behind fd00::/8.
        _ => false,
    };

    private static ushort Hash(string text) => BinaryPrimitives.ReadUInt16BigEndian(SHA256.HashData(Encoding.ASCII.GetBytes(text)));
}
