using Node.Traversal.Io.Relay;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>Says what has become of one connection, and takes no packet, move or word of a peer: there is nobody else.</summary>
internal sealed class LoneReceiver : IRelayReceiver
{
    private readonly TaskCompletionSource _connected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The relay has let us in; fails where an attempt at it does.</summary>
    public Task Connected => _connected.Task;

    /// <summary>The relay was heard.</summary>
    public Task Heard => _heard.Task;

    /// <summary>The connection has ended, or an attempt at one.</summary>
    public Task Lost => _lost.Task;

    public void HandleConnected(RelayClient relay) => _connected.TrySetResult();

    public void HandleDisconnected(RelayClient relay)
    {
        _connected.TrySetException(new IOException(relay.Problem));
        _lost.TrySetResult();
    }

    public void HandlePacket(RelayClient relay, NodeKey source, ReadOnlySpan<byte> packet) => Assert.Fail("There are no peers.");

    public void HandleHeard(RelayClient relay) => _heard.TrySetResult();

    public void HandleRoundEnd(RelayClient relay) => Assert.NotNull(relay);

    public void HandleMove(RelayClient relay, MoveFrame move) => Assert.Fail("Nobody drains.");

    public void HandlePeerGone(RelayClient relay, NodeKey peer, PeerGoneReason reason) => Assert.Fail("There are no peers.");
}
