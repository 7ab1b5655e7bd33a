using Addresses;

namespace Node.Traversal.Core.Paths;

/// <summary>Where packets to one peer go from now on: one immutable value, read by the data plane without a lock.</summary>
/// <param name="Kind">The way.</param>
/// <param name="Socket">The socket of a direct path.</param>
/// <param name="Remote">The peer's address on a direct path.</param>
/// <param name="RegionId">The connected relay to use, for a relayed path and wherever both are wanted; 0 = none is connected.</param>
/// <param name="IsSuspect">Says that a direct path may be broken, or has not carried data yet: packets go both ways until it is known.</param>
internal sealed record SelectedPath(PathKind Kind, SocketId Socket, TransportAddress Remote, int RegionId, bool IsSuspect)
{
    private const int Ipv4Header = 20;
    private const int Ipv6Header = 40;
    private const int UdpHeader = 8;

    /// <summary>
    /// Says that the peer has not been heard through any relay yet, or not since something was wrong, or is said to be gone: packets are sent,
    /// and a copy is held for the moment in which it comes. Whoever starts a moment earlier than its peer, or has to connect again, loses nothing.
    /// </summary>
    public bool IsUnproven { get; init; }

    /// <summary>The longest IP packet that a direct path was found to carry whole, in bytes with its headers; null = not known.</summary>
    public int? Mtu { get; init; }

    /// <summary>The longest datagram, in bytes, that is not known to be more than the path carries whole.</summary>
    public int LongestWhole => Mtu is { } mtu ? mtu - HeadersTo(Remote) : int.MaxValue;

    /// <summary>Bytes of an IP header and a UDP header before a datagram to that address (RFC 791, RFC 8200, RFC 768).</summary>
    public static int HeadersTo(TransportAddress remote) => (remote.IsIpv4 ? Ipv4Header : Ipv6Header) + UdpHeader;

    /// <summary>No way at present.</summary>
    public static SelectedPath None { get; } = new(PathKind.None, default, default, 0, false);

    /// <summary>A relayed path.</summary>
    public static SelectedPath ByRelay(int regionId) => new(PathKind.Relay, default, default, regionId, false);

    /// <summary>A direct path, with the relay to fall back to.</summary>
    public static SelectedPath Direct(PairId pair, int regionId, bool isSuspect) => new(PathKind.Direct, pair.Socket, pair.Remote, regionId, isSuspect);
}

/// <summary>A way to reach a peer: one of our sockets and one of its addresses (RFC 8445's candidate pair).</summary>
/// <param name="Socket">The local socket.</param>
/// <param name="Remote">The peer's address as seen from it.</param>
internal readonly record struct PairId(SocketId Socket, TransportAddress Remote) : IComparable<PairId>
{
    /// <summary>Some order: it decides where nothing else does.</summary>
    public int CompareTo(PairId other)
    {
        int bySocket = Socket.Value.CompareTo(other.Socket.Value);
        if (bySocket != 0) return bySocket;
        int byAddress = Remote.Bits.CompareTo(other.Remote.Bits);
        if (byAddress != 0) return byAddress;
        int byPort = Remote.Port.CompareTo(other.Remote.Port);
        return byPort != 0 ? byPort : Remote.Zone.CompareTo(other.Remote.Zone);
    }
}
