using System.Buffers.Binary;

namespace Stun.Protocol;

/// <summary>FINGERPRINT: CRC-32 of everything before the attribute, XORed with "STUN" (RFC 8489 §14.7). Value: 32 bits.</summary>
public static class Fingerprint
{
    /// <summary>The length of the value in bytes.</summary>
    public const int ValueLength = 4;

    private const uint Mask = 0x5354554e;

    /// <summary>Computes the value over the message up to the attribute; the length in the header must count the attribute already.</summary>
    public static uint Compute(ReadOnlySpan<byte> messageBefore) => Crc32.Compute(messageBefore) ^ Mask;

    /// <summary>Says whether a received value is that of the message before the attribute.</summary>
    public static bool Matches(ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> value) =>
        value.Length == ValueLength && BinaryPrimitives.ReadUInt32BigEndian(value) == Compute(messageBefore);
}
