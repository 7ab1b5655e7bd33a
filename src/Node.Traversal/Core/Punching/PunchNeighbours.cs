using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// Peers of ours behind our own router, which bears their hard punches as well as ours: each tells the others when one begins and ends, and
/// all take turns. What a neighbour says puts our next punch off, for <see cref="MostPatience"/> at the most from when it first did, and does nothing else.
/// </summary>
internal sealed class PunchNeighbours(NodeContext context)
{
    /// <summary>A punch is over by then, or its node has gone without a word: words by relay, 5 s of packets, and what these may still bring about.</summary>
    public static readonly TimeSpan LongestPunch = TimeSpan.FromSeconds(15);

    /// <summary>The longest that neighbours put off a punch of ours, whatever they say: two turns, each with the time its mappings live.</summary>
    public static readonly TimeSpan MostPatience = (LongestPunch + PunchBudget.MappingLifetime) * 2;

    /// <summary>Who was put off and has not asked again for so long wants nothing any more: longer than any pause between two attempts of one pair (ten minutes).</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(15);

    private readonly Dictionary<NodeKey, PeerSession> _peers = [];
    private readonly Dictionary<NodeKey, (int Count, Instant Until)> _told = [];
    private Wait? _wait;
    private PunchStrategy _taken = PunchStrategy.None; // What the neighbours were told of.

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
        _wait = null;
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
        if (alone == 0) return 0;
        int alive = Alive(now), size = alone - alive;
        bool isHeldBack = _wait is { } wait && now < wait.HeldBackUntil;
        if (!isHeldBack && size >= PunchBudget.LeastSize && alive <= ports / 2) return size;

        PutOff(now);
        return HasWaited(now) ? alone : 0;
    }

    /// <summary>Takes the one place for a peer, and tells the neighbours; false where another has it.</summary>
    public bool TryTake(NodeKey peer, PunchStrategy strategy, Instant now)
    {
        if (!context.Punches.TryTake(peer)) return false;
        _taken = strategy;
        Tell(strategy, strategy.MostMappings, isOver: false, now);
        return true;
    }

    /// <summary>
    /// Has a punch of ours that has not begun give way where neighbours have taken their turns at the same moment, neither knowing of the other. The
    /// lower keys go first. One that begins whenever we do gains nothing by saying that it is over: the second time it is kept to what it has said.
    /// </summary>
    public bool TryGiveWay(PunchStrategy strategy, Instant now)
    {
        if (!strategy.IsHardPunch || HasWaited(now)) return false;
        int theirs = 0;
        Instant last = now;
        foreach ((NodeKey neighbour, (int count, Instant until)) in _told)
        {
            if (until <= now || context.Precedes(neighbour)) continue;
            theirs += count;
            last = Instant.Max(last, until);
        }

        if (theirs + strategy.MostMappings <= PunchBudget.MaxUnanswered) return false;
        Wait wait = PutOff(now);
        _wait = wait with { HasGivenWay = true, HeldBackUntil = wait.HasGivenWay ? last : wait.HeldBackUntil };
        return true;
    }

    /// <summary>A hard punch of ours makes its mappings now: it is put off no more, and the next one's patience begins anew.</summary>
    public void HandleRun() => _wait = null;

    /// <summary>A punch is over; so many mappings stay at both routers until they expire.</summary>
    public void Return(NodeKey peer, UInt128 peerRouter, int opened, Instant now)
    {
        if (!context.Punches.Return(peer, peerRouter, opened, now)) return;
        Tell(_taken, opened, isOver: true, now);
    }

    private bool HasWaited(Instant now) => _wait is { } wait && now - wait.Last < Forgotten && now - wait.Since >= MostPatience;

    /// <summary>Nothing that a neighbour says ends the wait that begins here, or it could have us begin another without end.</summary>
    private Wait PutOff(Instant now)
    {
        Wait wait = _wait is { } before && now - before.Last < Forgotten ? before with { Last = now } : new Wait(now, now);
        _wait = wait;
        return wait;
    }

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

    /// <summary>How long neighbours have put off the punch of ours that is next.</summary>
    /// <param name="Since">When one first did.</param>
    /// <param name="Last">When one last did.</param>
    private readonly record struct Wait(Instant Since, Instant Last)
    {
        /// <summary>Says that it has given way to one that began at the same moment.</summary>
        public bool HasGivenWay { get; init; }

        /// <summary>Until then it does not begin, whatever they say.</summary>
        public Instant HeldBackUntil { get; init; }
    }
}
