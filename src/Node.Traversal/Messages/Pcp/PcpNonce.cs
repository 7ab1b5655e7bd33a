using System.Buffers.Binary;

namespace Node.Traversal.Messages.Pcp;

/// <summary>The mapping nonce: 96 random bits that only we and the server know, kept as long as the mapping (RFC 6887 §11.2).</summary>
/// <param name="High">The first 64 bits.</param>
/// <param name="Low">The last 32 bits.</param>
internal readonly record struct PcpNonce(ulong High, uint Low)
{
    public const int Length = 12;

    /// <summary>Reads one off the <see cref="Length"/> bytes at the start of <paramref name="bytes"/>.</summary>
    public static PcpNonce Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Low);
    }
}
