using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Core;

/// <summary>Which relays are there, and which peers at them: what their coming and going means for the routes to peers, and for who is greeted.</summary>
internal sealed class RelayPresence(NodeContext context, PeerTable peers)
{
    /// <summary>A relay connection is up.</summary>
    public void HandleConnected(int regionId, Instant now)
    {
        NodeContext.RelayLink link = context.Link(regionId);
        bool isReturn = link.WasConnected;
        Instant? lastHeard = link.LastHeard;
        link.IsConnected = true;
        link.WasConnected = true;
        link.FailingSince = null;
        link.ConnectedSince = now;
        link.LastHeard = now;
        context.HaveRoutesChanged = true;
        foreach (PeerSession peer in peers.All)
        {
            peer.Route.HandleReconnected(regionId);
            if (peer.Route.Choose(now) == 0) continue;

            // A greeting that had no way to go goes now; and who comes back says so, for others may have been told that it was gone.
            if (!peer.IsConfirmed || peer.Hellos.IsAwaiting) peer.Hellos.Ask(now);
            else if (isReturn || peer.Route.HasFollowed(regionId)) peer.Hellos.Plan(now);
            bool isWordLost = isReturn && peer.LastCallMeMaybe > lastHeard; // It went into a connection that may have been dead by then.
            if (peer.Finder.Selected is null || peer.Finder.IsSuspect || isWordLost) peer.PlanCallMeMaybe(now);
        }

        peers.Drain(now);
    }

    /// <summary>A relay connection was lost, or an attempt at it failed.</summary>
    public void HandleDisconnected(int regionId, Instant now)
    {
        NodeContext.RelayLink link = context.Link(regionId);
        link.IsConnected = false;
        link.ConnectedSince = null;
        link.FailingSince ??= now;
        context.HaveRoutesChanged = true;
        foreach (PeerSession peer in peers.All)
        {
            if (peer.Path.RegionId == regionId) peer.RelayProof.Doubt(now);
        }

        peers.Drain(now);
    }

    /// <summary>Something has come from the relay.</summary>
    public void HandleHeard(int regionId, Instant now)
    {
        if (context.IsConnected(regionId)) context.Link(regionId).LastHeard = now;
    }

    /// <summary>The relay says that a peer has left or is not there.</summary>
    /// <returns>False where it is no peer of ours.</returns>
    public bool TryHandlePeerGone(int regionId, NodeKey key, PeerGoneReason reason, Instant now)
    {
        if (!peers.TryFind(key, out PeerSession? peer)) return false;

        // It clears a relay route and nothing else: a direct path is proven by its own checks. NotHere answers a Hello of ours, which is
        // repeated anyway; a peer that has left is asked for, so that we hear of it when it is back elsewhere.
        int before = peer.Route.Choose(now);
        peer.Route.HandleGone(regionId, now);
        peer.PairRelay.HandleGone(regionId);
        bool hasOtherRoute = peer.Route.Choose(now) != before && !peer.Route.IsGoneEverywhere(now);
        if (reason == PeerGoneReason.Disconnected || hasOtherRoute) peer.Hellos.Ask(now);
        peer.Drain(now);
        return true;
    }
}
