namespace Relay.Protocol.Frames;

/// <summary>KeepAlive: an empty frame that only proves the relay lives.</summary>
public static class KeepAliveFrame
{
    /// <summary>The whole frame.</summary>
    public static ReadOnlySpan<byte> Bytes => [(byte)FrameType.KeepAlive, 0, 0, 0, 0];
}

/// <summary>NotePreferred: 1 byte that says whether this relay is the client's home.</summary>
public static class NotePreferredFrame
{
    /// <summary>The length of the whole frame in bytes.</summary>
    public const int Length = FrameHeader.Length + 1;

    /// <summary>Writes the whole frame.</summary>
    public static void Write(Span<byte> destination, bool isHome)
    {
        FrameHeader.Write(destination, FrameType.NotePreferred, 1);
        destination[FrameHeader.Length] = isHome ? (byte)1 : (byte)0;
    }

    /// <summary>Reads the body, which has exactly 1 byte.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out bool isHome)
    {
        isHome = body.Length == 1 && body[0] != 0;
        return body.Length == 1;
    }
}

/// <summary>PeerGone: a key (32 bytes) and a reason (1 byte, absent from old servers).</summary>
public static class PeerGoneFrame
{
    /// <summary>The length of the whole frame in bytes.</summary>
    public const int Length = FrameHeader.Length + NodeKey.Length + 1;

    /// <summary>Writes the whole frame.</summary>
    public static void Write(Span<byte> destination, NodeKey peer, PeerGoneReason reason)
    {
        FrameHeader.Write(destination, FrameType.PeerGone, NodeKey.Length + 1);
        peer.CopyTo(destination[FrameHeader.Length..]);
        destination[FrameHeader.Length + NodeKey.Length] = (byte)reason;
    }

    /// <summary>Reads the body; an absent reason is <see cref="PeerGoneReason.Disconnected"/>.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out NodeKey peer, out PeerGoneReason reason)
    {
        peer = default;
        reason = default;
        if (body.Length < NodeKey.Length) return false;
        peer = new NodeKey(body[..NodeKey.Length]);
        if (body.Length > NodeKey.Length) reason = (PeerGoneReason)body[NodeKey.Length];
        return true;
    }
}

/// <summary>Ping and Pong: 8 bytes of the pinger's choice, sent back as they came.</summary>
public static class PingFrame
{
    /// <summary>The length of what is echoed, in bytes.</summary>
    public const int DataLength = 8;

    /// <summary>The length of the whole frame in bytes.</summary>
    public const int Length = FrameHeader.Length + DataLength;

    /// <summary>Writes a whole Ping or Pong.</summary>
    /// <param name="destination">At least <see cref="Length"/> bytes.</param>
    /// <param name="type"><see cref="FrameType.Ping"/> or <see cref="FrameType.Pong"/>.</param>
    /// <param name="data">What is echoed; 8 bytes.</param>
    public static void Write(Span<byte> destination, FrameType type, ReadOnlySpan<byte> data)
    {
        FrameHeader.Write(destination, type, DataLength);
        data[..DataLength].CopyTo(destination[FrameHeader.Length..]);
    }

    /// <summary>Finds the 8 bytes in a body of 8 to <see cref="RelayLimits.MaxPingLength"/>. They alias the body.</summary>
    public static bool TryRead(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> data)
    {
        data = default;
        if (body.Length is < DataLength or > RelayLimits.MaxPingLength) return false;
        data = body[..DataLength];
        return true;
    }
}
