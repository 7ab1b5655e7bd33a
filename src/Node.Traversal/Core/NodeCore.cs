using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// Everything a node decides: whom to greet, where it is at home, what to check, which path each peer's packets take, and why a pair is
/// not direct. Sans-IO and single-threaded: one loop hands it inputs with the time, and drains transmits and events after each.
/// </summary>
internal sealed partial class NodeCore
{
    /// <summary>Makes a core that knows no peers and no addresses yet.</summary>
    public NodeCore(NodeCoreOptions options, RelayMap map, Instant now) => throw new NotImplementedException();

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout => throw new NotImplementedException();

    public void HandleTimeout(Instant now) => throw new NotImplementedException();

    public bool TryDequeueTransmit(out Transmit transmit) => throw new NotImplementedException();

    public bool TryDequeueEvent(out NodeEvent? nodeEvent) => throw new NotImplementedException();

    public void HandlePeerAdded(PeerOptions peer, Instant now) => throw new NotImplementedException();

    public void HandlePeerRemoved(NodeKey peer, Instant now) => throw new NotImplementedException();

    /// <summary>The relay map has changed.</summary>
    public void HandleRelayMap(RelayMap map, Instant now) => throw new NotImplementedException();

    /// <summary>Takes the STUN servers of the map, looked up by the shell; again whenever that changes. The first call starts the probing.</summary>
    public void HandleStunServers(IReadOnlyList<StunServerAddress> servers, Instant now) => throw new NotImplementedException();

    /// <summary>Takes the addresses of the machine's interfaces, WireGuard's own not among them. A change counts as a change of network.</summary>
    public void HandleLocalAddresses(IReadOnlyList<TransportAddress> addresses, Instant now) => throw new NotImplementedException();

    /// <summary>Takes the WireGuard interface's own addresses: never candidates, never probe sources.</summary>
    public void HandleTunnelAddresses(IReadOnlyList<TransportAddress> addresses, Instant now) => throw new NotImplementedException();

    /// <summary>A relay connection is up: ServerInfo has come.</summary>
    public void HandleRelayConnected(int regionId, Instant now) => throw new NotImplementedException();

    /// <summary>A relay connection was lost, or an attempt at it failed.</summary>
    public void HandleRelayDisconnected(int regionId, Instant now) => throw new NotImplementedException();

    /// <summary>Takes a disco packet that came by relay.</summary>
    public void HandleRelayPacket(int regionId, NodeKey source, ReadOnlySpan<byte> packet, Instant now) => throw new NotImplementedException();

    /// <summary>The relay says that a peer has left or is not there.</summary>
    public void HandlePeerGone(int regionId, NodeKey peer, PeerGoneReason reason, Instant now) => throw new NotImplementedException();

    /// <summary>Takes a STUN or disco datagram.</summary>
    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now) => throw new NotImplementedException();

    /// <summary>The system refused to send on a direct path (no route, network down, not permitted): the path is lost at once.</summary>
    public void HandleSendFailed(NodeKey peer, TransportAddress remote, Instant now) => throw new NotImplementedException();

    /// <summary>The data plane has news in the peer's <see cref="Paths.PathTraffic"/>.</summary>
    public void HandleTraffic(NodeKey peer, Instant now) => throw new NotImplementedException();

    /// <summary>How the peer stands; null for a key that was not added.</summary>
    public PeerReport? Describe(NodeKey peer) => throw new NotImplementedException();

    /// <summary>The region the node is at home in; 0 = none yet.</summary>
    public int HomeRegion => throw new NotImplementedException();
}
