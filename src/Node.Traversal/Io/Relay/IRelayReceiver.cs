using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;

namespace Node.Traversal.Io.Relay;

/// <summary>Takes what relays say. Called on the task of the connection it came by.</summary>
internal interface IRelayReceiver
{
    /// <summary>The relay has let us in.</summary>
    void HandleConnected(RelayClient relay);

    /// <summary>The connection was lost, or an attempt at it has failed.</summary>
    void HandleDisconnected(RelayClient relay);

    /// <summary>A packet has come. It is valid only during the call.</summary>
    void HandlePacket(RelayClient relay, NodeKey source, ReadOnlySpan<byte> packet);

    /// <summary>Something has come, if only a keepalive. Told every few seconds at most.</summary>
    void HandleHeard(RelayClient relay);

    /// <summary>No more has come at once.</summary>
    void HandleRoundEnd(RelayClient relay);

    /// <summary>The relay is about to end, and asks us to leave it for another.</summary>
    void HandleMove(RelayClient relay, MoveFrame move);

    /// <summary>A peer cannot be reached here.</summary>
    void HandlePeerGone(RelayClient relay, NodeKey peer, PeerGoneReason reason);
}
