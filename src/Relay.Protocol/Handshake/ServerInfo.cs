using System.Buffers;
using System.Text.Json;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Handshake;

/// <summary>What a server says of itself once a client can be reached: the JSON sealed in the ServerInfo frame.</summary>
public sealed record ServerInfo
{
    /// <summary>The protocol version; 2.</summary>
    public int Version { get; init; } = ClientInfo.ProtocolVersion;

    /// <summary>What the client may send, in bytes a second (header, key and packet counted); 0 = no limit.</summary>
    public int TokenBucketBytesPerSecond { get; init; }

    /// <summary>What the client may send at once, in bytes.</summary>
    public int TokenBucketBytesBurst { get; init; }

    /// <summary>The version of our extension frames the server takes; 0 for a stock server.</summary>
    public int Extensions { get; init; }

    /// <summary>Seals this into a whole ServerInfo frame.</summary>
    public byte[] ToFrame(NodeKeyPair server, NodeKey clientKey, ReadOnlySpan<byte> nonce) => ToFrame(new Box(server, clientKey), nonce);

    /// <summary>Seals this into a whole ServerInfo frame, with the box that opened the client's ClientInfo.</summary>
    public byte[] ToFrame(Box box, ReadOnlySpan<byte> nonce)
    {
        byte[] json = ToJson();
        byte[] frame = new byte[FrameHeader.Length + Box.NonceLength + Box.Overhead + json.Length];
        FrameHeader.Write(frame, FrameType.ServerInfo, frame.Length - FrameHeader.Length);
        Span<byte> body = frame.AsSpan(FrameHeader.Length);
        nonce.CopyTo(body);
        box.Seal(json, nonce, body[Box.NonceLength..]);
        return frame;
    }

    /// <summary>Opens the body of a ServerInfo frame.</summary>
    /// <returns>False where the box does not open or holds no JSON object, or a field of ours has another type.</returns>
    public static bool TryOpen(ReadOnlySpan<byte> body, NodeKeyPair own, NodeKey serverKey, out ServerInfo? info)
    {
        info = null;
        if (body.Length < Box.NonceLength + Box.Overhead || body.Length > RelayLimits.MaxServerInfoLength) return false;

        ReadOnlySpan<byte> box = body[Box.NonceLength..];
        byte[] json = new byte[box.Length - Box.Overhead];
        return new Box(own, serverKey).TryOpen(box, body[..Box.NonceLength], json) && TryParse(json, out info);
    }

    private byte[] ToJson()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            writer.WriteNumber("version", Version);
            if (TokenBucketBytesPerSecond != 0) writer.WriteNumber("TokenBucketBytesPerSecond", TokenBucketBytesPerSecond);
            if (TokenBucketBytesBurst != 0) writer.WriteNumber("TokenBucketBytesBurst", TokenBucketBytesBurst);
            if (Extensions != 0) writer.WriteNumber("ext", Extensions);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static bool TryParse(byte[] json, out ServerInfo? info)
    {
        ServerInfo parsed = new() { Version = 0 };
        bool isWhole = InfoJson.TryRead(json, (name, value) =>
        {
            if (InfoJson.Is(name, "version")) parsed = parsed with { Version = value.GetInt32() };
            else if (InfoJson.Is(name, "TokenBucketBytesPerSecond")) parsed = parsed with { TokenBucketBytesPerSecond = value.GetInt32() };
            else if (InfoJson.Is(name, "TokenBucketBytesBurst")) parsed = parsed with { TokenBucketBytesBurst = value.GetInt32() };
            else if (InfoJson.Is(name, "ext")) parsed = parsed with { Extensions = value.GetInt32() };
        });
        info = isWhole ? parsed : null;
        return isWhole;
    }
}
