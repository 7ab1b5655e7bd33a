using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>The 96 bits that tie an answer to its request (RFC 8489 §5). A client draws them at random, so that they cannot be guessed.</summary>
/// <param name="High">The first 32 bits on the wire, in host order.</param>
/// <param name="Low">The last 64 bits on the wire, in host order.</param>
public readonly record struct TransactionId(uint High, ulong Low)
{
    /// <summary>The length on the wire in bytes.</summary>
    public const int Length = 12;

    /// <summary>Reads the id from the first <see cref="Length"/> bytes: from the wire, or from a source of entropy.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer bytes.</exception>
    public static TransactionId Read(ReadOnlySpan<byte> source) =>
        new(BinaryPrimitives.ReadUInt32BigEndian(source), BinaryPrimitives.ReadUInt64BigEndian(source[4..]));

    /// <summary>Writes the id into the first <see cref="Length"/> bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There are fewer bytes.</exception>
    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt32BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[4..], Low);
    }

    /// <summary>24 hexadecimal digits.</summary>
    public override string ToString() => $"{High:x8}{Low:x16}";
}
