using System.Buffers.Binary;
using Addresses;

namespace Relay.Protocol.Disco;

/// <summary>The id of one connectivity check: 96 random bits.</summary>
/// <param name="High">The first 8 bytes.</param>
/// <param name="Low">The last 4 bytes.</param>
public readonly record struct PingId(ulong High, uint Low)
{
    /// <summary>The length of an id in bytes.</summary>
    public const int Length = 12;

    /// <summary>Reads an id from its 12 bytes.</summary>
    public static PingId Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt32BigEndian(bytes[8..]));

    /// <summary>Writes the 12 bytes.</summary>
    public void CopyTo(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], Low);
    }
}

/// <summary>Ping: type 1, version 0, id (12 bytes), the sender's node key (32 bytes), padding to probe the path's MTU.</summary>
/// <param name="Id">The id, which the answer repeats.</param>
/// <param name="Sender">The sender's node key. It must be the owner of the key that sealed the envelope.</param>
public readonly record struct DiscoPing(PingId Id, NodeKey Sender)
{
    /// <summary>The length of a message without padding, in bytes.</summary>
    public const int Length = 2 + PingId.Length + NodeKey.Length;

    /// <summary>Writes the whole message.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)DiscoMessageType.Ping;
        destination[1] = 0;
        Id.CopyTo(destination[2..]);
        Sender.CopyTo(destination[(2 + PingId.Length)..]);
    }

    /// <summary>Reads a message whose type is known to be Ping: false where it is too short or of another version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out DiscoPing ping)
    {
        ping = default;
        if (message.Length < Length || message[1] != 0) return false;
        ping = new DiscoPing(PingId.Read(message[2..]), new NodeKey(message.Slice(2 + PingId.Length, NodeKey.Length)));
        return true;
    }
}

/// <summary>
/// Pong: type 2, version 0, id (12 bytes), where the Ping came from as seen here: address (16 bytes, IPv4 mapped), port (16 bits). Ours go on
/// (the field's end here, and readers of them ignore what follows): how many data packets the sender has received directly from the one it
/// answers (32 bits), so that the other end sees whether data passes where checks do.
/// </summary>
/// <param name="Id">The id of the Ping.</param>
/// <param name="Observed">The source of the Ping.</param>
public readonly record struct DiscoPong(PingId Id, TransportAddress Observed)
{
    /// <summary>The length of a message in bytes, without the count.</summary>
    public const int Length = 2 + PingId.Length + 18;

    /// <summary>The length of a message with the count.</summary>
    public const int LengthWithCount = Length + sizeof(uint);

    /// <summary>Data packets received directly since the sender's start, modulo 2³²; null = it does not say.</summary>
    public uint? DataReceived { get; init; }

    /// <summary>Writes the whole message: <see cref="LengthWithCount"/> bytes where <see cref="DataReceived"/> is said, else <see cref="Length"/>.</summary>
    public void Write(Span<byte> destination)
    {
        destination[0] = (byte)DiscoMessageType.Pong;
        destination[1] = 0;
        Id.CopyTo(destination[2..]);
        WireAddress.Write(destination[(2 + PingId.Length)..], Observed);
        if (DataReceived is { } count) BinaryPrimitives.WriteUInt32BigEndian(destination[Length..], count);
    }

    /// <summary>Reads a message whose type is known to be Pong: false where it is too short or of another version.</summary>
    public static bool TryRead(ReadOnlySpan<byte> message, out DiscoPong pong)
    {
        pong = default;
        if (message.Length < Length || message[1] != 0) return false;
        pong = new DiscoPong(PingId.Read(message[2..]), WireAddress.Read(message[(2 + PingId.Length)..]))
        {
            DataReceived = message.Length >= LengthWithCount ? BinaryPrimitives.ReadUInt32BigEndian(message[Length..]) : null,
        };
        return true;
    }
}
