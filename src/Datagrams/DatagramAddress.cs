using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Addresses;

namespace Datagrams;

/// <summary>
/// The address of a datagram as Linux spells it: <c>sockaddr_in</c> (16 bytes) or <c>sockaddr_in6</c> (28 bytes). Kept in this form so that
/// an answer goes back to its source without a conversion, and with the scope of a link-local source.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = StorageLength)]
internal struct DatagramAddress
{
    public const int StorageLength = 32;
    public const int Ipv4Length = 16;
    public const int Ipv6Length = 28;

    private const ushort Ipv4Family = 2;
    private const ushort Ipv6Family = 10;
    private const ulong MappedPrefix = 0xffff_0000_0000; // The upper half of ::ffff:a.b.c.d is zero, the lower starts with ffff.

    [FieldOffset(0)] private ushort _family;
    [FieldOffset(2)] private ushort _networkPort;
    [FieldOffset(4)] private uint _networkIpv4;
    [FieldOffset(4)] private uint _flowInfo;
    [FieldOffset(8)] private ulong _networkUpper;
    [FieldOffset(16)] private ulong _networkLower;
    [FieldOffset(24)] private uint _scopeId;
    [FieldOffset(28)] private int _length; // Not part of the sockaddr.

    /// <summary>The length of the sockaddr in bytes; 0 while it names no address.</summary>
    public readonly int Length => _length;

    public readonly bool IsIpv4 => _family == Ipv4Family;

    /// <summary>Says whether this is an IPv4 address in the form of an IPv6 one: what is sent there leaves as IPv4.</summary>
    public readonly bool IsMappedIpv4 => _family == Ipv6Family && _networkUpper == 0 && (Swap(_networkLower) & ~0xffff_ffffUL) == MappedPrefix;

    public static DatagramAddress From(TransportAddress address)
    {
        DatagramAddress result = default;
        if (!address.IsValid) return result;

        result._networkPort = Swap(address.Port);
        if (address.IsIpv4)
        {
            result.SetIpv4(Swap(address.Ipv4Bits));
            return result;
        }

        result._family = Ipv6Family;
        result._networkUpper = Swap((ulong)(address.Bits >> 64));
        result._networkLower = Swap((ulong)address.Bits);
        result._scopeId = address.Zone;
        result._length = Ipv6Length;
        return result;
    }

    public readonly TransportAddress ToTransportAddress() => _length switch
    {
        0 => default,
        Ipv4Length => TransportAddress.FromIpv4(Swap(_networkIpv4), Swap(_networkPort)),
        _ => TransportAddress.FromIpv6(new UInt128(Swap(_networkUpper), Swap(_networkLower)), Swap(_networkPort)).WithZone(_scopeId),
    };

    public void SetPort(ushort port) => _networkPort = Swap(port);

    /// <summary>Takes the length that the kernel reports for an address it has written here.</summary>
    public void SetReceivedLength(int length) =>
        _length = (_family, length) switch
        {
            (Ipv4Family, >= Ipv4Length) => Ipv4Length,
            (Ipv6Family, >= Ipv6Length) => Ipv6Length,
            _ => 0,
        };

    /// <summary>Spells the address in the family of the socket it is to leave by, where that can be done.</summary>
    public void ConvertTo(bool ipv4)
    {
        if (_length == 0 || IsIpv4 == ipv4) return;
        if (!ipv4)
        {
            ulong mapped = MappedPrefix | Swap(_networkIpv4);
            _family = Ipv6Family;
            _flowInfo = 0;
            _networkUpper = 0;
            _networkLower = Swap(mapped);
            _scopeId = 0;
            _length = Ipv6Length;
            return;
        }

        if (IsMappedIpv4) SetIpv4(Swap((uint)Swap(_networkLower)));
    }

    /// <summary>Copies an address as the base library has it: the family apart, then everything behind the first two bytes as here.</summary>
    public void SetPortable(bool ipv4, ReadOnlySpan<byte> sockaddr)
    {
        this = default;
        sockaddr[2..Math.Min(sockaddr.Length, Ipv6Length)].CopyTo(MemoryMarshal.AsBytes(new Span<DatagramAddress>(ref this))[2..]);
        _family = ipv4 ? Ipv4Family : Ipv6Family;
        SetReceivedLength(sockaddr.Length);
    }

    /// <summary>Writes everything behind the family (the first two bytes), which platforms spell differently.</summary>
    public readonly void CopyBehindFamily(Span<byte> sockaddr) =>
        MemoryMarshal.AsBytes(new ReadOnlySpan<DatagramAddress>(in this))[2.._length].CopyTo(sockaddr[2..]);

    private void SetIpv4(uint networkAddress)
    {
        _family = Ipv4Family;
        _networkIpv4 = networkAddress;
        _networkUpper = 0; // sin_zero.
        _length = Ipv4Length;
    }

    private static ushort Swap(ushort value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static uint Swap(uint value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;

    private static ulong Swap(ulong value) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value;
}
