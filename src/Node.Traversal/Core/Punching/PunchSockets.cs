using Addresses;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>The extra sockets of one peer: those of the round under way, and those that won and carry a path.</summary>
internal sealed class PunchSockets(NodeContext context, PeerSession peer)
{
    /// <summary>Sockets whose ports a NAT that gives them in sequence is asked for: one would do, but for loss.</summary>
    private const int WindowSockets = 4;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);

    private readonly List<SocketId> _open = [];
    private Instant _nextLook = Instant.Never;

    /// <summary>Those that are open.</summary>
    public IReadOnlyList<SocketId> Open => _open;

    /// <summary>When it is looked at which of them are still used; never where there are none.</summary>
    public Instant NextTimeout => _nextLook;

    /// <summary>Opens one; false where there are too many.</summary>
    public bool TryOpen(out SocketId socket)
    {
        if (!context.Sockets.TryOpen(peer.Key, out socket)) return false;
        _open.Add(socket);
        return true;
    }

    /// <summary>Opens one; the node's own where there are too many.</summary>
    public SocketId OpenOrOwn() => TryOpen(out SocketId socket) ? socket : SocketId.Ipv4;

    /// <summary>Asks which ports a new socket has. A window, which must lie between the answers, is opened between the questions.</summary>
    /// <param name="strategy">What it is asked for.</param>
    /// <param name="target">Where the window opens to.</param>
    /// <param name="round">The round.</param>
    /// <param name="now">The present.</param>
    /// <returns>What takes the answers; null where there is nobody to ask, or no socket.</returns>
    public PortSampler? Sample(PunchStrategy strategy, TransportAddress target, long round, Instant now)
    {
        if (!PortSampler.IsPossible(context) || !TryOpen(out SocketId socket)) return null;
        PortSampler sampler = new(context, socket, foretells: strategy.Method != PunchingMethod.FreshPorts, round);
        sampler.AskFirst(now);
        if (strategy.IsSampledHere) OpenWindow(target, strategy.OpenerHops);
        sampler.AskSecond();
        return sampler;
    }

    /// <summary>Closes those on which nothing of the peer's has come. A peer may have chosen another of ours than we have: both stay.</summary>
    public void CloseUnused(Instant now)
    {
        for (int i = _open.Count - 1; i >= 0; i--)
        {
            if (!peer.Finder.IsUsed(_open[i], now)) CloseAt(i, now);
        }

        _nextLook = _open.Count > 0 ? now + LookInterval : Instant.Never;
    }

    /// <summary>Closes all.</summary>
    public void CloseAll(Instant now)
    {
        for (int i = _open.Count - 1; i >= 0; i--) CloseAt(i, now);
        _nextLook = Instant.Never;
    }

    /// <summary>The system has not opened one, or has closed it.</summary>
    public void HandleLost(SocketId socket, Instant now)
    {
        int index = _open.IndexOf(socket);
        if (index >= 0) CloseAt(index, now);
    }

    /// <summary>Closes what a path has used and uses no more.</summary>
    public void HandleTimeout(Instant now)
    {
        if (_nextLook <= now && !peer.Punch.IsBusy) CloseUnused(now);
        else if (_nextLook <= now) _nextLook = now + LookInterval;
    }

    /// <summary>Opens the window: each socket takes the next port of our NAT towards the peer, those that are open first. The packets die before they get there.</summary>
    private void OpenWindow(TransportAddress target, byte openerHops)
    {
        while (_open.Count < WindowSockets && TryOpen(out _)) continue;
        foreach (SocketId socket in _open) peer.SendCheck(new PathCheck(new PairId(socket, target), PunchRound.NewId(context)) { Ttl = openerHops });
    }

    private void CloseAt(int index, Instant now)
    {
        SocketId socket = _open[index];
        _open.RemoveAt(index);
        context.Sockets.Close(socket);
        peer.Finder.HandleSocketClosed(socket, now);
    }
}
