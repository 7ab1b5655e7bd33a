using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

/// <summary>A finder over links of its own: each with its round trip, jitter and loss, and one that may carry checks and no data.</summary>
public class PathSelectionTests
{
    private static readonly TransportAddress One = Address("198.18.2.2:5000");
    private static readonly TransportAddress Other = Address("203.0.113.9:5000");

    private readonly PathTraffic _traffic = new();
    private readonly PathFinder _finder;
    private readonly PriorityQueue<Action, long> _events = new();
    private readonly Dictionary<TransportAddress, Link> _links = [];
    private readonly List<TransportAddress?> _selected = [];
    private Random _random = new(1);
    private Instant _now = Start;
    private uint _received; // What the peer has counted.

    public PathSelectionTests() => _finder = new PathFinder(_traffic, Entropy(1));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Two_equal_paths_with_jitter_make_at_most_one_switch(int seed)
    {
        _random = new Random(seed);
        _links[One] = new Link(20, Jitter: 15);
        _links[Other] = new Link(20, Jitter: 15);
        Offer();

        Talk(TimeSpan.FromMinutes(30));

        Assert.InRange(_selected.Count(remote => remote is not null), 1, 2);
        Assert.DoesNotContain(null, _selected.Skip(1));
    }

    [Fact]
    public void A_lossy_path_is_left_for_a_slower_clean_one_and_taken_again_once_it_is_clean()
    {
        _links[One] = new Link(20, Jitter: 2);
        _links[Other] = new Link(60, Jitter: 2);
        Offer();
        Talk(TimeSpan.FromSeconds(10));
        Assert.Equal(One, _finder.Selected?.Remote);

        _links[One] = _links[One] with { Loss = 0.15 };
        Talk(TimeSpan.FromMinutes(4));
        Assert.Equal(Other, _finder.Selected?.Remote);

        _links[One] = _links[One] with { Loss = 0 };
        Talk(TimeSpan.FromMinutes(8));
        Assert.Equal(One, _finder.Selected?.Remote);
    }

    [Fact]
    public void A_path_that_passes_checks_and_no_data_is_put_back_and_not_tried_again_for_a_while()
    {
        _links[One] = new Link(20) { PassesData = false };
        Offer();
        Talk(TimeSpan.FromSeconds(3));

        Assert.Null(_finder.Selected);
        Assert.Equal(1, _finder.PutBacks);
        Assert.True(_finder.HasBarred(_now));

        Talk(TimeSpan.FromSeconds(25));
        Assert.Equal(1, _finder.PutBacks); // Its checks are answered all the while.
        Talk(TimeSpan.FromSeconds(15));
        Assert.Equal(2, _finder.PutBacks);
        Talk(TimeSpan.FromSeconds(50));
        Assert.Equal(2, _finder.PutBacks); // Longer each time.
    }

    [Fact]
    public void Data_has_the_relay_beside_it_until_the_peer_says_that_it_has_come()
    {
        _links[One] = new Link(20);
        Offer();
        Run(TimeSpan.FromSeconds(10));
        Assert.True(_finder.IsOnTrial); // Nothing was sent: nothing is known.

        Talk(TimeSpan.FromMilliseconds(400));

        Assert.False(_finder.IsOnTrial);
        Assert.Equal(0, _finder.PutBacks);
    }

    [Fact]
    public void Where_one_path_carries_no_data_the_other_is_used()
    {
        _links[One] = new Link(10) { PassesData = false };
        _links[Other] = new Link(60);
        Offer();
        Talk(TimeSpan.FromSeconds(5));

        Assert.Equal(Other, _finder.Selected?.Remote);
        Assert.False(_finder.IsOnTrial);
        Talk(TimeSpan.FromSeconds(20));
        Assert.Equal(Other, _finder.Selected?.Remote);
    }

    [Fact]
    public void Data_that_stops_passing_later_is_noticed_and_another_network_is_another_chance()
    {
        _links[One] = new Link(20);
        Offer();
        Talk(TimeSpan.FromSeconds(20));
        _links[One] = _links[One] with { PassesData = false };
        Talk(TimeSpan.FromSeconds(10));
        Assert.Null(_finder.Selected);

        _links[One] = _links[One] with { PassesData = true };
        _finder.HandleNetworkChange(_now);
        Talk(TimeSpan.FromSeconds(3));

        Assert.Equal(One, _finder.Selected?.Remote);
    }

    [Fact]
    public void Traffic_that_only_comes_is_no_proof_against_a_path()
    {
        _links[One] = new Link(20);
        Offer();
        for (int i = 0; i < 500; i++)
        {
            if (_traffic.NoteReceivedDirect(_now)) _finder.HandleTraffic(_now);
            Run(Milliseconds(50));
        }

        Assert.Equal(One, _finder.Selected?.Remote);
        Assert.Equal(0, _finder.PutBacks);
    }

