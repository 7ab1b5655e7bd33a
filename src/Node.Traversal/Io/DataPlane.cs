using Addresses;
using Node.Traversal.Io.Relay;
using Relay.Protocol;
using Timing;

namespace Node.Traversal.Io;

/// <summary>What peers need to send: sockets, relays, the clock, and the loop's ear. Made before the parts it joins, so these are set once.</summary>
internal sealed class DataPlane(MonotonicClock clock, TraversalCounters counters, UdpSockets sockets)
{
    public MonotonicClock Clock => clock;

    public TraversalCounters Counters => counters;

    public UdpSockets Sockets => sockets;

    /// <summary>The loop that hears of traffic.</summary>
    public required NodeLoop Loop { get; init; }

    /// <summary>The connections to relays.</summary>
    public required RelayConnections Relays { get; init; }

    /// <summary>Queues a packet to go by relay; false where that relay is not connected.</summary>
    public bool QueueByRelay(int regionId, NodeKey peer, ReadOnlySpan<byte> packet, Instant now) =>
        Relays.FindConnected(regionId) is { } relay && relay.TryQueueData(peer, packet, now);

    public void FlushRelay(int regionId) => Relays.FindConnected(regionId)?.Flush();

    public bool IsConnected(int regionId) => Relays.FindConnected(regionId) is not null;

    public void TellTraffic(NodeKey peer) => Loop.Post((core, now) => core.HandleTraffic(peer, now));

    public void TellTunnelRanges(NodeKey peer, IReadOnlyList<IpPrefix> ranges) => Loop.Post((core, now) => core.HandlePeerTunnelRanges(peer, ranges, now));

    public void TellSendFailed(NodeKey peer, TransportAddress remote) => Loop.PostPacket(PacketOrigin.Own, (core, now) => core.HandleSendFailed(peer, remote, now));
}
