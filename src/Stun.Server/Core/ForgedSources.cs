using Addresses;

namespace Stun.Server.Core;

/// <summary>
/// Knows the sources that no honest host has. An answer to one would hit somebody who never asked, many at once, or ourselves.
/// </summary>
/// <param name="ownAddresses">All addresses of this server, with their ports: two servers must not talk to each other for ever.</param>
internal sealed class ForgedSources(IEnumerable<TransportAddress> ownAddresses)
{
    private readonly TransportAddress[] _ownAddresses = [.. ownAddresses];

    /// <summary>Says whether a source can only be forged.</summary>
    /// <param name="source">Where a datagram claims to come from.</param>
    /// <param name="local">Where it was sent to; <c>default</c> where that is not known.</param>
    public bool Contains(TransportAddress source, TransportAddress local)
    {
        if (!source.IsValid || source.Port == 0) return true;
        if (source.IsIpv4 ? IsForgedIpv4(source.Ipv4Bits) : IsForgedIpv6(source.Bits)) return true;
        if (IsLoopback(source) && local.IsValid && !IsLoopback(local)) return true; // Loopback does not come in by a wire.
        return IsOwn(source) || source.WithZone(0) == local;
    }

    /// <summary>Says whether a datagram to this address would come back to this server.</summary>
    public bool IsOwn(TransportAddress address)
    {
        foreach (TransportAddress own in _ownAddresses)
        {
            if (address.WithZone(0) == own) return true; // Our own are listed without a zone.
        }

        return false;
    }

    /// <summary>127.0.0.0/8 and ::1.</summary>
    public static bool IsLoopback(TransportAddress address) => address.IsIpv4 ? address.Ipv4Bits >> 24 == 127 : address.Bits == UInt128.One;

    /// <summary>0.0.0.0/8 (this network), 224.0.0.0/4 (multicast), 255.255.255.255 (broadcast).</summary>
    private static bool IsForgedIpv4(uint address) => address >> 24 == 0 || address >> 28 == 0xe || address == uint.MaxValue;

    /// <summary>:: (unspecified), ff00::/8 (multicast).</summary>
    private static bool IsForgedIpv6(UInt128 address) => address == 0 || (byte)(address >> 120) == 0xff;
}
