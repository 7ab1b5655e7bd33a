using Addresses;

namespace Stun.Server.Core;

/// <summary>Who a source is counted with: the /24 of an IPv4 address, the /56 of an IPv6 address. One subscriber has the latter at least.</summary>
/// <param name="Value">The prefix's bits, and below them its family. Never 0, and the lowest byte has room for a mark.</param>
internal readonly record struct SourcePrefix(ulong Value)
{
    private const ulong Ipv4Bit = 1;
    private const ulong Ipv6Bit = 2;

    /// <summary>The prefix of a source.</summary>
    public static SourcePrefix Of(TransportAddress source) => new(source.IsIpv4
        ? ((ulong)(source.Ipv4Bits >> 8) << 8) | Ipv4Bit
        : ((ulong)(source.Bits >> 72) << 8) | Ipv6Bit);
}
