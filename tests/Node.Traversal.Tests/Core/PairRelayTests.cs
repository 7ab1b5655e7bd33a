using Node.Traversal.Core;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PairRelayTests
{
    private const int OwnHome = 900, PeerHome = 901, Middle = 902, Other = 903;

    private readonly NodeContext _context = Context(1, Map(OwnHome, PeerHome, Middle, Other));
    private readonly PeerRoute _route;
    private readonly PairRelay _relay;
    private Instant _now = Start;

    public PairRelayTests()
    {
        _context.HomeRegion = OwnHome;
        _route = new PeerRoute(_context, Keys(2).PublicKey);
        _route.MoveHome(PeerHome);
        _relay = new PairRelay(_context, _route);
        Connect(OwnHome, PeerHome);
        Measure((OwnHome, 10, 110), (PeerHome, 110, 10), (Middle, 40, 40), (Other, 50, 50));
    }

    [Fact]
    public void The_shortest_way_is_wanted_and_a_stand_in()
    {
        Update();

        Assert.Equal([Middle, Other], _relay.Wanted);
        Assert.True(_context.HaveRoutesChanged);
        Assert.Equal(PeerHome, _relay.Choose(PeerHome)); // Nothing is proven yet.
        Assert.Null(_relay.NextAsk);
    }

    [Theory]
    [InlineData(56, 56, Middle)] // 112 of 120: not shorter by 10 ms.
    [InlineData(52, 52, Middle)] // 104: by 16, but not by 15 in a hundred.
    [InlineData(50, 50, Other)]
    public void A_region_that_is_not_clearly_shorter_takes_nothing_over(int own, int other, int expected)
    {
        Measure((Middle, 60, 60), (Other, 300, 300));
        Update();
        Assert.Equal([Middle, Other], _relay.Wanted);

        Measure((Middle, 60, 60), (Other, own, other));
        Update();

        Assert.Equal(expected, _relay.Wanted.First());
    }

    [Fact]
    public void A_home_serves_where_no_other_region_is_clearly_shorter()
    {
        Measure((OwnHome, 10, 80), (PeerHome, 110, 10), (Middle, 41, 41));

        Update();

        Assert.Equal([OwnHome, Middle], _relay.Wanted);
    }

    [Fact]
    public void Among_equals_the_lower_region_comes_first()
    {
        Measure((Other, 40, 40), (Middle, 30, 50));

        Update();

        Assert.Equal([Middle, Other], _relay.Wanted);
    }

    [Fact]
    public void A_region_counts_only_where_both_ends_have_measured_it_and_it_can_be_used()
    {
        _context.Latencies = [new(Middle, 10), new(Other, 20), new(77, 1)];
        _relay.OfPeer = [new(Other, 20), new(OwnHome, 10), new(77, 1)]; // 77 is in no map of ours.
        Update();
        Assert.Equal([Other], _relay.Wanted);

        _context.Link(Other).FailingSince = _now;
        _now += NodeContext.UnreachableAfter;
        Update();
        Assert.Empty(_relay.Wanted);
    }

    [Fact]
    public void Without_traffic_or_with_a_direct_path_nothing_is_wanted()
    {
        Update();
        _context.HaveRoutesChanged = false;

        _relay.Update(isNeeded: false, _now);

        Assert.Empty(_relay.Wanted);
        Assert.True(_context.HaveRoutesChanged);
        Assert.Null(_relay.NextTimeout);
    }

    [Fact]
    public void Only_an_answer_by_the_region_itself_lets_it_carry_data()
    {
        Update();
        Connect(Middle);
        Update();
        Assert.Equal(Middle, Ask());
        _relay.HandleHeard(PeerHome, isAnswer: true, _now);
        _relay.HandleHeard(Middle, isAnswer: false, _now); // The peer's own question.
        Assert.Equal(PeerHome, _relay.Choose(PeerHome));

        _relay.HandleHeard(Middle, isAnswer: true, _now);

        Assert.Equal(Middle, _relay.Choose(PeerHome));
        Assert.Equal(_now + TimeSpan.FromSeconds(10), _relay.NextAsk);
    }

    [Fact]
    public void A_region_that_is_lost_is_left_at_once_for_the_stand_in_and_then_for_the_usual_way()
    {
        Prove(Middle, Other);
        Assert.Equal(Middle, _relay.Choose(PeerHome));

        _context.Link(Middle).IsConnected = false;
        Assert.Equal(Other, _relay.Choose(PeerHome));
        _relay.HandleGone(Other);
        Assert.Equal(PeerHome, _relay.Choose(PeerHome));

        Connect(Middle); // It is there again, but is the peer?
        Update();
        _relay.HandleGone(Middle);
        Assert.Equal(PeerHome, _relay.Choose(PeerHome));
    }

    [Fact]
    public void A_loss_of_the_connection_voids_the_proof()
    {
        Prove(Middle);
        _context.Link(Middle).IsConnected = false;
        Update();
        Connect(Middle);
        Update();

        Assert.Equal(PeerHome, _relay.Choose(PeerHome));
        Assert.Equal(_now, _relay.NextAsk);
    }

    [Fact]
    public void A_region_that_answers_no_more_is_asked_four_times_and_passed_over_for_five_minutes()
    {
        Prove(Middle);
        _now += TimeSpan.FromSeconds(10);
        int asked = 0;
        Instant first = _now;
        while (_relay.Choose(PeerHome) == Middle)
        {
            if (_relay.NextAsk <= _now && Ask() == Middle) asked++;
            _now += Milliseconds(100);
            Update();
        }

        Assert.Equal(4, asked);
        Assert.Equal(TimeSpan.FromSeconds(10), _now - first);
        Assert.DoesNotContain(Middle, _relay.Wanted);

        _now += TimeSpan.FromMinutes(5);
        Update();
        Assert.Equal(Middle, _relay.Wanted.First());
    }

    [Fact]
    public void A_peer_that_comes_to_a_region_is_asked_there_at_once()
    {
        Update();
        Connect(Middle);
        Update();
        Ask();
        _now += TimeSpan.FromSeconds(2);
        Assert.True(_relay.NextAsk > _now);

        _relay.HandleHeard(Middle, isAnswer: false, _now);

        Assert.Equal(_now, _relay.NextAsk);
        Ask();
        _relay.HandleHeard(Middle, isAnswer: false, _now);
        Assert.Equal(_now + TimeSpan.FromSeconds(1), _relay.NextAsk); // Whatever it sends.
    }

    [Fact]
    public void The_usual_way_needs_no_proof_and_is_not_left_for_a_longer_one()
    {
        Measure((PeerHome, 10, 10), (Middle, 40, 40));
        Update();
        Connect(Middle);
        Update();
        Assert.Equal(Middle, Ask());
        _relay.HandleHeard(Middle, isAnswer: true, _now);

        Assert.Equal([PeerHome, Middle], _relay.Wanted);
        Assert.Equal(PeerHome, _relay.Choose(PeerHome));
        Assert.Equal(Middle, _relay.Choose(OwnHome)); // Where home is lost, the stand-in is nearer than what is left.
    }

    [Fact]
    public void A_peer_that_has_started_anew_must_answer_anew()
    {
        Prove(Middle);

        _relay.HandleRestarted();

        Assert.Equal(PeerHome, _relay.Choose(PeerHome));
    }

    private void Measure(params ReadOnlySpan<(int Region, int Own, int Peers)> latencies)
    {
        _context.Latencies = [.. latencies.ToArray().Select(region => new RegionLatency(region.Region, region.Own))];
        _relay.OfPeer = [.. latencies.ToArray().Select(region => new RegionLatency(region.Region, region.Peers))];
    }

    private void Update() => _relay.Update(isNeeded: true, _now);

    private void Connect(params ReadOnlySpan<int> regions)
    {
        foreach (int region in regions) _context.Link(region).IsConnected = true;
    }

    private int Ask()
    {
        Assert.True(_relay.TryTakeDue(_now, out int region));
        return region;
    }

    private void Prove(params int[] regions)
    {
        Update();
        Connect(regions);
        Update();
        foreach (int region in regions)
        {
            Assert.Equal(region, Ask());
            _relay.HandleHeard(region, isAnswer: true, _now);
        }
    }
}
