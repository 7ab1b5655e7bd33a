using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// Peers of ours behind our own router, which bears their hard punches as well as ours: each tells the others when one begins and ends, and
/// all take turns. What a neighbour says puts a punch of ours off, for <see cref="MostPatience"/> at the most, and does nothing else.
/// </summary>
internal sealed class PunchNeighbours(NodeContext context)
{
    /// <summary>A punch is over by then, or its node has gone without a word: words by relay, 5 s of packets, and what these may still bring about.</summary>
    public static readonly TimeSpan LongestPunch = TimeSpan.FromSeconds(15);

    /// <summary>The longest that neighbours put off a punch of ours, whatever they say: two turns, each with the time its mappings live.</summary>
    public static readonly TimeSpan MostPatience = (LongestPunch + PunchBudget.MappingLifetime) * 2;

    private readonly Dictionary<NodeKey, PeerSession> _peers = [];
    private readonly Dictionary<NodeKey, (int Count, Instant Until)> _told = [];
    private Instant? _waitingSince;
    private bool _hasWaited;

    /// <summary>A peer is there: it may turn out to be a neighbour.</summary>
    public void Add(PeerSession peer) => _peers[peer.Key] = peer;

    /// <summary>A peer is being forgotten.</summary>
    public void Remove(NodeKey peer)
    {
        _peers.Remove(peer);
        _told.Remove(peer);
    }

    /// <summary>We are behind another router: those here have told nothing yet.</summary>
    public void HandleNetworkChange()
    {
        _told.Clear();
        _waitingSince = null;
    }

    /// <summary>A neighbour says how many mappings its punch makes at our router, or has made.</summary>
    public void HandleNotice(NodeKey neighbour, PunchingPlan notice, Instant now)
    {
        TimeSpan punch = notice.IsOver ? TimeSpan.Zero : LongestPunch;
        _told[neighbour] = (Math.Min(notice.Size, PunchPlanner.MostAtOnce), now + punch + PunchBudget.MappingLifetime);
    }

    /// <summary>As <see cref="PunchBudget.SizeFor"/>, less what the neighbours have.</summary>
    public int SizeFor(NodeKey peer, UInt128 peerRouter, int ports, Instant now)
    {
        int alone = context.Punches.SizeFor(peer, peerRouter, ports, now);
        int alive = Alive(now), size = alone - alive;
        if (alone == 0) return 0;
        if (size >= PunchBudget.LeastSize && alive <= ports / 2)
        {
            if (!HasWaited(now)) _waitingSince = null;
            return size;
        }

        _waitingSince ??= now;
        return HasWaited(now) ? alone : 0;
    }

    /// <summary>Takes the one place for a peer, and tells the neighbours; false where another has it.</summary>
    public bool TryTake(NodeKey peer, PunchStrategy strategy, Instant now)
    {
        if (!context.Punches.TryTake(peer)) return false;
        _hasWaited = HasWaited(now);
        _waitingSince = null;
        Tell(strategy, strategy.MostMappings, isOver: false, now);
        return true;
    }

    /// <summary>
    /// Says that a punch of ours that has not begun must give way: a neighbour has taken its turn at the same moment, neither knowing of the other.
    /// The lower key goes first.
    /// </summary>
    public bool MustGiveWay(PunchStrategy strategy, Instant now) =>
        strategy.IsHardPunch && !_hasWaited && _told.Any(told => told.Value.Until > now && !context.Precedes(told.Key) && told.Value.Count + strategy.MostMappings > PunchBudget.MaxUnanswered);

    /// <summary>A punch is over; so many mappings stay at both routers until they expire.</summary>
    public void Return(NodeKey peer, UInt128 peerRouter, PunchStrategy strategy, int opened, Instant now)
    {
        if (!context.Punches.Return(peer, peerRouter, opened, now)) return;
        Tell(strategy, opened, isOver: true, now);
    }

    private bool HasWaited(Instant now) => _waitingSince is { } since && now - since >= MostPatience;

    private int Alive(Instant now)
    {
        int alive = 0;
        foreach ((int count, Instant until) in _told.Values) alive += until > now ? count : 0;
        return alive;
    }

    private void Tell(PunchStrategy strategy, int count, bool isOver, Instant now)
    {
        if (!strategy.IsHardPunch) return;
        PunchWords notice = new(PunchingStep.Notice, strategy.Method) { IsOver = isOver };
        foreach (PeerSession neighbour in _peers.Values.Where(peer => peer.Punch.IsBehindOurRouter && peer.IsConfirmed && peer.TakesPlans))
        {
            notice.Say(context, neighbour, round: 0, strategy, count, now);
        }
    }
}
