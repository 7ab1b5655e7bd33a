using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class HttpsLatenciesTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901));
    private readonly StunProber _stun;
    private readonly HttpsLatencies _https;
    private Instant _now = Start;

    public HttpsLatenciesTests()
    {
        _stun = new StunProber(_context);
        _https = new HttpsLatencies(_context);
    }

    [Fact]
    public void Nothing_is_measured_while_STUN_may_still_answer_and_everything_once_it_is_silent()
    {
        _stun.HandleServers([new StunServerAddress(900, Address("203.0.113.1:3478"))], _now);
        Assert.Empty(Update());

        while (!_stun.HasCompletedCycle) _stun.HandleTimeout(_now = _stun.NextTimeout!.Value);

        NodeEvent.HttpsLatencyWanted wanted = Assert.Single(Update());
        Assert.Equal([900, 901], wanted.Regions);
        Assert.Empty(Update()); // It goes on.
    }

    [Fact]
    public void It_is_repeated_every_five_minutes_and_sooner_where_nobody_answered()
    {
        _stun.HandleServers([], _now); // A map without STUN.
        int round = Assert.Single(Update()).Round;
        Assert.True(_https.TryEnd(round, hasAny: false, _now));
        Assert.Empty(Update());
        Assert.Equal(_now + TimeSpan.FromSeconds(30), _https.NextTimeout);

        _now = _https.NextTimeout!.Value;
        round = Assert.Single(Update()).Round;
        Assert.True(_https.TryEnd(round, hasAny: true, _now));
        Assert.Empty(Update());
        Assert.Equal(_now + TimeSpan.FromMinutes(5), _https.NextTimeout);
    }

    [Fact]
    public void After_a_change_of_network_it_is_measured_anew_and_what_was_going_on_does_not_count()
    {
        _stun.HandleServers([], _now);
        int round = Assert.Single(Update()).Round;

        _https.HandleNetworkChange();

        Assert.NotEqual(round, Assert.Single(Update()).Round);
        Assert.False(_https.TryEnd(round, hasAny: true, _now));
    }

    [Fact]
    public void A_captive_portal_is_known_until_the_network_changes()
    {
        _stun.HandleServers([], _now);
        int round = Assert.Single(Update()).Round;
        Assert.Null(_context.CaptivePortal);

        _https.TryEnd(round, hasAny: false, _now);
        _https.HandleCaptivePortal(round, isCaptive: true); // It takes longer than the regions do.
        Assert.True(_context.CaptivePortal);

        _https.HandleNetworkChange();
        Assert.Null(_context.CaptivePortal);
        _https.HandleCaptivePortal(round, isCaptive: true); // Of the network before.
        Assert.Null(_context.CaptivePortal);
    }

    [Fact]
    public void Where_UDP_passes_no_portal_stands_before_it()
    {
        TransportAddress server = Address("203.0.113.1:3478");
        _stun.HandleServers([new StunServerAddress(900, server)], _now);
        while (!_stun.HasCompletedCycle) _stun.HandleTimeout(_now = _stun.NextTimeout!.Value);
        _https.HandleCaptivePortal(Assert.Single(Update()).Round, isCaptive: true);

        _stun.HandleTimeout(_now = _stun.NextTimeout!.Value);
        Transmit asked = default;
        while (_context.TryDequeueTransmit(out Transmit transmit)) asked = transmit;
        Assert.True(StunHeader.TryRead(asked.Payload, out StunHeader header));
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        Assert.True(_stun.TryHandleResponse(server, answer.AsSpan(0, StunBindingResponse.Write(answer, header.TransactionId, Address("198.51.100.7:40000"))), _now, out _));
        Update();

        Assert.Null(_context.CaptivePortal);
    }

    [Fact]
    public void Of_a_large_map_every_region_is_measured_within_minutes_and_what_is_near_and_home_each_time()
    {
        int[] map = [.. Enumerable.Range(1, 500)];
        _context.Map = Map(map);
        _context.HomeRegion = 400;
        _stun.HandleServers([], _now);
        HashSet<int> measured = [];
        List<int> nearest = []; // The higher the number, the nearer.
        int rounds = 0;
        while (measured.Count < map.Length)
        {
            NodeEvent.HttpsLatencyWanted wanted = Assert.Single(Update());
            Assert.InRange(wanted.Regions.Count, 1, HttpsLatencies.MaxRegions);
            Assert.Equal(wanted.Regions.Distinct(), wanted.Regions);
            Assert.Contains(400, wanted.Regions);
            Assert.All(nearest, region => Assert.Contains(region, wanted.Regions));
            measured.UnionWith(wanted.Regions);
            nearest = [.. measured.OrderDescending().Take(ProbePlan.KeptRegions)];
            foreach (int region in wanted.Regions) _stun.Latencies.Note(region, Milliseconds(600 - region));
            _stun.Latencies.EndRound(_now);
            Assert.True(_https.TryEnd(wanted.Round, hasAny: true, _now));
            Assert.InRange(++rounds, 1, 22);
            Assert.Empty(Update());
            Assert.Equal(_now + (measured.Count < map.Length ? TimeSpan.FromSeconds(30) : TimeSpan.FromMinutes(5)), _https.NextTimeout);
            _now = _https.NextTimeout!.Value;
        }

        Assert.Single(Update()); // And on, every five minutes.
    }

    [Fact]
    public void A_map_without_relays_is_not_measured()
    {
        _context.Map = RelayMap.Empty;
        _stun.HandleServers([], _now);

        Assert.Empty(Update());
    }

    private NodeEvent.HttpsLatencyWanted[] Update()
    {
        _https.Update(_stun, _now);
        return [.. Events(_context).OfType<NodeEvent.HttpsLatencyWanted>()];
    }
}
