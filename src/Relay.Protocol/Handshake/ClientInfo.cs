using System.Buffers;
using System.Text.Json;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Handshake;

/// <summary>What a client says of itself when it logs in: the JSON sealed in the ClientInfo frame.</summary>
public sealed record ClientInfo
{
    /// <summary>The protocol version we speak.</summary>
    public const int ProtocolVersion = 2;

    private const int PrefixLength = NodeKey.Length + Box.NonceLength;

    /// <summary>The protocol version; 2.</summary>
    public int Version { get; init; } = ProtocolVersion;

    /// <summary>Says whether the client answers Ping with Pong.</summary>
    public bool CanAckPings { get; init; } = true;

    /// <summary>Says whether the client is a prober.</summary>
    public bool IsProber { get; init; }

    /// <summary>The mesh secret: 64 hexadecimal digits; null for an ordinary client.</summary>
    public string? MeshKey { get; init; }

    /// <summary>The version of our extension frames the client takes; 0 for a stock client.</summary>
    public int Extensions { get; init; }

    /// <summary>Seals this into a whole ClientInfo frame.</summary>
    /// <param name="own">The client's keys: the public one goes in clear, the box proves the private one.</param>
    /// <param name="serverKey">The key the server gave in its ServerKey frame.</param>
    /// <param name="nonce">24 bytes that were never used before.</param>
    public byte[] ToFrame(NodeKeyPair own, NodeKey serverKey, ReadOnlySpan<byte> nonce)
    {
        byte[] json = ToJson();
        byte[] frame = new byte[FrameHeader.Length + PrefixLength + Box.Overhead + json.Length];
        FrameHeader.Write(frame, FrameType.ClientInfo, frame.Length - FrameHeader.Length);
        Span<byte> body = frame.AsSpan(FrameHeader.Length);
        own.PublicKey.CopyTo(body);
        nonce.CopyTo(body[NodeKey.Length..]);
        new Box(own, serverKey).Seal(json, nonce, body[PrefixLength..]);
        return frame;
    }

    /// <summary>Opens the body of a ClientInfo frame: only the holder of the client's private key can have sealed it for this server.</summary>
    /// <returns>False where the box does not open or holds no JSON object, or a field of ours has another type.</returns>
    public static bool TryOpen(ReadOnlySpan<byte> body, NodeKeyPair server, out NodeKey clientKey, out ClientInfo? info) =>
        TryOpen(body, server, out clientKey, out info, out _);

    /// <inheritdoc cref="TryOpen(ReadOnlySpan{byte}, NodeKeyPair, out NodeKey, out ClientInfo?)"/>
    /// <param name="body">The body.</param>
    /// <param name="server">The server's keys.</param>
    /// <param name="clientKey">The client's key.</param>
    /// <param name="info">What the client says of itself.</param>
    /// <param name="box">What opened it, to seal the ServerInfo with: the curve operation is half the work of a login beside TLS.</param>
    public static bool TryOpen(ReadOnlySpan<byte> body, NodeKeyPair server, out NodeKey clientKey, out ClientInfo? info, out Box? box)
    {
        clientKey = default;
        box = null;
        info = null;
        if (body.Length < PrefixLength + Box.Overhead || body.Length > RelayLimits.MaxClientInfoLength) return false;

        clientKey = new NodeKey(body[..NodeKey.Length]);
        ReadOnlySpan<byte> sealedJson = body[PrefixLength..];
        byte[] json = new byte[sealedJson.Length - Box.Overhead];
        box = new Box(server, clientKey);
        return box.TryOpen(sealedJson, body.Slice(NodeKey.Length, Box.NonceLength), json) && TryParse(json, out info);
    }

    private byte[] ToJson()
    {
        ArrayBufferWriter<byte> buffer = new();
        using (Utf8JsonWriter writer = new(buffer))
        {
            writer.WriteStartObject();
            if (MeshKey is not null) writer.WriteString("meshKey", MeshKey);
            writer.WriteNumber("version", Version);
            writer.WriteBoolean("CanAckPings", CanAckPings);
            if (IsProber) writer.WriteBoolean("IsProber", true);
            if (Extensions != 0) writer.WriteNumber("ext", Extensions);
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    private static bool TryParse(byte[] json, out ClientInfo? info)
    {
        ClientInfo parsed = new() { Version = 0, CanAckPings = false };
        bool isWhole = InfoJson.TryRead(json, (name, value) =>
        {
            // Stock ends match names in any case, so we do; unknown names are for later versions.
            if (InfoJson.Is(name, "version")) parsed = parsed with { Version = value.GetInt32() };
            else if (InfoJson.Is(name, "CanAckPings")) parsed = parsed with { CanAckPings = value.GetBoolean() };
            else if (InfoJson.Is(name, "IsProber")) parsed = parsed with { IsProber = value.GetBoolean() };
            else if (InfoJson.Is(name, "ext")) parsed = parsed with { Extensions = value.GetInt32() };
            else if (InfoJson.Is(name, "meshKey")) parsed = parsed with { MeshKey = InfoJson.MeshKey(value) };
        });
        info = isWhole ? parsed : null;
        return isWhole;
    }
}
