namespace Relay.Protocol;

/// <summary>What a relayed packet seems to be, from its first bytes: it decides the lane, never the fate, of a packet.</summary>
public enum PacketKind
{
    /// <summary>Anything else: WireGuard transport data, for the most part.</summary>
    Data,

    /// <summary>A disco envelope: control between nodes.</summary>
    Disco,

    /// <summary>A WireGuard handshake message (types 1 to 3), without which no data flows.</summary>
    WireGuardHandshake,
}

/// <summary>Tells packets apart by their first bytes.</summary>
public static class PacketKinds
{
    /// <summary>The bytes that every disco envelope begins with: "TS" and U+1F4AC.</summary>
    public static ReadOnlySpan<byte> DiscoMagic => [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac];

    /// <summary>The shortest disco envelope: magic, sender's key, nonce, as stock relays count it.</summary>
    public const int MinDiscoLength = 6 + NodeKey.Length + Box.NonceLength;

    private const int InitiationLength = 148;
    private const int ResponseLength = 92;
    private const int CookieReplyLength = 64;

    /// <summary>The kind of <paramref name="packet"/>.</summary>
    public static PacketKind Of(ReadOnlySpan<byte> packet)
    {
        if (packet.Length >= MinDiscoLength && packet.StartsWith(DiscoMagic)) return PacketKind.Disco;

        // WireGuard: type (8 bits), three reserved zero bytes; the handshake messages have fixed lengths.
        bool isHandshake = packet.Length switch
        {
            InitiationLength => packet[0] == 1,
            ResponseLength => packet[0] == 2,
            CookieReplyLength => packet[0] == 3,
            _ => false,
        };
        return isHandshake && packet[1] == 0 && packet[2] == 0 && packet[3] == 0 ? PacketKind.WireGuardHandshake : PacketKind.Data;
    }
}
