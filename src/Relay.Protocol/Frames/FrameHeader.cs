using System.Buffers.Binary;

namespace Relay.Protocol.Frames;

/// <summary>The header of every relay frame: type (8 bits), then the body's length in bytes (32 bits, big-endian).</summary>
/// <param name="Type">The type; it may be one we do not know.</param>
/// <param name="BodyLength">The length of the body in bytes, as announced: up to 2³² − 1, so a <see cref="long"/>.</param>
public readonly record struct FrameHeader(FrameType Type, long BodyLength)
{
    /// <summary>The length of a header in bytes.</summary>
    public const int Length = 5;

    /// <summary>Reads a header, or returns false until <see cref="Length"/> bytes have arrived.</summary>
    public static bool TryRead(ReadOnlySpan<byte> input, out FrameHeader header)
    {
        header = default;
        if (input.Length < Length) return false;
        header = new FrameHeader((FrameType)input[0], BinaryPrimitives.ReadUInt32BigEndian(input[1..]));
        return true;
    }

    /// <summary>Writes the header's 5 bytes.</summary>
    public static void Write(Span<byte> destination, FrameType type, int bodyLength)
    {
        destination[0] = (byte)type;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)bodyLength);
    }
}
