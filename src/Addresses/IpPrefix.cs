using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Addresses;

/// <summary>A range of addresses: <c>10.0.0.0/8</c>, <c>2001:db8::/32</c>. IPv4 and IPv6 ranges never contain each other's addresses.</summary>
public readonly record struct IpPrefix
{
    private const int Ipv4Offset = 96; // IPv4 is compared in its ::ffff:a.b.c.d form.

    private readonly UInt128 _network;
    private readonly UInt128 _mask;

    private IpPrefix(UInt128 network, UInt128 mask, int length, bool isIpv4)
    {
        _network = network;
        _mask = mask;
        Length = length;
        IsIpv4 = isIpv4;
    }

    /// <summary>The number of leading bits that are fixed: 0 to 32 for IPv4, 0 to 128 for IPv6.</summary>
    public int Length { get; }

    /// <summary>Says whether this is a range of IPv4 addresses.</summary>
    public bool IsIpv4 { get; }

    /// <summary>The first address of the range, with port 0.</summary>
    public TransportAddress First => TransportAddress.FromIpv6(_network, 0);

    /// <summary>Makes the range of <paramref name="address"/>'s first <paramref name="length"/> bits; further bits are cleared.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The length is negative or longer than the address.</exception>
    public static IpPrefix Create(IPAddress address, int length)
    {
        TransportAddress value = TransportAddress.From(address, 0);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, value.IsIpv4 ? 32 : 128);

        int fixedBits = value.IsIpv4 ? Ipv4Offset + length : length;
        UInt128 mask = fixedBits == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - fixedBits);
        return new IpPrefix(value.Bits & mask, mask, length, value.IsIpv4);
    }

    /// <summary>Reads <c>10.0.0.0/8</c>; an address without a length is a range of one. Host bits are cleared, as wg does. No range has a zone.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out IpPrefix prefix)
    {
        prefix = default;
        int slash = text.IndexOf('/');
        ReadOnlySpan<char> host = slash < 0 ? text : text[..slash];
        if (host.Contains('%') || !IPAddress.TryParse(host, out IPAddress? address)) return false;

        bool isIpv4 = address.AddressFamily == AddressFamily.InterNetwork;
        if (isIpv4 && !DottedDecimal.IsWritten(host)) return false;
        int longest = isIpv4 ? 32 : 128;
        int length = longest;
        if (slash >= 0 && !int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out length)) return false;
        if (length > longest) return false;

        if (address.IsIPv4MappedToIPv6)
        {
            if (length < Ipv4Offset) return false; // A range that mixes the families.
            address = address.MapToIPv4();
            length -= Ipv4Offset;
        }

        prefix = Create(address, length);
        return true;
    }

    /// <summary>Says whether the address lies in this range. The port does not matter.</summary>
    public bool Contains(TransportAddress address) => address.IsValid && address.IsIpv4 == IsIpv4 && (address.Bits & _mask) == _network;

    /// <inheritdoc/>
    public override string ToString() => $"{TransportAddress.FromIpv6(_network, 0).ToIPAddress()}/{Length}";
}
