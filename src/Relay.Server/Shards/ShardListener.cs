using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Addresses;
using Timing;

namespace Relay.Server.Shards;

/// <summary>A listening socket in a shard's epoll set; it stays its endpoint's.</summary>
internal sealed class ShardListener(ShardEndpoint endpoint, int descriptor)
{
    private const int FirstToken = Epoll.WakeToken - 1; // Below the tokens of connections, one down for each.

    public ShardEndpoint Endpoint => endpoint;

    public int Descriptor => descriptor;

    public int Index { get; set; }

    public int Token => FirstToken - Index;

    /// <summary>Until when nothing is accepted, because there is nothing left to accept it with; <see cref="Instant.Never"/> = it is not paused.</summary>
    public Instant PausedUntil { get; set; } = Instant.Never;

    public static int IndexOf(int token) => FirstToken - token;
}

/// <summary>The address of a peer as Linux writes it: struct sockaddr_in or sockaddr_in6.</summary>
internal static class ListenerAddress
{
    public const int MaxLength = 28;

    private const int PortOffset = 2;
    private const int Ipv4Offset = 4;
    private const int Ipv6Offset = 8; // Behind the flow label.

    /// <summary>Reads an address; none where it is of another family.</summary>
    public static TransportAddress Read(ReadOnlySpan<byte> address)
    {
        if (address.Length < Ipv6Offset) return default;
        ushort port = BinaryPrimitives.ReadUInt16BigEndian(address[PortOffset..]);
        return MemoryMarshal.Read<ushort>(address) switch
        {
            LibC.AddressFamilyIpv4 => TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(address[Ipv4Offset..]), port),
            LibC.AddressFamilyIpv6 when address.Length == MaxLength => TransportAddress.FromBytes16(address.Slice(Ipv6Offset, 16), port),
            _ => default,
        };
    }
}
