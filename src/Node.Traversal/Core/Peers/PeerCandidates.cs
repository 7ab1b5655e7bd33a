using Addresses;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// Where a peer says that it may be reached: takes its lists, keeps what we would go to, and has that checked. Checks decide; but nobody is sent
/// to where no peer of ours could be.
/// </summary>
internal sealed class PeerCandidates
{
    /// <summary>Lists taken from a peer, of each kind: each makes us check up to 32 addresses.</summary>
    private const double ListsPerSecond = 2;
    private const double ListBurst = 6;

    private readonly NodeContext _context;
    private readonly PeerSession _peer;
    private TokenBucket _callMeMaybes;
    private TokenBucket _lists;
    private long _counter = -1;

    public PeerCandidates(NodeContext context, PeerSession peer, Instant now)
    {
        _context = context;
        _peer = peer;
        _callMeMaybes = new TokenBucket(ListsPerSecond, ListBurst, now);
        _lists = new TokenBucket(ListsPerSecond, ListBurst, now);
    }

    /// <summary>The addresses we would go to, in the peer's order.</summary>
    public IReadOnlyList<Candidate> Usable { get; private set; } = [];

    /// <summary>Says that the peer has addresses of the one family only, and we of the other.</summary>
    public bool SharesNoFamily { get; private set; }

    /// <summary>The peer has started anew: its lists are counted anew.</summary>
    public void HandleRestart() => _counter = -1;

    /// <summary>Takes a call-me-maybe that came by relay, its box opened.</summary>
    public void HandleCallMeMaybe(ReadOnlySpan<byte> message, Instant now)
    {
        if (!_peer.IsConfirmed) { _context.Drops.Count(NodeDrop.WrongWay); return; }
        if (!_callMeMaybes.TryTake(1, now)) { _context.Drops.Count(NodeDrop.TooOften); return; }

        // A peer of our kind has just said the same in Candidates, and more.
        if (_counter < 0) Try([.. CallMeMaybe.Read(message).Select(address => new Candidate(address, CandidateKind.Unknown))], now);
    }

    /// <summary>Takes the peer's list with kinds, which came by relay, its box opened.</summary>
    public void HandleList(ReadOnlySpan<byte> message, Instant now)
    {
        if (!_peer.IsConfirmed) { _context.Drops.Count(NodeDrop.WrongWay); return; }
        if (!_lists.TryTake(1, now)) { _context.Drops.Count(NodeDrop.TooOften); return; }
        if (!AnnouncedCandidates.TryRead(message, out AnnouncedCandidates? candidates) || candidates is null) { _context.Drops.Count(NodeDrop.Malformed); return; }
        if (candidates.Sender != _peer.Key || candidates.Receiver != _context.OwnKey) { _context.Drops.Count(NodeDrop.WrongParty); return; }
        if (candidates.Counter <= _counter) { _context.Drops.Count(NodeDrop.Stale); return; }

        _counter = candidates.Counter;
        Try(candidates.List, now);
    }

    private void Try(IReadOnlyList<Candidate> announced, Instant now)
    {
        IReadOnlySet<TransportAddress> own = _context.LocalCandidates;
        SharesNoFamily = announced.Count > 0 && own.Count > 0 && !announced.Any(candidate => own.Any(address => address.IsIpv4 == candidate.Address.IsIpv4));
        Usable = [.. announced
            .Where(candidate => _context.Filter.IsAnnounceable(candidate.Address) && _peer.IsUsable(candidate.Address) && !own.Contains(candidate.Address))
            .DistinctBy(candidate => candidate.Address)
            .GroupBy(candidate => candidate.Address.Bits).SelectMany(ports => ports.Take(CandidateFilter.MaxPortsOfAddress))];
        TransportAddress[] addresses = [.. Usable.Select(candidate => candidate.Address)];
        _peer.Punch.HandleCandidates(addresses, now);
        _peer.Finder.HandleCandidates(addresses, now);
    }
}
