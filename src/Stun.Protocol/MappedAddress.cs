using System.Buffers.Binary;
using Addresses;

namespace Stun.Protocol;

/// <summary>
/// MAPPED-ADDRESS: zero (8 bits), family (8 bits: 1 IPv4, 2 IPv6), port (16), address (32 or 128), in the clear (RFC 8489 §14.1).
/// RESPONSE-ORIGIN and OTHER-ADDRESS (RFC 5780 §7.3, §7.4) and their classic forms SOURCE-ADDRESS and CHANGED-ADDRESS look the same.
/// </summary>
public static class MappedAddress
{
    internal const byte Ipv4Family = 1;
    internal const byte Ipv6Family = 2;
    internal const int Ipv4ValueLength = 8;
    internal const int Ipv6ValueLength = 20;

    /// <summary>Reads a value; false when family and length do not fit. An IPv4 address inside an IPv6 one comes out as IPv4.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, out TransportAddress address)
    {
        address = default;
        if (value.Length < Ipv4ValueLength) return false;

        byte family = value[1];
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(value[2..]);
        if (family == Ipv4Family && value.Length == Ipv4ValueLength)
        {
            address = TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(value[4..]), port);
            return true;
        }

        if (family != Ipv6Family || value.Length != Ipv6ValueLength) return false;
        address = TransportAddress.FromBytes16(value[4..], port);
        return true;
    }

    /// <summary>Appends an attribute of this form to a message. IPv4 is always family 1, never an IPv4-mapped IPv6 address.</summary>
    /// <param name="writer">The message.</param>
    /// <param name="type">Which attribute of this form.</param>
    /// <param name="address">The address it says.</param>
    public static void AddTo(ref StunMessageWriter writer, StunAttributeType type, TransportAddress address)
    {
        Span<byte> value = writer.Reserve(type, address.IsIpv4 ? Ipv4ValueLength : Ipv6ValueLength);
        value[1] = address.IsIpv4 ? Ipv4Family : Ipv6Family;
        BinaryPrimitives.WriteUInt16BigEndian(value[2..], address.Port);
        if (address.IsIpv4) BinaryPrimitives.WriteUInt32BigEndian(value[4..], address.Ipv4Bits);
        else BinaryPrimitives.WriteUInt128BigEndian(value[4..], address.Bits);
    }
}
