using System.Buffers.Binary;
using System.Text;

namespace Relay.Protocol.Frames;

/// <summary>Health: UTF-8 text that a client shows its user as a warning; empty = all is well again. ServerInfo clears it, so it follows that.</summary>
public static class HealthFrame
{
    /// <summary>The longest text, in bytes; a longer one is cut.</summary>
    public const int MaxTextLength = 512;

    /// <summary>Makes the whole frame.</summary>
    public static byte[] Of(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int length = Math.Min(utf8.Length, MaxTextLength);
        while (length > 0 && length < utf8.Length && (utf8[length] & 0xc0) == 0x80) length--; // Not within a character.
        byte[] frame = new byte[FrameHeader.Length + length];
        FrameHeader.Write(frame, FrameType.Health, length);
        utf8.AsSpan(0, length).CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }
}

/// <summary>Restarting: in how many milliseconds to reconnect (32 bits), for how many to try (32 bits), both big-endian.</summary>
public static class RestartingFrame
{
    /// <summary>The length of the whole frame in bytes.</summary>
    public const int Length = FrameHeader.Length + BodyLength;

    private const int BodyLength = 2 * sizeof(uint);

    /// <summary>Writes the whole frame. A time over 49 days is written as that.</summary>
    public static void Write(Span<byte> destination, TimeSpan reconnectIn, TimeSpan tryFor)
    {
        FrameHeader.Write(destination, FrameType.Restarting, BodyLength);
        BinaryPrimitives.WriteUInt32BigEndian(destination[FrameHeader.Length..], Milliseconds(reconnectIn));
        BinaryPrimitives.WriteUInt32BigEndian(destination[(FrameHeader.Length + sizeof(uint))..], Milliseconds(tryFor));
    }

    /// <summary>Reads the body; false where it is too short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out TimeSpan reconnectIn, out TimeSpan tryFor)
    {
        reconnectIn = default;
        tryFor = default;
        if (body.Length < BodyLength) return false;
        reconnectIn = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32BigEndian(body));
        tryFor = TimeSpan.FromMilliseconds(BinaryPrimitives.ReadUInt32BigEndian(body[sizeof(uint)..]));
        return true;
    }

    private static uint Milliseconds(TimeSpan span) => (uint)Math.Clamp(span.TotalMilliseconds, 0, uint.MaxValue);
}
