using System.Buffers.Binary;
using Stun.Protocol;

namespace Stun.Server.Core;

/// <summary>Finds the end of a message in a stream: nothing but the length in its header says where that is (RFC 8489 §6.2.2).</summary>
internal static class StunFraming
{
    /// <summary>2048 bytes: what a datagram may have, too.</summary>
    public const int MaxMessageLength = 2048;

    private const byte FirstByteOfOthers = 0x40;
    private const int LengthOffset = 2;
    private const int CookieOffset = 4;

    /// <summary>Looks at what has arrived. Damage is told by the first byte that shows it, so that garbage never waits for more garbage.</summary>
    /// <param name="received">Everything that is not dealt with yet.</param>
    /// <param name="length">The length of the first message in bytes, where it is all there.</param>
    public static Framing Read(ReadOnlySpan<byte> received, out int length)
    {
        length = 0;
        if (received.IsEmpty) return Framing.Incomplete;
        if (received[0] >= FirstByteOfOthers) return Framing.NotStun;
        if (received.Length < LengthOffset + sizeof(ushort)) return Framing.Incomplete;

        int total = StunHeader.Length + BinaryPrimitives.ReadUInt16BigEndian(received[LengthOffset..]);
        if ((total & 3) != 0) return Framing.NotStun;
        if (received.Length < CookieOffset + sizeof(uint)) return Framing.Incomplete;
        if (BinaryPrimitives.ReadUInt32BigEndian(received[CookieOffset..]) != StunHeader.MagicCookie) return Framing.NotStun;
        if (total > MaxMessageLength) return Framing.TooLong;

        if (received.Length < total) return Framing.Incomplete;
        length = total;
        return Framing.Complete;
    }
}

/// <summary>What stands at the beginning of a stream.</summary>
internal enum Framing
{
    /// <summary>A message, whole.</summary>
    Complete,

    /// <summary>The beginning of one, or nothing.</summary>
    Incomplete,

    /// <summary>Something else. What follows cannot be told apart any more.</summary>
    NotStun,

    /// <summary>A message longer than we take.</summary>
    TooLong,
}
