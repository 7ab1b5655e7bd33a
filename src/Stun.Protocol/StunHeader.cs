using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>
/// The header of every message: two zero bits, type (14 bits), length of what follows in bytes (16), magic cookie (32),
/// transaction id (96) (RFC 8489 §5).
/// </summary>
/// <param name="Type">What the message is.</param>
/// <param name="BodyLength">The length of the attributes in bytes, a multiple of 4.</param>
/// <param name="TransactionId">Ties request and answer.</param>
public readonly record struct StunHeader(StunMessageType Type, int BodyLength, TransactionId TransactionId)
{
    /// <summary>The length of the header in bytes.</summary>
    public const int Length = 20;

    /// <summary>What bytes 4 to 8 hold since RFC 5389, by which STUN is told from anything else on the same port.</summary>
    public const uint MagicCookie = 0x2112a442;

    /// <summary>The first 16 bits of the cookie, with which ports are XORed.</summary>
    internal const ushort CookieHigh = (ushort)(MagicCookie >> 16);

    internal const int BodyLengthOffset = 2;
    internal const int CookieOffset = 4;
    private const int TransactionIdOffset = 8;

    /// <summary>Bytes 4 to 8: the magic cookie, or in classic STUN, which has none, the beginning of a transaction id of 128 bits.</summary>
    public uint Cookie { get; init; } = MagicCookie;

    /// <summary>Says whether the message is of a classic client (RFC 3489), which knows MAPPED-ADDRESS and no XOR-MAPPED-ADDRESS.</summary>
    public bool IsClassic => Cookie != MagicCookie;

    /// <summary>Reads a header. False when this is not STUN, or when the announced attributes are not whole words or are not all there.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out StunHeader header)
    {
        header = default;
        return StunMessage.LooksLikeStun(datagram) && TryReadClassic(datagram, out header);
    }

    /// <summary>
    /// As <see cref="TryRead"/>, but also takes a message without the magic cookie (RFC 8489 §11). Only for a port that nothing but STUN shares:
    /// a cookie is what tells STUN from the rest.
    /// </summary>
    public static bool TryReadClassic(ReadOnlySpan<byte> datagram, out StunHeader header)
    {
        header = default;
        if (!StunMessage.MayBeClassic(datagram)) return false;

        int bodyLength = BinaryPrimitives.ReadUInt16BigEndian(datagram[BodyLengthOffset..]);
        if ((bodyLength & 3) != 0 || bodyLength > datagram.Length - Length) return false;

        var type = (StunMessageType)BinaryPrimitives.ReadUInt16BigEndian(datagram);
        header = new StunHeader(type, bodyLength, TransactionId.Read(datagram[TransactionIdOffset..]))
        {
            Cookie = BinaryPrimitives.ReadUInt32BigEndian(datagram[CookieOffset..]),
        };
        return true;
    }

    /// <summary>Writes the header into the first <see cref="Length"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer bytes.</exception>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(destination, (ushort)Type);
        BinaryPrimitives.WriteUInt16BigEndian(destination[BodyLengthOffset..], checked((ushort)BodyLength));
        BinaryPrimitives.WriteUInt32BigEndian(destination[CookieOffset..], Cookie);
        TransactionId.Write(destination[TransactionIdOffset..]);
    }
}
