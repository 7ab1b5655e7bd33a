using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.RelayMaps;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class HomeSelectorTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901, 902));
    private readonly StunProber _stun;
    private readonly HomeSelector _homes;
    private readonly Dictionary<int, TransactionId> _asked = [];
    private Instant _now = Start;

    public HomeSelectorTests()
    {
        _stun = new StunProber(_context);
        _homes = new HomeSelector(_context);
        _stun.HandleServers([.. _context.Map.Regions.Select(region => new StunServerAddress(region.Id, ServerOf(region.Id)))], _now);
        Drain();
    }

    [Fact]
    public void The_fastest_region_of_all_that_answered_is_home()
    {
        Answer(901, at: 30);
        Answer(900, at: 40);
        Assert.Equal(0, Choose());
        Answer(902, at: 50);

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void Slow_regions_are_waited_for_a_moment_and_not_longer()
    {
        Answer(902, at: 20);
        Assert.Equal(0, Choose());
        Assert.Equal(Start + Milliseconds(320), _homes.NextTimeout);

        _now = _homes.NextTimeout!.Value;

        Assert.Equal(902, Choose());
        Assert.Null(_homes.NextTimeout);
    }

    [Fact]
    public void Home_stays_though_another_becomes_faster()
    {
        AnswerAll();
        int home = Choose();
        int other = home == 900 ? 901 : 900;
        _stun.HandleNetworkChange(_now);
        Drain();

        Answer(other, at: 101);

        Assert.Equal(home, Choose());
    }

    [Fact]
    public void A_home_that_cannot_be_reached_is_left_and_the_next_fastest_taken()
    {
        AnswerAll(); // 900, 901, 902 in this order.
        Assert.Equal(900, Choose());

        _context.Link(900).FailingSince = _now;
        _now += NodeContext.UnreachableAfter - Milliseconds(1);
        Assert.Equal(900, Choose());
        _now += Milliseconds(1);

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void Where_UDP_is_blocked_home_is_where_the_node_is_met()
    {
        Assert.Equal(0, Choose()); // An answer may still come.
        RunCycle();
        int[] ranked = MeetingRegions.Rank(_context.OwnKey, _context.Map);
        Assert.Equal(ranked[0], Choose());

        _context.Link(ranked[0]).FailingSince = _now;
        _now += NodeContext.UnreachableAfter;
        Assert.Equal(ranked[1], Choose());

        foreach (int region in ranked) _context.Link(region).FailingSince = Start;
        Assert.Equal(ranked[1], Choose()); // All are out of reach: no use in moving.
    }

    [Fact]
    public void A_region_that_forbids_it_is_never_home()
    {
        _context.Map = new RelayMap([.. _context.Map.Regions.Select(region => region with { MayBeHome = region.Id != 900 })]);
        AnswerAll();

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void A_home_that_leaves_the_map_is_left()
    {
        AnswerAll();
        Assert.Equal(900, Choose());

        _context.Map = Map(901, 902);

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void Without_regions_there_is_no_home()
    {
        RunCycle();
        _context.Map = Map();

        Assert.Equal(0, Choose());
    }

    private static Addresses.TransportAddress ServerOf(int region) => Address($"203.0.113.{region - 800}:3478");

    private int Choose() => _context.HomeRegion = _homes.Choose(_stun, _now);

    private void AnswerAll()
    {
        Answer(900, at: 10);
        Answer(901, at: 20);
        Answer(902, at: 30);
    }

    private void Answer(int region, double at)
    {
        _now = Start + Milliseconds(at);
        byte[] response = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(response, _asked[region], Address("198.51.100.7:40000"));
        Assert.True(_stun.TryHandleResponse(ServerOf(region), response.AsSpan(0, length), _now, out _));
    }

    private void RunCycle()
    {
        while (!_stun.HasCompletedCycle)
        {
            _now = _stun.NextTimeout!.Value;
            _stun.HandleTimeout(_now);
        }

        Drain();
    }

    private void Drain()
    {
        while (_context.TryDequeueTransmit(out Transmit transmit))
        {
            Assert.True(StunHeader.TryRead(transmit.Payload, out StunHeader header));
            _asked[_context.Map.Regions.First(region => ServerOf(region.Id) == transmit.Destination).Id] = header.TransactionId;
        }
    }
}
