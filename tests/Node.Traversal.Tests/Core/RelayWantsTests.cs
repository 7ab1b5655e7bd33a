using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.RelayMaps;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class RelayWantsTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901, 902, 903));
    private readonly RelayWants _wants;
    private readonly int[] _ranked;
    private readonly List<PeerSession> _peers = [];
    private readonly HashSet<int> _wanted = [];
    private Instant _now = Start;

    public RelayWantsTests()
    {
        _wants = new RelayWants(_context);
        _ranked = MeetingRegions.Rank(_context.OwnKey, _context.Map);
    }

    [Fact]
    public void A_node_alone_wants_its_home_and_the_region_it_is_met_in()
    {
        Assert.Equal([_ranked[0]], Update());

        MoveHome(_ranked[2]);

        Assert.Equal([_ranked[0], _ranked[2]], Update());
    }

    [Fact]
    public void A_peer_whose_home_is_unknown_is_looked_for_where_it_is_met()
    {
        PeerSession peer = AddPeer();

        Assert.Equal([_ranked[0], MeetingRegions.Rank(peer.Key, _context.Map)[0]], Update());
    }

    [Fact]
    public void A_peers_home_is_wanted_and_once_connected_no_other_for_its_sake()
    {
        PeerSession peer = AddPeer();
        int meeting = MeetingRegions.Rank(peer.Key, _context.Map)[0];
        int home = _context.Map.Regions.Select(region => region.Id).First(id => id != meeting && id != _ranked[0]);
        peer.Route.MoveHome(home);
        Assert.Contains(meeting, Update());
        Assert.Contains(home, _wanted);

        _context.Link(home).IsConnected = true;
        _context.HaveRoutesChanged = true;
        Update();
        _now += TimeSpan.FromSeconds(60);

        Assert.Equal(new[] { _ranked[0], home }.Order(), Update().Order());
    }

    [Fact]
    public void A_region_that_is_not_needed_any_more_is_kept_for_a_minute()
    {
        MoveHome(_ranked[2]);
        Update();
        MoveHome(_ranked[0]);
        Assert.Contains(_ranked[2], Update());
        Assert.Equal(_now + TimeSpan.FromSeconds(60), _wants.NextTimeout);

        _now = _wants.NextTimeout!.Value;

        Assert.Equal([_ranked[0]], Update());
        Assert.Null(_wants.NextTimeout);
    }

    [Fact]
    public void Where_the_meeting_region_is_out_of_reach_the_next_is_wanted_too()
    {
        Update();
        _context.Link(_ranked[0]).FailingSince = _now;
        _context.HaveRoutesChanged = true;
        Assert.Equal([_ranked[0]], Update());
        Assert.Equal(_now + NodeContext.UnreachableAfter, _wants.NextTimeout);

        _now = _wants.NextTimeout!.Value;

        Assert.Equal([_ranked[0], _ranked[1]], Update());
    }

    [Fact]
    public void A_region_that_leaves_the_map_is_let_go_at_once()
    {
        MoveHome(_ranked[1]);
        Update();

        _context.Map = new RelayMap([.. _context.Map.Regions.Where(region => region.Id != _ranked[1])]);
        MoveHome(_ranked[0]);

        Assert.Equal([_ranked[0]], Update());
    }

    [Fact]
    public void Only_two_regions_are_wanted_for_relayed_pairs_alone_and_those_of_the_most_pairs()
    {
        int[] free = SettleInOneHome();
        AddRelayedPair(2, free[0], free[1]);
        AddRelayedPair(3, free[2], free[3]);
        AddRelayedPair(4, free[3], free[1]);

        Assert.Equal([free[1], free[3]], Update().Intersect(free).Order());
    }

    [Fact]
    public void A_region_that_is_there_for_a_pair_stays_though_another_would_serve_more()
    {
        int[] free = SettleInOneHome();
        AddRelayedPair(2, free[0], free[1]);
        Assert.Equal([free[0], free[1]], Update().Intersect(free).Order());

        AddRelayedPair(3, free[2], free[3]);
        AddRelayedPair(4, free[2], free[3]);
        Assert.Equal([free[0], free[1]], Update().Intersect(free).Order());

        _peers[0].PairRelay.Update(isNeeded: false, _now); // It has become direct.
        Assert.Equal([free[0], free[1], free[2], free[3]], Update().Intersect(free).Order());
        _now += TimeSpan.FromSeconds(60);
        Assert.Equal([free[2], free[3]], Update().Intersect(free).Order());
    }

    [Fact]
    public void A_region_that_is_home_to_somebody_does_not_count()
    {
        int[] free = SettleInOneHome();
        AddRelayedPair(2, free[0], free[1]);
        AddRelayedPair(3, free[2], _context.HomeRegion);
        PeerSession direct = AddPeer(4);
        direct.Route.MoveHome(free[2]);
        _context.Link(free[2]).IsConnected = true;

        Assert.Equal([free[0], free[1], free[2]], Update().Intersect(free).Order());
    }

    [Fact]
    public void Nothing_new_raises_nothing()
    {
        Update();
        _context.HaveRoutesChanged = true;

        _wants.Update(_peers, _now);

        Assert.Empty(Events(_context));
    }

    private void MoveHome(int region)
    {
        _context.HomeRegion = region;
        _context.HaveRoutesChanged = true;
    }

    /// <summary>Connects home, where all peers are at home too.</summary>
    /// <returns>The regions that nobody needs, in order.</returns>
    private int[] SettleInOneHome()
    {
        _context.Map = Map([.. Enumerable.Range(900, 10)]);
        int[] ranked = MeetingRegions.Rank(_context.OwnKey, _context.Map);
        MoveHome(ranked[0]);
        _context.Link(ranked[0]).IsConnected = true;
        return [.. ranked[1..].Order()];
    }

    /// <summary>Adds a peer that is relayed, with traffic, and two regions by which the way is shorter than by our home, which is its home too.</summary>
    private void AddRelayedPair(byte peer, int first, int second)
    {
        PeerSession added = AddPeer(peer);
        added.Route.MoveHome(_context.HomeRegion);
        _context.Latencies = [.. _context.Map.Regions.Select(region => new RegionLatency(region.Id, 50))];
        added.PairRelay.OfPeer = [new(first, 10), new(second, 20)];
        added.PairRelay.Update(isNeeded: true, _now);
    }

    private PeerSession AddPeer(byte seed = 2)
    {
        PeerSession peer = new(_context, new PeerOptions { Key = Keys(seed).PublicKey, Traffic = new PathTraffic() }, _now);
        _peers.Add(peer);
        return peer;
    }

    /// <summary>What is wanted now, in the order in which it came to be.</summary>
    private int[] Update()
    {
        _wants.Update(_peers, _now);
        foreach (NodeEvent nodeEvent in Events(_context))
        {
            if (nodeEvent is NodeEvent.RelayWanted wanted) Assert.True(_wanted.Add(wanted.RegionId));
            if (nodeEvent is NodeEvent.RelayUnwanted unwanted) Assert.True(_wanted.Remove(unwanted.RegionId));
        }

        return [.. _wanted];
    }
}
