using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Paths;

/// <summary>A connectivity check to send.</summary>
internal readonly record struct PathCheck(PairId Pair, PingId Id)
{
    /// <summary>How many hops it may go; 0 = as many as the system says.</summary>
    public byte Ttl { get; init; }

    /// <summary>How long the IP packet is to be that carries it, in bytes, and not to be cut into fragments; 0 = as short as it is.</summary>
    public int PacketLength { get; init; }
}
