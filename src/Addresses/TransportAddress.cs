using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Addresses;

/// <summary>
/// An IP address and a port as one value (RFC 8489 §4, "transport address"). Equal by value, 32 bytes, never on the heap: it can key
/// a table on the packet path. IPv4 is kept apart from IPv6, and an IPv4-mapped IPv6 address is IPv4 from the moment it comes in.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct TransportAddress
{
    private const int Ipv6Length = 16;
    private const int LinkLocalPrefix = 0xfe80 >> 6; // fe80::/10: the first 10 bits.
    private static readonly UInt128 MappedPrefix = (UInt128)0xffff << 32;

    private readonly UInt128 _bits; // IPv4 in the ::ffff:a.b.c.d form, so one comparison serves both families.

    private TransportAddress(UInt128 bits, ushort port, bool isValid, uint zone = 0)
    {
        _bits = bits;
        Port = port;
        IsValid = isValid;
        Zone = zone;
    }

    /// <summary>The UDP or TCP port, 0 to 65535.</summary>
    public ushort Port { get; }

    /// <summary>False for <c>default</c>, which is no address at all.</summary>
    public bool IsValid { get; }

    /// <summary>Says whether the address is IPv4, also where it came in as an IPv4-mapped IPv6 address.</summary>
    public bool IsIpv4 => IsValid && _bits >> 32 == MappedPrefix >> 32;

    /// <summary>Says whether the address is IPv6 proper.</summary>
    public bool IsIpv6 => IsValid && !IsIpv4;

    /// <summary>Says whether the address is in fe80::/10: it means something on one link alone, and what it means depends on which.</summary>
    public bool IsIpv6LinkLocal => (int)(_bits >> 118) == LinkLocalPrefix;

    /// <summary>
    /// On which of this machine's links a link-local IPv6 address is meant: the zone index of RFC 4007 §6, which is the interface's index, and
    /// another machine's business never. 0 = not said. Always 0 for all other addresses.
    /// </summary>
    public uint Zone { get; }

    /// <summary>The 32 bits of an IPv4 address in host order. Only for <see cref="IsIpv4"/>.</summary>
    public uint Ipv4Bits => (uint)_bits;

    /// <summary>The 128 bits in host order; IPv4 in the form ::ffff:a.b.c.d.</summary>
    public UInt128 Bits => _bits;

    /// <summary>Makes an IPv4 transport address from 32 bits in host order.</summary>
    public static TransportAddress FromIpv4(uint address, ushort port) => new(MappedPrefix | address, port, true);

    /// <summary>Makes a transport address from the 128 bits of an IPv6 address in host order; IPv4-mapped becomes IPv4.</summary>
    public static TransportAddress FromIpv6(UInt128 address, ushort port) => new(address, port, true);

    /// <summary>Makes a transport address from 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (the form disco and DERP use).</summary>
    public static TransportAddress FromBytes16(ReadOnlySpan<byte> address, ushort port) =>
        new(BinaryPrimitives.ReadUInt128BigEndian(address[..Ipv6Length]), port, true);

    /// <summary>Makes a transport address from an address of the base library. A scope id is not kept: see <see cref="WithZone"/>.</summary>
    public static TransportAddress From(IPAddress address, int port)
    {
        Span<byte> bytes = stackalloc byte[Ipv6Length];
        address.TryWriteBytes(bytes, out int length);
        return length == 4
            ? FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(bytes), checked((ushort)port))
            : FromBytes16(bytes, checked((ushort)port));
    }

    /// <summary>Makes a transport address from an end point of the base library. A scope id is not kept.</summary>
    public static TransportAddress From(IPEndPoint endPoint) => From(endPoint.Address, endPoint.Port);

    /// <summary>Reads <c>192.0.2.1:3478</c> or <c>[2001:db8::1]:3478</c>; the port must be there. A zone is not kept.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TransportAddress address)
    {
        address = default;
        int colon = text.LastIndexOf(':');
        bool isBracketed = text.Length > 0 && text[0] == '[';
        if (colon <= 0 || (isBracketed ? text[colon - 1] != ']' : text[..colon].Contains(':'))) return false;
        if (!ushort.TryParse(text[(colon + 1)..], System.Globalization.NumberStyles.None, null, out ushort port)) return false;

        ReadOnlySpan<char> host = isBracketed ? text[1..(colon - 1)] : text[..colon];
        if (!IPAddress.TryParse(host, out IPAddress? ip)) return false;
        if ((ip.AddressFamily == AddressFamily.InterNetworkV6) != isBracketed) return false;
        if (!isBracketed && !DottedDecimal.IsWritten(host)) return false;

        address = From(ip, port);
        return true;
    }

    /// <summary>Writes the address as 16 bytes in network order, IPv4 as ::ffff:a.b.c.d. The zone is not among them.</summary>
    public void WriteBytes16(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, _bits);

    /// <summary>The same address with another port.</summary>
    public TransportAddress WithPort(ushort port) => new(_bits, port, IsValid, Zone);

    /// <summary>The same address on that link of this machine; 0 = on no link in particular. What is not IPv6 link-local stays as it is.</summary>
    public TransportAddress WithZone(uint zone) => IsIpv6LinkLocal ? new(_bits, Port, IsValid, zone) : this;

    /// <summary>The address alone, with its zone, as the base library has it. Allocates.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[Ipv6Length];
        WriteBytes16(bytes);
        return IsIpv4 ? new IPAddress(bytes[12..]) : new IPAddress(bytes, Zone);
    }

    /// <summary>The transport address as the base library has it. Allocates.</summary>
    public IPEndPoint ToIPEndPoint() => new(ToIPAddress(), Port);

    /// <summary>The usual text form: <c>192.0.2.1:3478</c>, <c>[2001:db8::1]:3478</c>, <c>[fe80::1%2]:3478</c>.</summary>
    public override string ToString() => !IsValid ? "none" : IsIpv4 ? $"{ToIPAddress()}:{Port}" : $"[{ToIPAddress()}]:{Port}";
}