    [Fact]
    public void Lost_data_is_not_taken_for_data_that_does_not_pass()
    {
        _links[One] = new Link(20, Loss: 0.3);
        Offer();
        Talk(TimeSpan.FromMinutes(5));

        Assert.Equal(0, _finder.PutBacks);
    }

    [Fact]
    public void An_idle_path_is_checked_at_the_pace_of_the_less_patient_nat_and_not_by_who_hears_the_others_checks()
    {
        Assert.Equal(TimeSpan.FromSeconds(15), KeepaliveInterval.For(0, 0));
        Assert.Equal(TimeSpan.FromSeconds(15), KeepaliveInterval.For(120, 0));
        Assert.Equal(TimeSpan.FromSeconds(16), KeepaliveInterval.For(120, 20));
        Assert.Equal(TimeSpan.FromSeconds(96), KeepaliveInterval.For(120, 300));

        _links[One] = new Link(20);
        Offer();
        _finder.Keepalive = TimeSpan.FromSeconds(96);
        Run(TimeSpan.FromMinutes(1));
        int before = _links[One].Checks;
        Run(TimeSpan.FromMinutes(48));
        Assert.InRange(_links[One].Checks - before, 28, 31);

        before = _links[One].Checks;
        for (int i = 0; i < 30; i++)
        {
            Run(TimeSpan.FromSeconds(96));
            _finder.HandlePing(new PairId(SocketId.Ipv4, One), _now);
        }

        Assert.InRange(_links[One].Checks - before, 0, 1);
    }

    [Fact]
    public void An_idle_path_over_IPv6_is_not_left_to_what_is_known_of_the_IPv4_NAT()
    {
        TransportAddress remote = Address("[2001:db8:2::10]:41641");
        _links[remote] = new Link(20);
        Offer();
        _finder.Keepalive = TimeSpan.FromSeconds(96);
        Run(TimeSpan.FromMinutes(1));
        int before = _links[remote].Checks;
        Run(TimeSpan.FromMinutes(10));
        Assert.InRange(_links[remote].Checks - before, 38, 42);
    }

    private void Offer()
    {
        _finder.HandleCandidates([.. _links.Keys], _now);
        Drain();
    }

    /// <summary>Sends a packet every 50 ms; the peer answers what comes.</summary>
    private void Talk(TimeSpan time)
    {
        for (Instant end = _now + time; _now < end;)
        {
            if (_traffic.NoteSent(_now)) _finder.HandleTraffic(_now);
            Drain();
            if (_finder.Selected is { } pair)
            {
                _traffic.CountSentDirect(1);
                Link link = _links[pair.Remote];
                if (link.PassesData && !IsLost(link)) At(Trip(link) / 2, () => _received++);
                if (link.PassesData && !IsLost(link)) At(Trip(link), () => _traffic.NoteReceivedDirect(_now));
            }

            Run(Milliseconds(50));
        }
    }

    private void Run(TimeSpan time)
    {
        Instant end = _now + time;
        while (true)
        {
            Instant next = _finder.NextTimeout ?? Instant.Never;
            if (_events.TryPeek(out _, out long due)) next = Instant.Min(next, new Instant(due));
            if (next > end) break;
            _now = Instant.Max(_now, next);
            while (_events.TryPeek(out Action? action, out long at) && at <= _now.Ticks)
            {
                _events.Dequeue();
                action();
            }

            _finder.HandleTimeout(_now);
            Drain();
        }

        _now = end;
    }

    private void Drain()
    {
        while (_finder.TryDequeueTransmit(out PathCheck check))
        {
            Link link = _links[check.Pair.Remote];
            _links[check.Pair.Remote] = link with { Checks = link.Checks + 1 };
            if (IsLost(link)) continue;
            uint counted = 0;
            At(Trip(link) / 2, () => counted = _received);
            At(Trip(link), () => _finder.HandlePong(check.Pair, check.Id, counted, _now));
        }

        if (_selected.Count == 0 || _selected[^1] != _finder.Selected?.Remote) _selected.Add(_finder.Selected?.Remote);
    }

    private bool IsLost(Link link) => _random.NextDouble() < link.Loss;

    private TimeSpan Trip(Link link) => Milliseconds(link.Rtt + link.Jitter * _random.NextDouble());

    private void At(TimeSpan delay, Action action) => _events.Enqueue(action, (_now + delay).Ticks);

    private sealed record Link(double Rtt, double Jitter = 0, double Loss = 0)
    {
        public bool PassesData { get; init; } = true;

        public int Checks { get; init; }
    }
}
