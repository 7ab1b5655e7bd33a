using Addresses;
using Node.Traversal.Core.Netcheck;
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
    private IReadOnlyList<Candidate> _announced = [];

    public PeerCandidates(NodeContext context, PeerSession peer, Instant now)
    {
        _context = context;
        _peer = peer;
        _callMeMaybes = new TokenBucket(ListsPerSecond, ListBurst, now);
        _lists = new TokenBucket(ListsPerSecond, ListBurst, now);
        Links = new PeerLinks(context);
    }

    /// <summary>The links that both are on.</summary>
    public PeerLinks Links { get; }

    /// <summary>The addresses we would go to, those on a common link first, then in the peer's order.</summary>
    public IReadOnlyList<Candidate> Usable { get; private set; } = [];

    /// <summary>Says that the peer has addresses of the one family only, and we of the other.</summary>
    public bool SharesNoFamily { get; private set; }

    /// <summary>How the peer has come by an address of its; null where it does not say that it is there.</summary>
    public CandidateKind? KindOf(TransportAddress address)
    {
        foreach (Candidate candidate in Usable)
        {
            if (candidate.Address == address) return candidate.Kind;
        }

        return null;
    }

    /// <summary>The peer has started anew: its lists are counted anew.</summary>
    public void HandleRestart()
    {
        _counter = -1;
        Links.HandleRestart();
    }

    /// <summary>We are on other links than before: the peer hears of it, and what it has said means something else here.</summary>
    public void HandleOwnLinks(Instant now)
    {
        if (Links.HasNews) _peer.PlanCallMeMaybe(now);
        if (Links.HasTheirs) Try(_announced, now);
    }

    /// <summary>IPv4 addresses are written otherwise here from now on, or as they are: what the peer has said is tried anew.</summary>
    public void HandleNat64(Instant now)
    {
        if (_announced.Count > 0) Try(_announced, now);
    }

    /// <summary>Other ranges lead to the peer through the tunnel: of what it has said, other addresses may be of use.</summary>
    public void HandleTunnelRanges(Instant now)
    {
        if (!UsableOf(_announced).SequenceEqual(Usable)) Try(_announced, now);
    }

    /// <summary>Takes a call-me-maybe that came by relay, its box opened.</summary>
    public void HandleCallMeMaybe(ReadOnlySpan<byte> message, Instant now)
    {
        if (!_peer.IsConfirmed) { _context.Drops.Count(NodeDrop.WrongWay); return; }
        if (!_callMeMaybes.TryTake(1, now)) { _context.Drops.Count(NodeDrop.TooOften); return; }

        Candidate[] announced = [.. CallMeMaybe.Read(message).Select(address => new Candidate(address, CandidateKind.Unknown))];
        CountLinkLocal(announced);
        if (_counter < 0) Try(announced, now); // Else a peer of our kind has just said the same in Candidates, and more.
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
        CountLinkLocal(candidates.List);
        Links.HandleAnnounced(candidates.Links);
        if (Links.HasNews) _peer.PlanCallMeMaybe(now);
        Try(candidates.List, now);
    }

    /// <summary>Without a link it says nothing: on each of ours there may be such an address, and it is hardly the peer's.</summary>
    private void CountLinkLocal(IEnumerable<Candidate> announced)
    {
        foreach (Candidate candidate in announced)
        {
            if (AddressScopes.ScopeOf(candidate.Address) == AddressScope.LinkLocal) _context.Drops.Count(NodeDrop.WrongLink);
        }
    }

    private void Try(IReadOnlyList<Candidate> announced, Instant now)
    {
        _announced = announced;
        IReadOnlySet<TransportAddress> own = _context.LocalCandidates;
        IReadOnlyList<Candidate> reachable = Translated(announced);
        SharesNoFamily = reachable.Count > 0 && own.Count > 0 && !reachable.Any(candidate => own.Any(address => address.IsIpv4 == candidate.Address.IsIpv4));
        Usable = UsableOf(announced);
        TransportAddress[] addresses = [.. Usable.Select(candidate => candidate.Address)];
        _peer.Punch.HandleCandidates(addresses, now);
        _peer.Finder.HandleCandidates(addresses, now);
    }

    private Candidate[] UsableOf(IReadOnlyList<Candidate> announced)
    {
        IEnumerable<Candidate> onLink = Links.Candidates().Select(address => new Candidate(address, CandidateKind.Host));
        return [.. onLink, .. Translated(announced)
            .Where(candidate => _context.Filter.IsAnnounceable(candidate.Address) && _peer.IsUsable(candidate.Address) && !_context.LocalCandidates.Contains(candidate.Address))
            .DistinctBy(candidate => candidate.Address)
            .GroupBy(candidate => candidate.Address.Bits).SelectMany(ports => ports.Take(CandidateFilter.MaxPortsOfAddress))];
    }

    /// <summary>Addresses as this network writes them; with a NAT64, IPv4 addresses that were given for the peer too, which hold for as long as the prefix does.</summary>
    private IReadOnlyList<Candidate> Translated(IReadOnlyList<Candidate> announced)
    {
        if (_context.Filter.Nat64 is not { } prefix) return announced;
        IEnumerable<Candidate> given = _peer.Options.ExtraCandidates.Where(address => address.IsIpv4).Select(address => new Candidate(address, CandidateKind.Configured));
        return [.. announced.Concat(given).Select(candidate => candidate with { Address = prefix.Translate(candidate.Address) })];
    }
}
