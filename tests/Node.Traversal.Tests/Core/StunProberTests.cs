using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class StunProberTests
{
    private static readonly StunServerAddress First = new(900, Address("203.0.113.1:3478"));
    private static readonly StunServerAddress Second = new(901, Address("203.0.113.2:3478"));
    private static readonly TransportAddress Mapped = Address("198.51.100.7:40000");

    private readonly NodeContext _context = Context(1, Map(900, 901));
    private readonly StunProber _prober;
    private readonly List<(TransactionId Id, TransportAddress Server, Instant At)> _asked = [];
    private Instant _now = Start;

    public StunProberTests() => _prober = new StunProber(_context);

    [Fact]
    public void Each_server_is_asked_at_once_and_twice_again_while_it_is_silent()
    {
        Begin(First, Second);
        Answer(First, Mapped, after: 20);

        RunUntil(Start + Milliseconds(1499));

        Assert.Equal([0, 200, 600], AskedAt(Second));
        Assert.Equal([0], AskedAt(First));
        Assert.False(_prober.HasCompletedCycle);
        RunUntil(Start + Milliseconds(1500));
        Assert.True(_prober.HasCompletedCycle);
    }

    [Fact]
    public void One_address_seen_by_two_servers_is_endpoint_independent()
    {
        Begin(First, Second);
        Answer(First, Mapped, after: 20);
        Assert.Equal(NatMapping.Unknown, _prober.Profile.Mapping);

        Answer(Second, Mapped, after: 10);

        Assert.Equal(new NatProfile(NatMapping.EndpointIndependent, UdpReach.Works), _prober.Profile);
        Assert.Equal([new ReflexiveAddress(Mapped, IsConfirmed: true)], _prober.Reflexive);
        Assert.Equal(Milliseconds(20), _prober.LatencyOf(900));
        Assert.Equal(Milliseconds(30), _prober.LatencyOf(901));
        Assert.Null(_prober.LatencyOf(902));
        Assert.True(_prober.HasCompletedCycle); // Nobody is left to wait for.
    }

    [Fact]
    public void A_server_that_is_asked_by_IPv4_cannot_name_an_IPv6_address()
    {
        Begin(First);

        Answer(First, Address("[2001:db8:9::1]:40000"), after: 20);

        Assert.Empty(_prober.Reflexive);
        Assert.Equal(1, _context.Drops[NodeDrop.UnmatchedStun]);
    }

    [Fact]
    public void Two_addresses_seen_by_two_servers_are_endpoint_dependent()
    {
        Begin(First, Second);

        Answer(First, Mapped, after: 20);
        Answer(Second, Mapped.WithPort(40001), after: 0);

        Assert.Equal(NatMapping.EndpointDependent, _prober.Profile.Mapping);
        Assert.Equal([new ReflexiveAddress(Mapped, IsConfirmed: false), new ReflexiveAddress(Mapped.WithPort(40001), IsConfirmed: false)], _prober.Reflexive);
    }

    [Fact]
    public void Whoever_is_seen_as_what_it_is_has_no_NAT()
    {
        _context.LocalCandidates = new HashSet<TransportAddress> { Mapped };
        Begin(First, Second);

        Answer(First, Mapped, after: 20);

        Assert.Equal(NatMapping.EndpointIndependent, _prober.Profile.Mapping);
    }

    [Fact]
    public void Silence_of_all_servers_is_a_block_and_is_tried_again_soon()
    {
        Begin(First, Second);

        RunUntil(Start + Milliseconds(1500));

        Assert.Equal(UdpReach.Blocked, _prober.Profile.Udp);
        Assert.Equal(Start + Milliseconds(6500), _prober.NextTimeout);
        RunUntil(Start + Milliseconds(6500));
        Answer(First, Mapped, after: 10);
        Assert.Equal(UdpReach.Works, _prober.Profile.Udp);
    }

    [Fact]
    public void A_doubt_that_comes_while_servers_are_asked_has_them_asked_again_as_soon_as_that_is_over()
    {
        Begin(First, Second);
        Answer(First, Mapped, after: 20);

        _prober.AskAgain(_now);
        RunUntil(Start + Milliseconds(1499));
        _asked.Clear();
        RunUntil(Start + Milliseconds(1500));

        Assert.Equal([First.Address, Second.Address], _asked.Select(asked => asked.Server));
        RunUntil(Start + Milliseconds(4000)); // And not once more.
        Assert.True(_prober.NextTimeout > Start + Milliseconds(6000));
    }

    [Fact]
    public void Without_servers_nothing_is_known_and_nothing_is_planned()
    {
        Begin();

        Assert.True(_prober.HasCompletedCycle);
        Assert.Null(_prober.NextTimeout);
        Assert.Equal(default, _prober.Profile);
    }

    [Fact]
    public void An_answer_counts_only_from_the_server_asked_for_a_request_in_flight_and_once()
    {
        Begin(First, Second);
        TransactionId id = _asked.First(asked => asked.Server == First.Address).Id;

        Assert.False(Respond(Second.Address, id, Mapped));
        Assert.False(Respond(First.Address, new TransactionId(1, 2), Mapped));
        Assert.True(Respond(First.Address, id, Mapped));
        Assert.False(Respond(First.Address, id, Mapped.WithPort(1)));

        Assert.Equal(3, _context.Drops[NodeDrop.UnmatchedStun]);
        Assert.Equal([new ReflexiveAddress(Mapped, IsConfirmed: true)], _prober.Reflexive);
    }

    [Theory]
    [InlineData("192.168.1.7:40000")] // A public server cannot see it.
    [InlineData("127.0.0.1:40000")]
    [InlineData("169.254.1.1:40000")]
    [InlineData("224.0.0.1:40000")]
    [InlineData("0.0.0.0:40000")]
    [InlineData("198.51.100.7:0")]
    [InlineData("[fe80::1]:40000")]
    [InlineData("[::1]:40000")]
    [InlineData("[::ffff:127.0.0.1]:40000")]
    [InlineData("[64:ff9b::7f00:1]:40000")] // Loopback by NAT64,
    [InlineData("[2002:a9fe:a9fe::1]:40000")] // and a metadata service by 6to4.
    [InlineData("[fd00:ec2::254]:40000")]
    [InlineData("[ff02::1]:40000")]
    public void An_address_that_nobody_could_send_to_is_not_believed(string mapped)
    {
        Begin(First);

        Assert.False(Respond(First.Address, _asked[0].Id, Address(mapped)));

        Assert.Empty(_prober.Reflexive);
        Assert.Equal(1, _context.Drops[NodeDrop.UnmatchedStun]);
    }

    [Fact]
    public void A_server_of_our_own_network_may_see_a_private_address()
    {
        StunServerAddress near = new(900, Address("10.0.0.1:3478"));
        Begin(near);

        Answer(near, Address("10.0.0.7:5000"), after: 1);

        Assert.Equal(Address("10.0.0.7:5000"), Assert.Single(_prober.Reflexive).Address);
    }

    [Fact]
    public void A_late_answer_to_the_first_request_is_not_a_fast_one_to_the_second()
    {
        Begin(First);
        RunUntil(Start + Milliseconds(230));

        Respond(First.Address, _asked[0].Id, Mapped);

        Assert.Equal(Milliseconds(230), _prober.LatencyOf(900));
    }

    [Fact]
    public void A_server_in_the_own_network_is_nearest_and_tells_nothing_of_the_NAT()
    {
        StunServerAddress inside = new(900, Address("192.168.1.2:3478"));
        TransportAddress own = Address("192.168.1.10:5000");
        _context.LocalCandidates = new HashSet<TransportAddress> { own };
        Begin(inside, Second);
        Answer(inside, own, after: 1);
        Assert.False(_prober.HasWitness(isIpv4: true));
        Answer(Second, Mapped, after: 20);
        Assert.True(_prober.HasWitness(isIpv4: true));
        RunUntil(Start + TimeSpan.FromSeconds(3));

        Assert.Equal(NatMapping.Unknown, _prober.Profile.Mapping);
        Assert.Equal(Mapped.WithPort(0), _prober.PublicIpv4);
        Assert.Equal([Second.Address], _prober.ServersByDistance(isIpv4: true));
    }

    [Fact]
    public void Where_only_servers_in_the_own_network_answer_they_are_asked_of_the_NAT()
    {
        StunServerAddress inside = new(900, Address("192.168.1.2:3478"));
        TransportAddress own = Address("192.168.1.10:5000");
        _context.LocalCandidates = new HashSet<TransportAddress> { own };
        Begin(inside);
        Answer(inside, own, after: 1);
        RunUntil(Start + TimeSpan.FromSeconds(3));

        Assert.True(_prober.HasWitness(isIpv4: true));
        Assert.Equal([inside.Address], _prober.ServersByDistance(isIpv4: true));
        Assert.Equal(NatMapping.EndpointIndependent, _prober.Profile.Mapping);
    }

    [Fact]
    public void A_cycle_asks_no_more_servers_than_the_limit()
    {
        Begin([.. Enumerable.Range(1, 100).Select(i => new StunServerAddress(i, Address($"203.0.113.{i}:3478")))]);

        Assert.InRange(_asked.Count, ProbePlan.RegionsInTurn, ProbePlan.MaxSets);
    }

    [Fact]
    public void Of_a_large_map_every_region_is_asked_within_minutes_and_what_is_near_stays_measured()
    {
        StunServerAddress[] servers = [.. Enumerable.Range(1, 500).Select(i => new StunServerAddress(i, Address($"203.0.{i / 250}.{i % 250 + 1}:3478")))];
        _prober.HandleServers(servers, _now);
        HashSet<TransportAddress> asked = [];
        while (true)
        {
            Drain();
            (TransactionId Id, TransportAddress Server, Instant At)[] batch = [.. _asked];
            Assert.InRange(batch.Length, 0, ProbePlan.MaxSets);
            asked.UnionWith(batch.Select(request => request.Server));
            _asked.Clear();
            _now += Milliseconds(40);
            foreach ((TransactionId id, TransportAddress server, _) in batch) Respond(server, id, Mapped);
            if (_prober.NextTimeout - _now > TimeSpan.FromMinutes(1)) break; // Idle, it rests.
            _now = Instant.Max(_now, _prober.NextTimeout!.Value);
            _prober.HandleTimeout(_now);
        }

        Assert.InRange(_now - Start, TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2));
        Assert.Equal(servers.Length, asked.Count);
        Assert.All(servers, server => Assert.NotNull(_prober.LatencyOf(server.RegionId)));
    }

    [Fact]
    public void An_active_node_asks_again_within_a_mappings_life_and_an_idle_one_seldom()
    {
        _prober.IsActive = true;
        Begin(First, Second);
        AnswerAll(after: 20);
        Assert.Equal(_now + TimeSpan.FromSeconds(5), _prober.NextTimeout); // The second full cycle.
        RunUntil(_prober.NextTimeout!.Value);
        AnswerAll(after: 20);
        TimeSpan active = _prober.NextTimeout!.Value - _now;
        Assert.InRange(active, TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(26));

        _prober.IsActive = false;
        RunUntil(_prober.NextTimeout!.Value);
        AnswerAll(after: 20);

        Assert.Equal(_now + TimeSpan.FromMinutes(5), _prober.NextTimeout);
        _prober.Refresh(_now + TimeSpan.FromSeconds(60));
        Assert.True(_prober.NextTimeout <= _now + TimeSpan.FromSeconds(20));
    }

    [Fact]
    public void What_has_just_started_asks_twice_though_it_is_idle()
    {
        Begin(First, Second);
        AnswerAll(after: 60); // Late, for the machine is busy starting.
        Assert.Equal(_now + TimeSpan.FromSeconds(5), _prober.NextTimeout);

        RunUntil(_prober.NextTimeout!.Value);
        AnswerAll(after: 20);

        Assert.Equal(TimeSpan.FromMilliseconds(20), _prober.LatencyOf(900));
        Assert.Equal(_now + TimeSpan.FromMinutes(5), _prober.NextTimeout);
    }

    [Fact]
    public void After_a_change_of_network_all_is_asked_anew_and_what_was_seen_is_forgotten()
    {
        Begin(First, Second);
        AnswerAll(after: 20);
        _asked.Clear();

        _prober.HandleNetworkChange(_now);
        Drain();

        Assert.Equal(2, _asked.Count);
        Assert.Null(_prober.LatencyOf(900));
    }

    [Fact]
    public void The_same_servers_again_start_no_cycle()
    {
        Begin(First, Second);
        _asked.Clear();

        Begin(First, Second, First);

        Assert.Empty(_asked);
    }

    private void Begin(params StunServerAddress[] servers)
    {
        _prober.HandleServers(servers, _now);
        Drain();
    }

    private void Answer(StunServerAddress server, TransportAddress mapped, double after)
    {
        RunUntil(_now + Milliseconds(after));
        Respond(server.Address, _asked.Last(asked => asked.Server == server.Address).Id, mapped);
    }

    private void AnswerAll(double after)
    {
        TransportAddress[] servers = [.. _asked.Where(asked => asked.At == _now).Select(asked => asked.Server)];
        RunUntil(_now + Milliseconds(after));
        foreach (TransportAddress server in servers) Respond(server, _asked.Last(asked => asked.Server == server).Id, Mapped);
    }

    private bool Respond(TransportAddress source, TransactionId id, TransportAddress mapped)
    {
        byte[] response = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(response, id, mapped);
        _prober.TryHandleResponse(source, response.AsSpan(0, length), _now, out bool isNews);
        Drain();
        return isNews;
    }

    private void RunUntil(Instant end)
    {
        while (_prober.NextTimeout is { } next && next <= end)
        {
            _now = Instant.Max(_now, next);
            _prober.HandleTimeout(_now);
            Drain();
        }

        _now = end;
    }

    private double[] AskedAt(StunServerAddress server) => [.. _asked.Where(asked => asked.Server == server.Address).Select(asked => (asked.At - Start).TotalMilliseconds)];

    private void Drain()
    {
        while (_context.TryDequeueTransmit(out Transmit transmit))
        {
            Assert.True(StunHeader.TryRead(transmit.Payload, out StunHeader header));
            _asked.Add((header.TransactionId, transmit.Destination, _now));
        }
    }
}
