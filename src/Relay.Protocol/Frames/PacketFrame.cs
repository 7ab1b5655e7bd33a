namespace Relay.Protocol.Frames;

/// <summary>
/// SendPacket and RecvPacket: a key (32 bytes), then the packet. They have one length, so a relay turns the one into the other where it
/// lies: another type, another key, the same packet.
/// </summary>
public static class PacketFrame
{
    /// <summary>What stands in front of the packet, in bytes: header and key.</summary>
    public const int PrefixLength = FrameHeader.Length + NodeKey.Length;

    /// <summary>Writes what stands in front of a packet.</summary>
    /// <param name="destination">At least <see cref="PrefixLength"/> bytes; the packet goes behind them.</param>
    /// <param name="type"><see cref="FrameType.SendPacket"/> or <see cref="FrameType.RecvPacket"/>.</param>
    /// <param name="key">The destination of a SendPacket, the source of a RecvPacket.</param>
    /// <param name="packetLength">The packet's length, 0 to <see cref="RelayLimits.MaxPacketLength"/> bytes.</param>
    public static void WritePrefix(Span<byte> destination, FrameType type, NodeKey key, int packetLength)
    {
        FrameHeader.Write(destination, type, NodeKey.Length + packetLength);
        key.CopyTo(destination[FrameHeader.Length..]);
    }

    /// <summary>Splits the body of a SendPacket or RecvPacket. The packet aliases the body.</summary>
    /// <returns>False where the body is shorter than a key, or the packet longer than the protocol allows.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out NodeKey key, out ReadOnlySpan<byte> packet)
    {
        key = default;
        packet = default;
        if (body.Length is < NodeKey.Length or > NodeKey.Length + RelayLimits.MaxPacketLength) return false;
        key = new NodeKey(body[..NodeKey.Length]);
        packet = body[NodeKey.Length..];
        return true;
    }
}
