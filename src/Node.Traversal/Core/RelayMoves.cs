using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.RelayMaps;
using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// Leaves relays that are about to end, without losing a packet: another is connected to first, home moves there and every peer hears of it,
/// both are listened to until the peers have been heard elsewhere, and only then is the old one let go. A relay can ask for no more than that:
/// where to go is taken from the node's own map.
/// </summary>
internal sealed class RelayMoves(NodeContext context)
{
    /// <summary>How long the old relay is listened to once all peers have been heard elsewhere: what was on its way by it has come by then.</summary>
    private static readonly TimeSpan Afterglow = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a peer that does not answer is waited for.</summary>
    private static readonly TimeSpan LongestLinger = TimeSpan.FromSeconds(10);

    /// <summary>How long before its end the old relay is left at the latest.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMilliseconds(200);

    /// <summary>How long after its end a relay is not gone back to by itself: it restarts meanwhile, or is taken out of the map.</summary>
    private static readonly TimeSpan AvoidFor = TimeSpan.FromSeconds(60);

    private readonly Dictionary<int, RelayMove> _moves = [];

    /// <summary>When <see cref="Update"/> is due; null = nothing is planned.</summary>
    public Instant? NextTimeout { get; private set; }

    /// <summary>Says whether the relay is about to end, or has just ended: nothing new is begun there.</summary>
    public bool IsLeaving(int regionId) => _moves.ContainsKey(regionId);

    /// <summary>Says whether the relay has been left.</summary>
    public bool HasLeft(int regionId) => _moves.TryGetValue(regionId, out RelayMove? move) && move.HasLeft;

    /// <summary>Where home moves from that region, once the new relay is connected; 0 = nowhere.</summary>
    public int NewHome(int regionId) =>
        _moves.TryGetValue(regionId, out RelayMove? move) && move.Successor != 0 && context.IsConnected(move.Successor) ? move.Successor : 0;

    /// <summary>The relays that are moved to.</summary>
    public IEnumerable<int> Successors => _moves.Values.Where(move => !move.HasLeft && move.Successor != 0).Select(move => move.Successor);

    /// <summary>A relay asks us to leave it. Only the first time counts.</summary>
    /// <param name="regionId">The relay's region.</param>
    /// <param name="target">The region it names; 0 = none. One that is not in the map, or has no relay, is as good as none.</param>
    /// <param name="endsIn">When it ends.</param>
    /// <param name="now">The present.</param>
    public void HandleMove(int regionId, int target, TimeSpan endsIn, Instant now)
    {
        if (!context.IsConnected(regionId) || _moves.ContainsKey(regionId)) return;
        _moves.Add(regionId, new RelayMove(target, now, now + endsIn));
        context.HaveRoutesChanged = true;
    }

    /// <summary>Takes each move as far as it goes now.</summary>
    /// <returns>True where a relay has been left.</returns>
    public bool Update(IReadOnlyCollection<PeerSession> peers, StunProber stun, Instant now)
    {
        Instant next = Instant.Never;
        bool hasLeft = false;
        foreach ((int region, RelayMove move) in _moves.ToArray())
        {
            if (now >= move.EndsAt + AvoidFor || context.Map.Find(region) is null)
            {
                _moves.Remove(region);
                context.HaveRoutesChanged = true;
                continue;
            }

            hasLeft |= TryLeave(region, move, peers, stun, now);
            next = Instant.Min(next, move.NextTimeout);
        }

        NextTimeout = next == Instant.Never ? null : next;
        return hasLeft;
    }

    private bool TryLeave(int region, RelayMove move, IReadOnlyCollection<PeerSession> peers, StunProber stun, Instant now)
    {
        move.NextTimeout = move.EndsAt + AvoidFor;
        if (move.HasLeft) return false;

        bool isHome = context.HomeRegion == region;
        if (isHome) ChooseSuccessor(region, move, stun, now);
        if (isHome && move.Successor == 0) return false; // There is no other relay: this one is stayed with to its end.
        if (isHome && !context.IsConnected(move.Successor)) return false; // Its connection comes first.

        // Home has moved, or was elsewhere all along.
        Instant latest = Instant.Max(move.AskedAt, Instant.Min(move.EndsAt - Margin, (move.MovedAt ??= now) + LongestLinger));
        bool isHeardElsewhere = peers.All(peer => !peer.IsConfirmed || (!peer.Hellos.IsAwaiting && peer.Route.LastHeardRegion != region));
        if (!isHeardElsewhere) move.QuietSince = null;
        else move.QuietSince ??= now;

        Instant leaveAt = move.QuietSince is { } since ? Instant.Min(latest, since + Afterglow) : latest;
        if (now < leaveAt)
        {
            move.NextTimeout = leaveAt;
            return false;
        }

        move.HasLeft = true;
        context.HaveRoutesChanged = true;
        return true;
    }

    private void ChooseSuccessor(int region, RelayMove move, StunProber stun, Instant now)
    {
        if (move.Successor != 0 && !context.IsUnreachable(move.Successor, now)) return;
        int before = move.Successor;
        RelayRegion[] others = [.. context.Map.Regions.Where(other => other.Id != region && context.MayUse(other, now))];
        bool isTargetUsable = others.Any(other => other.Id == move.Target);
        if (isTargetUsable) move.Successor = move.Target;
        else if (others.Any(other => stun.LatencyOf(other.Id) is not null)) move.Successor = others.Where(other => stun.LatencyOf(other.Id) is not null).MinBy(other => stun.LatencyOf(other.Id))!.Id;
        else move.Successor = MeetingRegions.Rank(context.OwnKey, context.Map).FirstOrDefault(id => others.Any(other => other.Id == id));
        context.HaveRoutesChanged |= move.Successor != before;
    }

    private sealed class RelayMove(int target, Instant askedAt, Instant endsAt)
    {
        public int Target => target;

        public Instant AskedAt => askedAt;

        public Instant EndsAt => endsAt;

        /// <summary>Where home goes; 0 = not chosen, or there is none.</summary>
        public int Successor { get; set; }

        /// <summary>Since when home is elsewhere.</summary>
        public Instant? MovedAt { get; set; }

        /// <summary>Since when every peer has been heard elsewhere.</summary>
        public Instant? QuietSince { get; set; }

        public bool HasLeft { get; set; }

        public Instant NextTimeout { get; set; } = Instant.Never;
    }
}
