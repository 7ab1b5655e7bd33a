using Addresses;
using Relay.Protocol;

namespace Node.Traversal.Core;

/// <summary>Names one of the node's UDP sockets. One socket serves each family; more come and go with hard punches.</summary>
/// <param name="Value">A small number, unique among the node's sockets.</param>
internal readonly record struct SocketId(int Value)
{
    /// <summary>The IPv4 socket.</summary>
    public static readonly SocketId Ipv4 = new(0);

    /// <summary>The IPv6 socket.</summary>
    public static readonly SocketId Ipv6 = new(1);

    /// <summary>The socket that can reach <paramref name="address"/>.</summary>
    public static SocketId For(TransportAddress address) => address.IsIpv4 ? Ipv4 : Ipv6;
}

/// <summary>One control message on its way out, by UDP or by relay.</summary>
/// <param name="Payload">The bytes. The receiver of this value owns them.</param>
/// <param name="Socket">The socket to send from; only for UDP.</param>
/// <param name="Destination">Where to send; not valid = by relay.</param>
/// <param name="RegionId">The relay to send through; only by relay.</param>
/// <param name="Peer">Who it is for; only by relay.</param>
internal readonly record struct Transmit(byte[] Payload, SocketId Socket, TransportAddress Destination, int RegionId, NodeKey Peer)
{
    /// <summary>How many hops a datagram may go (IPv4's TTL, IPv6's hop limit); 0 = as many as the system says.</summary>
    public byte Ttl { get; init; }

    /// <summary>Says that a datagram must not be cut into fragments: it arrives whole or not at all (IPv4's don't-fragment bit).</summary>
    public bool IsWhole { get; init; }

    /// <summary>Says whether this goes by relay.</summary>
    public bool IsByRelay => !Destination.IsValid;

    /// <summary>A datagram.</summary>
    public static Transmit ByUdp(SocketId socket, TransportAddress destination, byte[] payload) => new(payload, socket, destination, 0, default);

    /// <summary>A relayed packet.</summary>
    public static Transmit ByRelay(int regionId, NodeKey peer, byte[] payload) => new(payload, default, default, regionId, peer);
}
