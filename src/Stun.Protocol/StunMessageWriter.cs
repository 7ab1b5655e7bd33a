using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>Writes one message into a caller's span, header first. The message is well-formed after each attribute.</summary>
public ref struct StunMessageWriter
{
    private readonly Span<byte> _destination;

    /// <summary>Begins a message by writing its header.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is too short for the header.</exception>
    public StunMessageWriter(Span<byte> destination, StunMessageType type, TransactionId transactionId)
    {
        new StunHeader(type, BodyLength: 0, transactionId).Write(destination);
        _destination = destination;
        Length = StunHeader.Length;
    }

    /// <summary>Begins the answer to a request: its transaction id, and its cookie, which a classic client has in a form of its own.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is too short for the header.</exception>
    public StunMessageWriter(Span<byte> destination, StunMessageType type, StunHeader request)
    {
        (request with { Type = type, BodyLength = 0 }).Write(destination);
        _destination = destination;
        Length = StunHeader.Length;
    }

    /// <summary>The length of the message so far, in bytes.</summary>
    public int Length { get; private set; }

    /// <summary>The message so far.</summary>
    public readonly ReadOnlySpan<byte> Written => _destination[..Length];

    /// <summary>Appends an attribute, padded with zeros.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is too short for it: the caller's buffer, never the peer's doing.</exception>
    public void Add(StunAttributeType type, scoped ReadOnlySpan<byte> value) => value.CopyTo(Reserve(type, value.Length));

    /// <summary>Appends an attribute and gives out its value to be written. Zero from the start, the padding too.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The span is too short for it: the caller's buffer, never the peer's doing.</exception>
    public Span<byte> Reserve(StunAttributeType type, int valueLength)
    {
        int padded = (valueLength + 3) & ~3;
        Span<byte> attribute = _destination.Slice(Length, StunAttributeReader.HeaderLength + padded);
        BinaryPrimitives.WriteUInt16BigEndian(attribute, (ushort)type);
        BinaryPrimitives.WriteUInt16BigEndian(attribute[2..], checked((ushort)valueLength));
        Span<byte> value = attribute[StunAttributeReader.HeaderLength..];
        value.Clear(); // A buffer used before holds other people's bytes.

        Length += attribute.Length;
        BinaryPrimitives.WriteUInt16BigEndian(_destination[StunHeader.BodyLengthOffset..], checked((ushort)(Length - StunHeader.Length)));
        return value[..valueLength];
    }

    /// <summary>
    /// Appends MESSAGE-INTEGRITY: HMAC-SHA1 over all that is written so far. Behind it only MESSAGE-INTEGRITY-SHA256 and FINGERPRINT may
    /// stand (RFC 8489 §14.5).
    /// </summary>
    /// <param name="key">See <see cref="MessageIntegrity"/>.</param>
    public void AddMessageIntegrity(scoped ReadOnlySpan<byte> key)
    {
        int before = Length;
        Span<byte> value = Reserve(StunAttributeType.MessageIntegrity, MessageIntegrity.Sha1Length);
        MessageIntegrity.ComputeSha1(_destination[..before], key, value);
    }

    /// <summary>Appends MESSAGE-INTEGRITY-SHA256: HMAC-SHA256 over all that is written so far, not truncated (RFC 8489 §14.6).</summary>
    /// <param name="key">See <see cref="MessageIntegrity"/>.</param>
    public void AddMessageIntegritySha256(scoped ReadOnlySpan<byte> key)
    {
        int before = Length;
        Span<byte> value = Reserve(StunAttributeType.MessageIntegritySha256, MessageIntegrity.Sha256Length);
        MessageIntegrity.ComputeSha256(_destination[..before], key, value);
    }

    /// <summary>Appends FINGERPRINT, which must be the last attribute (RFC 8489 §14.7).</summary>
    public void AddFingerprint()
    {
        int before = Length;
        Span<byte> value = Reserve(StunAttributeType.Fingerprint, Fingerprint.ValueLength); // The CRC covers the length that counts FINGERPRINT in.
        BinaryPrimitives.WriteUInt32BigEndian(value, Fingerprint.Compute(_destination[..before]));
    }
}
