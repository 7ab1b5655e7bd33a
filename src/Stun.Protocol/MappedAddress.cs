using System.Buffers.Binary;
using Addresses;

namespace Stun.Protocol;

/// <summary>
/// MAPPED-ADDRESS: zero (8 bits), family (8 bits: 1 IPv4, 2 IPv6), port (16), address (32 or 128), in the clear (RFC 8489 §14.1).
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
}
