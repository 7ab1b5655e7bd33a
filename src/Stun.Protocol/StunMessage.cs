using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>What every STUN message has in common.</summary>
public static class StunMessage
{
    private const byte FirstByteOfOthers = 0x40; // From here on one of the first two bits is set.

    /// <summary>
    /// Tells STUN from whatever shares its port: at least 20 bytes, the first two bits zero, the magic cookie in bytes 4 to 8
    /// (RFC 8489 §5). A client without the cookie (RFC 3489) is not told.
    /// </summary>
    public static bool LooksLikeStun(ReadOnlySpan<byte> datagram) =>
        MayBeClassic(datagram)
        && BinaryPrimitives.ReadUInt32BigEndian(datagram[StunHeader.CookieOffset..]) == StunHeader.MagicCookie;

    /// <summary>Says whether this could be a message of classic STUN, which is told by less: at least 20 bytes, the first two bits zero.</summary>
    public static bool MayBeClassic(ReadOnlySpan<byte> datagram) => datagram.Length >= StunHeader.Length && datagram[0] < FirstByteOfOthers;
}
