using Addresses;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core;

/// <summary>Finds out whose a control packet is, whether it may come that way, and gives it to whom it concerns. What is let go is counted.</summary>
internal sealed class PacketIntake(NodeContext context, PeerTable peers, AddressBook addresses, StunProber stun, OwnNetwork network)
{
    /// <summary>Takes a disco packet that came by relay.</summary>
    /// <returns>False where it is from nobody we know; it is counted.</returns>
    public bool TryHandleRelayed(int regionId, NodeKey source, ReadOnlySpan<byte> packet, Instant now)
    {
        if (!peers.TryFind(source, out PeerSession? peer) || !DiscoEnvelope.TryReadSender(packet, out NodeKey sender))
        {
            context.Drops.Count(NodeDrop.UnknownKey);
            return false;
        }

        if (sender == source) peers.HandleHello(peer, regionId, packet, now);
        else if (peer.DiscoKey?.Value == sender) HandleRelayedDisco(peer, regionId, packet, now);
        else context.Drops.Count(NodeDrop.UnknownKey);
        peer.Drain(now);
        return true;
    }

    /// <summary>Takes a STUN or disco datagram.</summary>
    /// <returns>False where it says nothing; it is counted.</returns>
    public bool TryHandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!DiscoEnvelope.TryReadSender(datagram, out NodeKey sender)) return TryHandleStun(socket, source, datagram, now);

        if (!peers.TryFindByDiscoKey(sender, out PeerSession? found)) { context.Drops.Count(NodeDrop.UnknownKey); return false; }
        if (!found.IsUsable(source)) { context.Drops.Count(NodeDrop.RefusedSource); return false; }
        if (found.Open(datagram) is not { } message) return false;

        PeerSession peer = peers.OwnerOf(message, found);
        PairId pair = new(socket, source);
        bool isProven = false;
        switch ((DiscoMessageType)message[0])
        {
            case DiscoMessageType.Ping: isProven = peer.HandlePing(pair, message, now); break;
            case DiscoMessageType.Pong: isProven = peer.HandlePong(pair, message, now); break;
            case DiscoMessageType.CallMeMaybe or DiscoMessageType.Candidates or DiscoMessageType.Hello or DiscoMessageType.PunchingPlan: context.Drops.Count(NodeDrop.WrongWay); return false;
            default: context.Drops.Count(NodeDrop.UnknownType); return false;
        }

        if (isProven) addresses.HandleProven(source, peer.Key, isAnswer: (DiscoMessageType)message[0] == DiscoMessageType.Pong);
        peer.Drain(now);
        return true;
    }

    private void HandleRelayedDisco(PeerSession peer, int regionId, ReadOnlySpan<byte> packet, Instant now)
    {
        if (peer.Open(packet) is not { } message) return;
        peer.HandleHeard(regionId, isAnswer: false, now);
        switch ((DiscoMessageType)message[0])
        {
            case DiscoMessageType.CallMeMaybe: peer.Candidates.HandleCallMeMaybe(message, now); break;
            case DiscoMessageType.PunchingPlan: peer.HandlePlan(message, now); break;
            case DiscoMessageType.Candidates: peer.Candidates.HandleList(message, now); break;
            case DiscoMessageType.Ping or DiscoMessageType.Pong or DiscoMessageType.Hello: context.Drops.Count(NodeDrop.WrongWay); break;
            default: context.Drops.Count(NodeDrop.UnknownType); break;
        }
    }

    private bool TryHandleStun(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (socket == SocketId.Ipv4 || socket == SocketId.Ipv6)
        {
            bool counts = stun.TryHandleResponse(source, datagram, now, out bool isNews);
            if (isNews) network.Update(now);
            return counts;
        }

        if (!context.Sockets.TryFindOwner(socket, out NodeKey owner) || !peers.TryFind(owner, out PeerSession? peer))
        {
            context.Drops.Count(NodeDrop.UnmatchedStun);
            return false;
        }

        peer.Punch.HandleStun(socket, source, datagram, now);
        peer.Drain(now);
        return true;
    }
}
