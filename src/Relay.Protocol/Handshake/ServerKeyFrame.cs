using Relay.Protocol.Frames;

namespace Relay.Protocol.Handshake;

/// <summary>ServerKey, the first frame of every connection: magic (8 bytes), the server's public key (32 bytes).</summary>
public static class ServerKeyFrame
{
    /// <summary>The length of the whole frame in bytes, as we write it.</summary>
    public const int Length = FrameHeader.Length + BodyLength;

    /// <summary>The longest body a client takes: later servers may add bytes.</summary>
    public const int MaxBodyLength = 1024;

    private const int BodyLength = 8 + NodeKey.Length;

    private static ReadOnlySpan<byte> Magic => [0x44, 0x45, 0x52, 0x50, 0xf0, 0x9f, 0x94, 0x91]; // "DERP" and U+1F511.

    /// <summary>Writes the whole frame.</summary>
    public static void Write(Span<byte> destination, NodeKey serverKey)
    {
        FrameHeader.Write(destination, FrameType.ServerKey, BodyLength);
        Magic.CopyTo(destination[FrameHeader.Length..]);
        serverKey.CopyTo(destination[(FrameHeader.Length + Magic.Length)..]);
    }

    /// <summary>Reads the body: false without the magic, or where it is too short or too long.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out NodeKey serverKey)
    {
        serverKey = default;
        if (body.Length is < BodyLength or > MaxBodyLength || !body.StartsWith(Magic)) return false;
        serverKey = new NodeKey(body.Slice(Magic.Length, NodeKey.Length));
        return true;
    }
}
