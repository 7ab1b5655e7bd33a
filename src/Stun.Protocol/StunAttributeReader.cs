using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>Walks the attributes of one STUN message in wire order, without copying (RFC 8489 §14).</summary>
/// <param name="attributes">What follows the header, as long as the header says.</param>
public ref struct StunAttributeReader(ReadOnlySpan<byte> attributes)
{
    internal const int HeaderLength = 4; // Type (16 bits), then value length in bytes (16 bits).
    private readonly int _length = attributes.Length;
    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>True once an attribute did not fit into the message.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>How many bytes of the attributes are read; before the first, 0.</summary>
    public readonly int Position => _length - _rest.Length;

    /// <summary>Says whether nothing is left to read.</summary>
    public readonly bool IsAtEnd => _rest.IsEmpty;

    /// <summary>Reads the next attribute.</summary>
    /// <param name="type">What it is.</param>
    /// <param name="value">The value without its padding. It aliases the message: copy it to keep it.</param>
    /// <returns>False at the end of the attributes, or at one that is malformed.</returns>
    public bool TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value)
    {
        type = default;
        value = default;
        if (_rest.IsEmpty) return false;
        if (_rest.Length < HeaderLength) return Fail();

        int length = BinaryPrimitives.ReadUInt16BigEndian(_rest[2..]);
        int padded = (length + 3) & ~3; // The value is padded to 32 bits; the length field does not count that.
        if (_rest.Length - HeaderLength < padded) return Fail();

        type = (StunAttributeType)BinaryPrimitives.ReadUInt16BigEndian(_rest);
        value = _rest.Slice(HeaderLength, length);
        _rest = _rest[(HeaderLength + padded)..];
        return true;
    }

    private bool Fail()
    {
        IsMalformed = true;
        _rest = default; // So that nothing after the damage is read.
        return false;
    }
}
