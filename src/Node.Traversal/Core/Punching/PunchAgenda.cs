using Addresses;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// When the end that proposes decides what to try next: after checks have had their time, at once where a path was lost, and later and later
/// after failures and refusals. The other end decides nothing and has nothing planned, but does not take part in more than it must.
/// </summary>
internal sealed class PunchAgenda(NodeContext context, bool proposes)
{
    /// <summary>Mutual checks have this long before a hard punch begins: another address, or IPv6, may do.</summary>
    private static readonly TimeSpan ChecksFirst = TimeSpan.FromMilliseconds(400);

    /// <summary>And this long before they are taken to have failed where they should have done.</summary>
    public static readonly TimeSpan ChecksAlone = TimeSpan.FromSeconds(2);

    /// <summary>A discovery that is going on may tell how a hard NAT chooses its ports by then.</summary>
    public static readonly TimeSpan ProfilePatience = TimeSpan.FromSeconds(2);

    /// <summary>Each offer that comes to nothing doubles the pause, to a minute at the most.</summary>
    private const int MostDoublings = 5;

    /// <summary>Another punch is going on, here or there: these last some seconds.</summary>
    private static readonly TimeSpan BusyPause = TimeSpan.FromMilliseconds(500);

    /// <summary>By then both know their new NATs.</summary>
    private static readonly TimeSpan SettlePause = TimeSpan.FromSeconds(3);

    /// <summary>After the first failure, the second and so on: what has failed again and again costs the routers ever less.</summary>
    private static readonly TimeSpan[] Pauses = [TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(40), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

    /// <summary>
    /// Rounds that this end takes part in at the other's word: a peer that keeps to <see cref="Pauses"/> never needs more. Each has us send to ports
    /// of its choice for some seconds.
    /// </summary>
    private const double RoundsPerSecond = 0.05;
    private const double RoundBurst = 8;

    private TokenBucket _rounds = new(RoundsPerSecond, RoundBurst, Instant.Origin);
    private Instant _checkedFrom;
    private int _offersInVain;
    private bool _awaitsPeer;
    private Instant _lastFailure;
    private HashSet<UInt128> _peerAddresses = [];
    private bool _isResting;

    /// <summary>Says that what was tried has failed, or that the peer is away: without traffic nothing is tried again.</summary>
    public bool MayRest => Failures > 0 || _awaitsPeer;

    /// <summary>When a decision is due; never = none is planned.</summary>
    public Instant Next { get; private set; } = Instant.Never;

    /// <summary>Attempts that have failed since the last path or change of network.</summary>
    public int Failures { get; private set; }

    /// <summary>Checks begin at that instant, at both ends.</summary>
    public void HandleChecks(Instant from)
    {
        _checkedFrom = from;
        Plan(from + ChecksFirst);
    }

    /// <summary>The peer is there, with keys that are new to us: what has failed before may not.</summary>
    public void HandleConfirmed(Instant checkedFrom)
    {
        Failures = 0;
        _offersInVain = 0;
        HandleChecks(checkedFrom);
    }

    /// <summary>There was a path, and what made it may make another: checks first, as at the start.</summary>
    public void HandlePathLost(Instant now)
    {
        if (Next == Instant.Never) HandleChecks(now);
    }

    /// <summary>What a decision was drawn from has changed.</summary>
    public void HandleNews(Instant now) => Plan(Instant.Max(now, _checkedFrom + ChecksFirst));

    /// <summary>
    /// Takes the peer's candidates. An address that it had not before is a sign that more may have changed there: the next attempt is brought
    /// forward, though no attempt follows another sooner than a second failure has it, and its pauses stay as long as they were. Other ports are
    /// no sign: behind a hard NAT they change all the time.
    /// </summary>
    public void HandleCandidates(ReadOnlySpan<TransportAddress> candidates, Instant now)
    {
        HashSet<UInt128> addresses = [.. candidates.ToArray().Select(candidate => candidate.Bits)];
        bool isAnyNew = _peerAddresses.Count > 0 && !addresses.IsSubsetOf(_peerAddresses);
        _peerAddresses = addresses;
        if (isAnyNew && Failures > 0 && Next != Instant.Never) Plan(Instant.Min(Next, Instant.Max(now + SettlePause, _lastFailure + Pauses[1])));
    }

    /// <summary>There is traffic for the peer: what rests goes on.</summary>
    public void HandleTraffic(Instant now)
    {
        if (!_isResting) return;
        _isResting = false;
        Plan(now);
    }

    /// <summary>This network is another one, or the peer's is.</summary>
    public void HandleNetworkChange(bool isFree, Instant now)
    {
        Failures = 0;
        _offersInVain = 0;
        _isResting = false;
        if (isFree) Plan(now + SettlePause);
    }

    /// <summary>Says whether this end takes part in one more round that the peer proposes.</summary>
    public bool TryTakePart(Instant now) => _rounds.TryTake(1, now);

    /// <summary>An attempt has made a path.</summary>
    public void HandleSucceeded() => Failures = 0;

    /// <summary>An attempt was in vain.</summary>
    public void HandleFailed(Instant now)
    {
        Failures++;
        _lastFailure = now;
        Plan(now + Pauses[Math.Min(Failures, Pauses.Length) - 1] + context.RandomUpTo(BusyPause));
    }

    /// <summary>This end, or its router, can bear no attempt at present.</summary>
    public void HandleBusy(Instant now) => Postpone(BusyPause, now);

    /// <summary>The peer can bear none.</summary>
    public void HandleRefused(Instant now) => Postpone(BusyPause * (2 << Math.Min(_offersInVain++, MostDoublings)), now);

    /// <summary>The peer does not answer, or no relay reaches it.</summary>
    public void HandleUnanswered(Instant now)
    {
        _awaitsPeer = true;
        HandleRefused(now);
    }

    /// <summary>The peer was heard: what it was away for need not wait.</summary>
    public void HandleHeard(Instant now)
    {
        if (!_awaitsPeer) return;
        _awaitsPeer = false;
        if (Next != Instant.Never) Plan(Instant.Min(Next, now + SettlePause));
    }

    /// <summary>The peer takes part.</summary>
    public void HandleAnswered() => _offersInVain = 0;

    /// <summary>The decision is being taken.</summary>
    public void Take() => Next = Instant.Never;

    /// <summary>Nothing is decided before there is traffic.</summary>
    public void Rest() => _isResting = true;

    /// <summary>Plans the decision for when checks have gone on for that long.</summary>
    /// <returns>False where they have.</returns>
    public bool TryWait(TimeSpan checks, Instant now)
    {
        if (now >= _checkedFrom + checks) return false;
        Plan(_checkedFrom + checks);
        return true;
    }

    private void Postpone(TimeSpan pause, Instant now) => Plan(now + pause + context.RandomUpTo(pause));

    private void Plan(Instant at)
    {
        if (proposes) Next = at;
    }
}
