using System.Buffers.Binary;
using Addresses;

namespace Stun.Protocol;

/// <summary>
/// XOR-MAPPED-ADDRESS: as MAPPED-ADDRESS, with the port XORed with the cookie's first half, an IPv4 address with the cookie, and an IPv6
/// address with the cookie followed by the transaction id (RFC 8489 §14.2).
/// </summary>
public static class XorMappedAddress
{
    /// <summary>Reads a value; false when family and length do not fit. An IPv4 address inside an IPv6 one comes out as IPv4.</summary>
    public static bool TryRead(ReadOnlySpan<byte> value, TransactionId transactionId, out TransportAddress address)
    {
        address = default;
        if (value.Length < MappedAddress.Ipv4ValueLength) return false;

        byte family = value[1];
        ushort port = (ushort)(BinaryPrimitives.ReadUInt16BigEndian(value[2..]) ^ StunHeader.CookieHigh);
        if (family == MappedAddress.Ipv4Family && value.Length == MappedAddress.Ipv4ValueLength)
        {
            address = TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(value[4..]) ^ StunHeader.MagicCookie, port);
            return true;
        }

        if (family != MappedAddress.Ipv6Family || value.Length != MappedAddress.Ipv6ValueLength) return false;
        address = TransportAddress.FromIpv6(BinaryPrimitives.ReadUInt128BigEndian(value[4..]) ^ MaskFor(transactionId), port);
        return true;
    }

    /// <summary>Appends the attribute to a message. IPv4 is always family 1, never an IPv4-mapped IPv6 address.</summary>
    public static void AddTo(ref StunMessageWriter writer, TransactionId transactionId, TransportAddress address)
    {
        Span<byte> value = writer.Reserve(StunAttributeType.XorMappedAddress, address.IsIpv4 ? MappedAddress.Ipv4ValueLength : MappedAddress.Ipv6ValueLength);
        value[1] = address.IsIpv4 ? MappedAddress.Ipv4Family : MappedAddress.Ipv6Family;
        BinaryPrimitives.WriteUInt16BigEndian(value[2..], (ushort)(address.Port ^ StunHeader.CookieHigh));
        if (address.IsIpv4) BinaryPrimitives.WriteUInt32BigEndian(value[4..], address.Ipv4Bits ^ StunHeader.MagicCookie);
        else BinaryPrimitives.WriteUInt128BigEndian(value[4..], address.Bits ^ MaskFor(transactionId));
    }

    private static UInt128 MaskFor(TransactionId id) => new((ulong)StunHeader.MagicCookie << 32 | id.High, id.Low);
}
