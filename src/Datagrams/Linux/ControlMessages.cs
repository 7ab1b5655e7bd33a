using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Addresses;

namespace Datagrams.Linux;

/// <summary>
/// What travels beside a datagram (<c>struct cmsghdr</c>): length (64 bits), level (32), type (32), then the value, padded to 64 bits.
/// </summary>
internal static class ControlMessages
{
    /// <summary>Room for all that one datagram may have, in bytes: a local address (at most 40), and two values of 32 bits at most (24 each).</summary>
    public const int Stride = 96;

    private const int HeaderLength = 16;
    private const int Ipv4InfoLength = 12; // struct in_pktinfo: interface, the local address to answer from, the destination in the header.
    private const int Ipv6InfoLength = 20; // struct in6_pktinfo: address, interface.
    private const byte MulticastByte = 0xff;

    /// <summary>Appends a message to the room of one datagram, of which <paramref name="used"/> bytes are used, before and after.</summary>
    /// <returns>Where the value goes; it is zero yet.</returns>
    public static Span<byte> Append(Span<byte> control, ref int used, int level, int type, int valueLength)
    {
        Span<byte> message = control.Slice(used, Align(HeaderLength + valueLength));
        message.Clear();
        MemoryMarshal.Write(message, (long)(HeaderLength + valueLength));
        MemoryMarshal.Write(message[8..], level);
        MemoryMarshal.Write(message[12..], type);
        used += message.Length;
        return message.Slice(HeaderLength, valueLength);
    }

    /// <summary>Appends the address that a datagram is to leave from, in the form of the socket's family; nothing where the choice is the kernel's.</summary>
    public static void AppendLocalAddress(Span<byte> control, ref int used, LocalAddress local, bool ipv4)
    {
        if (!local.Address.IsValid || (ipv4 && !local.Address.IsIpv4)) return;
        if (ipv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(Append(control, ref used, LibC.IpProtoIp, LibC.IpPacketInfo, Ipv4InfoLength)[4..], local.Address.Ipv4Bits);
            return;
        }

        Span<byte> value = Append(control, ref used, LibC.IpProtoIpv6, LibC.Ipv6PacketInfo, Ipv6InfoLength);
        local.Address.WriteBytes16(value);
        MemoryMarshal.Write(value[16..], local.Interface);
    }

    /// <summary>Finds the value of a message; empty where there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> control, int level, int type)
    {
        ReadOnlySpan<byte> rest = control;
        while (rest.Length >= HeaderLength)
        {
            int length = (int)Math.Min(MemoryMarshal.Read<long>(rest), rest.Length);
            if (length < HeaderLength) break;
            if (MemoryMarshal.Read<int>(rest[8..]) == level && MemoryMarshal.Read<int>(rest[12..]) == type) return rest[HeaderLength..length];
            rest = rest[Math.Min(Align(length), rest.Length)..];
        }

        return default;
    }

    /// <summary>Finds to which address of this host a datagram was sent; none where that is not said.</summary>
    public static LocalAddress FindLocalAddress(ReadOnlySpan<byte> control)
    {
        ReadOnlySpan<byte> ipv4 = Find(control, LibC.IpProtoIp, LibC.IpPacketInfo);
        if (ipv4.Length >= Ipv4InfoLength) return new LocalAddress(TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(ipv4[4..]), 0), 0);

        ReadOnlySpan<byte> ipv6 = Find(control, LibC.IpProtoIpv6, LibC.Ipv6PacketInfo);
        if (ipv6.Length < Ipv6InfoLength || ipv6[0] == MulticastByte) return default; // Nothing leaves from a multicast address.
        bool isLinkLocal = ipv6[0] == 0xfe && (ipv6[1] & 0xc0) == 0x80;
        return new LocalAddress(TransportAddress.FromBytes16(ipv6, 0), isLinkLocal ? MemoryMarshal.Read<int>(ipv6[16..]) : 0);
    }

    private static int Align(int length) => (length + 7) & ~7;
}
