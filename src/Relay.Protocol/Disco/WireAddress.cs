using System.Buffers;
using System.Buffers.Binary;
using Addresses;
using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>A transport address in a disco message: 16 bytes of address (IPv4 as ::ffff:a.b.c.d), 16 bits of port.</summary>
internal static class WireAddress
{
    public const int Length = 18;

    public static void Write(Span<byte> destination, TransportAddress address)
    {
        address.WriteBytes16(destination);
        BinaryPrimitives.WriteUInt16BigEndian(destination[16..], address.Port);
    }

    public static TransportAddress Read(ReadOnlySpan<byte> source) =>
        TransportAddress.FromBytes16(source, BinaryPrimitives.ReadUInt16BigEndian(source[16..]));

    /// <summary>Reads one that stands in a MessagePack body, as binary.</summary>
    /// <exception cref="MessagePackSerializationException">It is no address.</exception>
    public static TransportAddress Read(ref MessagePackReader reader)
    {
        if (reader.ReadBytes() is not { Length: Length } bytes) throw new MessagePackSerializationException($"An address has {Length} bytes.");
        Span<byte> copy = stackalloc byte[Length];
        bytes.CopyTo(copy);
        return Read(copy);
    }
}
