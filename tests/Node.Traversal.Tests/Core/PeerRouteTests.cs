using Node.Traversal.Core;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.RelayMaps;
using Relay.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PeerRouteTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901, 902, 903));
    private readonly PeerRoute _route;
    private readonly int[] _ranked;
    private Instant _now = Start;

    public PeerRouteTests()
    {
        NodeKey peer = Keys(2).PublicKey;
        _route = new PeerRoute(_context, peer);
        _ranked = MeetingRegions.Rank(peer, _context.Map);
    }

    [Fact]
    public void A_peer_that_is_not_met_in_the_first_region_is_looked_for_in_the_next_and_no_further()
    {
        Connect(_ranked);
        Assert.Equal([_ranked[0]], _route.Wanted(_now));

        _route.HandleGone(_ranked[0], _now);
        Assert.Equal(_ranked[..2], _route.Wanted(_now));
        Assert.Equal(_ranked[1], _route.Choose(_now));

        _route.HandleGone(_ranked[1], _now);
        Assert.Equal(_ranked[..2], _route.Wanted(_now));
        Assert.True(_route.IsGoneEverywhere(_now));
    }

    [Fact]
    public void Regions_out_of_reach_do_not_count_among_those_asked()
    {
        Connect(_ranked.AsSpan(1));
        Fail(_ranked[0]);
        _route.HandleGone(_ranked[1], _now);

        Assert.Equal(_ranked[..3], _route.Wanted(_now));
    }

    [Fact]
    public void Where_all_say_that_it_is_not_there_they_are_asked_in_turn()
    {
        Connect(_ranked);
        _route.HandleGone(_ranked[0], _now);
        _route.HandleGone(_ranked[1], _now += TimeSpan.FromSeconds(1));
        Assert.Equal(_ranked[0], _route.Choose(_now));

        _route.HandleGone(_ranked[0], _now += TimeSpan.FromSeconds(1));

        Assert.Equal(_ranked[1], _route.Choose(_now));
    }

    [Fact]
    public void A_peer_whose_home_is_out_of_reach_may_be_found_where_we_are_at_home()
    {
        (int home, int own) = (_ranked[0], _ranked[3]);
        _context.HomeRegion = own;
        _route.MoveHome(home);
        Connect(own, _ranked[1]);
        Assert.DoesNotContain(own, _route.Wanted(_now));

        Fail(home);
        Assert.Equal(_ranked[1], _route.Choose(_now)); // Its meeting region, as we see it.
        _route.HandleGone(_ranked[1], _now);

        Assert.Equal(own, _route.Choose(_now));
    }

    private void Connect(params ReadOnlySpan<int> regions)
    {
        foreach (int region in regions) _context.Link(region).IsConnected = true;
    }

    private void Fail(int region)
    {
        _context.Link(region).FailingSince = _now;
        _now += NodeContext.UnreachableAfter;
    }
}
