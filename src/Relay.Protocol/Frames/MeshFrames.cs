using System.Buffers.Binary;
using Addresses;

namespace Relay.Protocol.Frames;

/// <summary>What kind of client a watcher is told of.</summary>
[Flags]
public enum PeerPresentFlags : byte
{
    /// <summary>Nothing is said.</summary>
    None = 0,

    /// <summary>A client like most: none of the others applies.</summary>
    Regular = 1,

    /// <summary>Another relay of the region.</summary>
    MeshPeer = 2,

    /// <summary>A prober.</summary>
    Prober = 4,

    /// <summary>The client would rather be with another relay of the region.</summary>
    NotIdeal = 8,
}

/// <summary>PeerPresent: a key (32 bytes), its address (16, IPv4 as ::ffff:a.b.c.d), port (16 bits, big-endian), flags (8 bits).</summary>
public static class PeerPresentFrame
{
    /// <summary>The length of the whole frame in bytes, as we write it.</summary>
    public const int Length = FrameHeader.Length + BodyLength;

    private const int AddressLength = 16;
    private const int BodyLength = NodeKey.Length + AddressLength + sizeof(ushort) + 1;

    /// <summary>Writes the whole frame. An address that is not valid is written as zeroes.</summary>
    public static void Write(Span<byte> destination, NodeKey peer, TransportAddress address, PeerPresentFlags flags)
    {
        FrameHeader.Write(destination, FrameType.PeerPresent, BodyLength);
        Span<byte> body = destination.Slice(FrameHeader.Length, BodyLength);
        peer.CopyTo(body);
        address.WriteBytes16(body[NodeKey.Length..]);
        BinaryPrimitives.WriteUInt16BigEndian(body[(NodeKey.Length + AddressLength)..], address.Port);
        body[^1] = (byte)flags;
    }

    /// <summary>Reads the body. Old relays leave out the flags, and older ones the address too: what is absent is not valid, or none.</summary>
    /// <returns>False where the body is shorter than a key.</returns>
    public static bool TryRead(ReadOnlySpan<byte> body, out NodeKey peer, out TransportAddress address, out PeerPresentFlags flags)
    {
        peer = default;
        address = default;
        flags = default;
        if (body.Length < NodeKey.Length) return false;
        peer = new NodeKey(body[..NodeKey.Length]);
        ReadOnlySpan<byte> rest = body[NodeKey.Length..];
        if (rest.Length < AddressLength + sizeof(ushort)) return true;
        address = TransportAddress.FromBytes16(rest, BinaryPrimitives.ReadUInt16BigEndian(rest[AddressLength..]));
        if (rest.Length >= BodyLength - NodeKey.Length) flags = (PeerPresentFlags)rest[AddressLength + sizeof(ushort)];
        return true;
    }
}

/// <summary>ForwardPacket: the source's key (32 bytes), the destination's key (32), then the packet. It goes one hop and no further.</summary>
public static class ForwardPacketFrame
{
    /// <summary>What stands in front of the packet, in bytes: header and both keys.</summary>
    public const int PrefixLength = FrameHeader.Length + KeysLength;

    /// <summary>The length of both keys in bytes: the shortest body.</summary>
    public const int KeysLength = 2 * NodeKey.Length;

    /// <summary>Writes what stands in front of a packet.</summary>
    public static void WritePrefix(Span<byte> destination, NodeKey source, NodeKey target, int packetLength)
    {
        FrameHeader.Write(destination, FrameType.ForwardPacket, KeysLength + packetLength);
        source.CopyTo(destination[FrameHeader.Length..]);
        target.CopyTo(destination[(FrameHeader.Length + NodeKey.Length)..]);
    }

    /// <summary>
    /// Turns a whole ForwardPacket frame into the RecvPacket it becomes for its destination. That is shorter by a key, so it ends where the
    /// other ended and begins <see cref="NodeKey.Length"/> bytes later.
    /// </summary>
    /// <param name="frame">The whole frame, header included, of a length that was checked; its first bytes are lost.</param>
    /// <param name="source">Who sent the packet, as the other relay says.</param>
    /// <param name="target">Whom it is for.</param>
    /// <returns>The RecvPacket frame. It aliases <paramref name="frame"/>.</returns>
    public static Span<byte> ToRecvPacket(Span<byte> frame, out NodeKey source, out NodeKey target)
    {
        source = new NodeKey(frame.Slice(FrameHeader.Length, NodeKey.Length));
        target = new NodeKey(frame.Slice(FrameHeader.Length + NodeKey.Length, NodeKey.Length));
        Span<byte> received = frame[NodeKey.Length..];
        PacketFrame.WritePrefix(received, FrameType.RecvPacket, source, received.Length - PacketFrame.PrefixLength);
        return received;
    }
}

/// <summary>WatchConns: an empty frame by which a relay asks to hear who comes and who goes.</summary>
public static class WatchConnsFrame
{
    /// <summary>The whole frame.</summary>
    public static ReadOnlySpan<byte> Bytes => [(byte)FrameType.WatchConns, 0, 0, 0, 0];
}

/// <summary>ClosePeer: the key (exactly 32 bytes) all of whose connections the relay is to close.</summary>
public static class ClosePeerFrame
{
    /// <summary>The length of the whole frame in bytes.</summary>
    public const int Length = FrameHeader.Length + NodeKey.Length;

    /// <summary>Writes the whole frame.</summary>
    public static void Write(Span<byte> destination, NodeKey peer)
    {
        FrameHeader.Write(destination, FrameType.ClosePeer, NodeKey.Length);
        peer.CopyTo(destination[FrameHeader.Length..]);
    }
}
