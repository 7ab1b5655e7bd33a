using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>UNKNOWN-ATTRIBUTES: the attribute types that were not understood, 16 bits each (RFC 8489 §14.13).</summary>
public static class UnknownAttributes
{
    private const int TypeLength = 2;

    /// <summary>Appends the attribute to a message.</summary>
    public static void AddTo(ref StunMessageWriter writer, scoped ReadOnlySpan<StunAttributeType> types)
    {
        Span<byte> value = writer.Reserve(StunAttributeType.UnknownAttributes, types.Length * TypeLength);
        for (int i = 0; i < types.Length; i++) BinaryPrimitives.WriteUInt16BigEndian(value[(i * TypeLength)..], (ushort)types[i]);
    }

    /// <summary>Reads as many types as fit into <paramref name="types"/>; half a type at the end is passed over.</summary>
    /// <returns>How many were read.</returns>
    public static int Read(ReadOnlySpan<byte> value, Span<StunAttributeType> types)
    {
        int count = Math.Min(value.Length / TypeLength, types.Length);
        for (int i = 0; i < count; i++) types[i] = (StunAttributeType)BinaryPrimitives.ReadUInt16BigEndian(value[(i * TypeLength)..]);
        return count;
    }
}
