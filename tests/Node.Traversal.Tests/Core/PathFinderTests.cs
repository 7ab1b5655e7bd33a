using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PathFinderTests
{
    private static readonly TransportAddress Near = Address("198.18.2.2:5000");
    private static readonly TransportAddress Far = Address("203.0.113.9:5000");

    private readonly PathTraffic _traffic = new();
    private readonly PathFinder _finder;
    private readonly List<(PathCheck Check, Instant At)> _sent = [];
    private Instant _now = Start;

    public PathFinderTests() => _finder = new PathFinder(_traffic, Entropy(1));

    [Fact]
    public void An_answered_check_promotes_its_pair()
    {
        Offer(Near);

        Answer(Near, after: Milliseconds(20));

        Assert.Equal(Near, _finder.Selected?.Remote);
        Assert.False(_finder.IsSuspect);
        Assert.Equal(Milliseconds(20), _finder.Rtt);
    }

    [Fact]
    public void An_answer_on_another_pair_promotes_nothing()
    {
        Offer(Near, Far);
        PathCheck check = LatestCheck(Near);

        Assert.False(_finder.HandlePong(new PairId(SocketId.Ipv4, Far), check.Id, null, _now));

        Assert.Null(_finder.Selected);
    }

    [Fact]
    public void An_answer_counts_once_and_not_too_late()
    {
        Offer(Near);
        PathCheck check = LatestCheck(Near);
        _now += CandidatePair.CheckLifetime + Milliseconds(1);

        Assert.False(_finder.HandlePong(check.Pair, check.Id, null, _now));

        Answer(Near, after: Milliseconds(10));
        Assert.False(_finder.HandlePong(check.Pair, _sent[^1].Check.Id, null, _now));
    }

    [Fact]
    public void A_slightly_faster_pair_does_not_take_over_and_a_much_faster_one_does()
    {
        Offer(Near, Far);
        Answer(Far, after: Milliseconds(40));
        Run(Milliseconds(1100));
        Answer(Near, after: Milliseconds(36));
        Assert.Equal(Far, _finder.Selected?.Remote);

        Run(TimeSpan.FromSeconds(60), keepAnswering: Far);
        _finder.HandleCandidates([Near, Far], _now);
        Answer(Near, after: Milliseconds(1));
        Run(Milliseconds(100), keepAnswering: Far);
        for (int i = 0; i < 8; i++)
        {
            _finder.HandleCandidates([Near, Far], _now);
            Answer(Near, after: Milliseconds(1));
            Run(Milliseconds(100), keepAnswering: Far);
        }

        Assert.Equal(Near, _finder.Selected?.Remote);
    }

    [Fact]
    public void Silence_of_data_makes_a_path_suspect_and_an_answer_clears_it()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));
        SendData();

        Run(Milliseconds(140));
        Assert.False(_finder.IsSuspect);
        Run(Milliseconds(60));
        Assert.True(_finder.IsSuspect);

        Answer(Near, after: Milliseconds(20));
        Assert.False(_finder.IsSuspect);
        Assert.Equal(Near, _finder.Selected?.Remote);
    }

    [Fact]
    public void Data_that_is_answered_raises_no_suspicion()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));

        for (int i = 0; i < 50; i++)
        {
            SendData();
            Run(Milliseconds(20), keepAnswering: Near);
            if (_traffic.NoteReceivedDirect(_now)) _finder.HandleTraffic(_now);
            Assert.False(_finder.IsSuspect);
            Run(Milliseconds(180), keepAnswering: Near);
            Assert.False(_finder.IsSuspect);
        }
    }

    [Fact]
    public void A_one_way_flow_stays_direct_and_unsuspected_while_checks_are_answered()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));

        for (int i = 0; i < 500; i++)
        {
            SendData();
            Run(Milliseconds(20), keepAnswering: Near);
            Assert.Equal(Near, _finder.Selected?.Remote);
            Assert.False(_finder.IsSuspect);
        }

        int checks = _sent.Count;
        Assert.InRange(checks, 1, 120); // Ten seconds, at most ten a second.
    }

    [Fact]
    public void A_path_is_lost_after_two_seconds_of_unanswered_checks_and_searched_again()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));
        SendData();

        Run(Milliseconds(1900));
        Assert.True(_finder.IsSuspect);
        Run(Milliseconds(400));

        Assert.Null(_finder.Selected);
        Assert.True(_finder.WantsCallMeMaybe);
        Answer(Near, after: Milliseconds(20));
        Assert.Equal(Near, _finder.Selected?.Remote);
    }

    [Fact]
    public void A_suspect_path_gives_way_to_any_pair_that_answers()
    {
        Offer(Near, Far);
        Answer(Near, after: Milliseconds(5));
        SendData();
        Run(Milliseconds(250));
        Assert.True(_finder.IsSuspect);

        Answer(Far, after: Milliseconds(90));

        Assert.Equal(Far, _finder.Selected?.Remote);
        Assert.False(_finder.IsSuspect);
    }

    [Fact]
    public void An_idle_path_costs_a_check_every_fifteen_seconds()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));
        Run(TimeSpan.FromSeconds(5), keepAnswering: Near);
        int before = _sent.Count;

        Run(TimeSpan.FromSeconds(150), keepAnswering: Near);

        Assert.InRange(_sent.Count - before, 8, 11);
        Assert.Equal(Near, _finder.Selected?.Remote);
    }

    [Fact]
    public void The_source_of_a_check_becomes_a_pair_and_is_checked_at_once()
    {
        _finder.HandlePing(new PairId(SocketId.Ipv4, Far), _now);
        Drain();

        Answer(Far, after: Milliseconds(15));

        Assert.Equal(Far, _finder.Selected?.Remote);
    }

    [Fact]
    public void Ten_thousand_sources_of_checks_leave_no_more_pairs_than_the_limit()
    {
        for (int i = 0; i < 10_000; i++) _finder.HandlePing(new PairId(SocketId.Ipv4, TransportAddress.FromIpv4(0xc6120000 + (uint)i, 1)), _now);

        Assert.Equal(CandidatePairs.MaxPeerReflexive, _finder.Pairs.Count);
    }

    [Fact]
    public void A_new_list_replaces_the_one_before_but_not_the_path_in_use()
    {
        Offer(Near, Far);
        Answer(Near, after: Milliseconds(20));

        Offer(Address("192.0.2.7:9"));

        Assert.Equal(Near, _finder.Selected?.Remote);
        Assert.DoesNotContain(_finder.Pairs, pair => pair.Id.Remote == Far);
    }

    [Fact]
    public void A_refused_send_loses_the_path_at_once()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));

        _finder.HandleSendFailed(Near, _now);

        Assert.Null(_finder.Selected);
    }

    [Fact]
    public void A_search_without_traffic_comes_to_rest_and_traffic_resumes_it()
    {
        Offer(Near);
        Run(TimeSpan.FromSeconds(60));
        int before = _sent.Count;
        Run(TimeSpan.FromSeconds(60));
        Assert.Equal(before, _sent.Count);

        SendData();
        Run(Milliseconds(200));

        Assert.True(_sent.Count > before);
    }

    [Fact]
    public void A_search_with_traffic_checks_every_two_seconds_for_as_long_as_it_lasts()
    {
        Offer(Near);
        for (int i = 0; i < 300; i++)
        {
            SendData();
            Run(Milliseconds(200));
        }

        int before = _sent.Count;
        for (int i = 0; i < 50; i++)
        {
            SendData();
            Run(Milliseconds(200));
        }

        Assert.InRange(_sent.Count - before, 4, 6);
    }

    [Fact]
    public void After_a_change_of_network_packets_go_both_ways_until_the_path_is_proven()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));

        _finder.HandleNetworkChange(_now);
        Assert.True(_finder.IsSuspect);
        Run(Milliseconds(60));
        Assert.True(_finder.IsSuspect);

        Answer(Near, after: Milliseconds(20));
        Assert.False(_finder.IsSuspect);
    }

    [Fact]
    public void A_proven_path_in_use_is_measured_and_another_path_anew()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));
        Run(Milliseconds(50));
        Assert.DoesNotContain(_sent, entry => entry.Check.PacketLength != 0); // Nothing has passed over it yet.

        SendData();
        Run(Milliseconds(140));
        Answer(Near, after: Milliseconds(20));
        Run(Milliseconds(1));
        PathCheck padded = Assert.Single(_sent, entry => entry.Check.PacketLength != 0).Check;
        Assert.Equal(PathMtuProbe.Longest, padded.PacketLength);

        Assert.False(_finder.HandlePong(new PairId(SocketId.Ipv4, Far), padded.Id, null, _now));
        Assert.Null(_finder.Mtu);
        Assert.True(_finder.HandlePong(padded.Pair, padded.Id, null, _now));
        Assert.Equal(PathMtuProbe.Longest, _finder.Mtu);

        _finder.HandleNetworkChange(_now);
        Assert.Null(_finder.Mtu);
    }

    [Fact]
    public void Padded_checks_without_an_answer_raise_no_suspicion_and_count_as_no_loss()
    {
        Offer(Near);
        Answer(Near, after: Milliseconds(20));
        SendData();
        for (int i = 0; i < 100; i++)
        {
            Run(Milliseconds(100), keepAnsweringUnpadded: Near);
            if (_traffic.NoteReceivedDirect(_now)) _finder.HandleTraffic(_now);
            Assert.False(_finder.IsSuspect);
        }

        Assert.Equal(12, _sent.Count(entry => entry.Check.PacketLength != 0));
        Assert.Null(_finder.Mtu);
        Assert.Equal(0, Assert.Single(_finder.Pairs).Loss.Share);
    }

    [Fact]
    public void A_peer_that_has_started_anew_is_checked_on_the_path_in_use_alone_until_it_says_where_it_is()
    {
        Offer(Near, Far);
        Answer(Near, after: Milliseconds(20));
        _sent.Clear();

        _finder.HandlePeerRestarted(_now);
        Run(Milliseconds(1000));
        Assert.All(_sent, sent => Assert.Equal(Near, sent.Check.Pair.Remote));
        Assert.NotEmpty(_sent);

        Offer(Far);
        Assert.Equal(Far, _sent[^1].Check.Pair.Remote);
    }

    [Fact]
    public void A_peer_that_has_started_anew_and_has_no_path_is_checked_nowhere_until_it_says_where_it_is()
    {
        Offer(Near);
        _finder.HandlePing(new PairId(SocketId.Ipv4, Far), _now);
        Drain();
        _sent.Clear();

        _finder.HandlePeerRestarted(_now);
        Run(TimeSpan.FromSeconds(3));
        Assert.Empty(_sent);

        Offer(Near);
        Assert.Equal(Near, Assert.Single(_sent).Check.Pair.Remote);
    }

    private void Offer(params TransportAddress[] addresses)
    {
        _finder.HandleCandidates(addresses, _now);
        Drain();
    }

    private void SendData()
    {
        if (_traffic.NoteSent(_now)) _finder.HandleTraffic(_now);
        Drain();
    }

    /// <summary>Waits until a check to that address is due, and answers the latest one.</summary>
    private void Answer(TransportAddress from, TimeSpan after)
    {
        if (!_sent.Exists(entry => entry.Check.Pair.Remote == from && entry.At == _now))
        {
            _finder.HandlePing(new PairId(SocketId.Ipv4, from), _now);
            Drain();
        }

        PathCheck check = LatestCheck(from);
        _now = _sent.Last(entry => entry.Check == check).At + after;
        Assert.True(_finder.HandlePong(check.Pair, check.Id, null, _now));
        Drain();
    }

    private PathCheck LatestCheck(TransportAddress to) => _sent.Last(entry => entry.Check.Pair.Remote == to).Check;

    private void Run(TimeSpan time, TransportAddress keepAnswering = default, TransportAddress keepAnsweringUnpadded = default)
    {
        Instant end = _now + time;
        while (_finder.NextTimeout is { } next && next <= end)
        {
            _now = Instant.Max(_now, next);
            _finder.HandleTimeout(_now);
            Drain();
            if (_sent.Count > 0 && _sent[^1].At == _now && _sent[^1].Check.Pair.Remote == keepAnswering)
            {
                _finder.HandlePong(_sent[^1].Check.Pair, _sent[^1].Check.Id, null, _now + Milliseconds(20));
            }

            foreach ((PathCheck check, Instant at) in _sent.FindAll(entry => entry.At == _now && entry.Check.PacketLength == 0 && entry.Check.Pair.Remote == keepAnsweringUnpadded))
            {
                _finder.HandlePong(check.Pair, check.Id, null, at + Milliseconds(1));
            }
        }

        _now = end;
    }

    private void Drain()
    {
        while (_finder.TryDequeueTransmit(out PathCheck check)) _sent.Add((check, _now));
    }
}
