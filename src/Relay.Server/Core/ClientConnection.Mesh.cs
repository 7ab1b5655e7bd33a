using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <content>What only another relay of the region may ask: to watch, to forward, to close.</content>
internal sealed partial class ClientConnection
{
    private LastForward? _lastForward; // Few are relays: the others need no room for this.

    /// <summary>Says whether the client has shown the region's secret.</summary>
    public bool IsMeshPeer { get; private set; }

    /// <summary>What watchers are told of the client.</summary>
    public PeerPresentFlags Flags
    {
        get
        {
            PeerPresentFlags flags = (IsMeshPeer ? PeerPresentFlags.MeshPeer : 0) | (Info is { IsProber: true } ? PeerPresentFlags.Prober : 0) | (IsNotIdeal ? PeerPresentFlags.NotIdeal : 0);
            return flags == 0 ? PeerPresentFlags.Regular : flags;
        }
    }

    /// <summary>Tells the client, from now on, who is connected, who comes and who goes.</summary>
    private void Watch(HashSet<ClientConnection> woken)
    {
        // A relay that reaches itself by its public name has nothing to learn.
        if (Key == _identity.Keys.PublicKey || Queue.Feed is not null) return;
        PresenceFeed feed = new(_set!.Tenant);
        Queue.Feed = feed;
        _set.Tenant.AddWatcher(this);
        foreach (ClientSet set in _set.Tenant.Clients) feed.TryMark(set.Key); // After the watcher was added: whoever comes meanwhile is marked twice at most.
        woken.Add(this);
    }

    private void ClosePeer(ReadOnlySpan<byte> body)
    {
        if (_set!.Tenant.Find(new NodeKey(body)) is not { } peer) return;
        foreach (ClientConnection connection in peer.Connections) connection.Shell?.End(CloseReason.ClosedByMesh);
    }

    /// <summary>Brings a packet that another relay has sent on to its destination here: one hop, and never a second.</summary>
    private void RouteForwarded(Span<byte> frame, Instant now, HashSet<ClientConnection> woken)
    {
        Span<byte> received = ForwardPacketFrame.ToRecvPacket(frame, out NodeKey source, out NodeKey target);
        ReadOnlySpan<byte> packet = received[PacketFrame.PrefixLength..];
        PacketKind kind = PacketKinds.Of(packet);
        _router.Counters.CountForwardedIn(packet.Length);

        ClientConnection? receiver = FindForwardReceiver(source, target);
        if (receiver is null)
        {
            _router.Counters.CountDrop(DropReason.UnknownDestinationOnForward, kind);
            if (kind == PacketKind.Disco) SayNotHere(target, now, woken);
            return;
        }

        Deliver(receiver, received, kind, now, woken);
    }

    private ClientConnection? FindForwardReceiver(NodeKey source, NodeKey target)
    {
        if (_lastForward is { } last && target == last.Target && source == last.Source && last.Set?.Active is { } same) return same;

        ClientSet? set = _set!.Tenant.Find(target);
        if (set?.Active is not { } active) return null;
        _lastForward ??= new LastForward();
        (_lastForward.Source, _lastForward.Target, _lastForward.Set) = (source, target, set);
        _set.Tenant.NoteForwarded(source, set, _router.Departures);
        return active;
    }

    /// <summary>From whom and to whom the last packet went: the next most often goes the same way.</summary>
    private sealed class LastForward
    {
        public NodeKey Source { get; set; }

        public NodeKey Target { get; set; }

        public ClientSet? Set { get; set; }
    }
}
