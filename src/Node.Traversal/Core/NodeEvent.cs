using Addresses;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Paths;
using Relay.Protocol;

namespace Node.Traversal.Core;

/// <summary>What the core has decided and the shell must carry out or pass on.</summary>
internal abstract record NodeEvent
{
    /// <summary>From the next packet on, data to the peer goes this way.</summary>
    public sealed record PathSelected(NodeKey Peer, SelectedPath Path) : NodeEvent;

    /// <summary>Data from this address is the peer's: the address is proven by a sealed message.</summary>
    public sealed record AddressLearnt(TransportAddress Address, NodeKey Peer) : NodeEvent;

    /// <summary>Data from this address is nobody's any more.</summary>
    public sealed record AddressForgotten(TransportAddress Address) : NodeEvent;

    /// <summary>Open one more IPv4 socket, on any port, under this name; from the next datagram on it is there.</summary>
    public sealed record SocketWanted(SocketId Socket) : NodeEvent;

    /// <summary>Close that socket.</summary>
    public sealed record SocketUnwanted(SocketId Socket) : NodeEvent;

    /// <summary>Connect to this region, and stay connected.</summary>
    public sealed record RelayWanted(int RegionId) : NodeEvent;

    /// <summary>This region is not needed any more.</summary>
    public sealed record RelayUnwanted(int RegionId) : NodeEvent;

    /// <summary>The node is at home in this region now (NotePreferred there, and no longer at the one before); 0 = nowhere.</summary>
    public sealed record HomeSelected(int RegionId) : NodeEvent;

    /// <summary>Our own network may have changed unseen: ask the relays for a sign of life.</summary>
    public sealed record NetworkDoubted : NodeEvent;

    /// <summary>Measure these regions by HTTPS, the nearest first, and hand back what was found with the round's number.</summary>
    public sealed record HttpsLatencyWanted(int Round, IReadOnlyList<int> Regions) : NodeEvent;

    /// <summary>The peer is at home in this region: worth keeping over a restart.</summary>
    public sealed record PeerHomeLearnt(NodeKey Peer, int RegionId) : NodeEvent;

    /// <summary>
    /// Ask these servers of one family what NAT stands before us, on sockets that are not the node's own, one server after the other until all
    /// is known; what comes of it goes to <see cref="NodeCore.HandleNatProfile"/>. One that runs is given up.
    /// </summary>
    public sealed record NatDiscoveryWanted(bool IsIpv4, IReadOnlyList<TransportAddress> Servers) : NodeEvent;

    /// <summary>A discovery has found out more of that network's NAT for one family: worth keeping for the next time the node comes there.</summary>
    public sealed record NatLearnt(NetworkFingerprint Network, bool IsIpv4, RememberedNat Nat) : NodeEvent;
}
