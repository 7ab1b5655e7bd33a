using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

/// <summary>When home moves and when it stays, by the latencies of round after round and the life of the relays.</summary>
public class HomeLatencyTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901, 902));
    private readonly StunProber _stun;
    private readonly HomeSelector _homes;
    private Instant _now = Start;

    public HomeLatencyTests()
    {
        _stun = new StunProber(_context);
        _homes = new HomeSelector(_context);
        _stun.HandleServers([], _now); // The rounds are given here.
    }

    /// <summary>Rounds a minute apart, each the latencies of 900, 901 and 902 in milliseconds, "-" for none; home after the last.</summary>
    [Theory]
    [InlineData("the nearest of the first round", "30 20 40", 901)]
    [InlineData("a little nearer is not enough", "20 90 90 / 20 14 90", 900)]
    [InlineData("by 10 ms, but more than two thirds", "60 90 90 / 60 45 90", 900)]
    [InlineData("two thirds, but by less than 10 ms", "12 90 90 / 12 3 90", 900)]
    [InlineData("clearly nearer", "60 90 90 / 60 30 90", 901)]
    [InlineData("the nearest of several that are nearer", "90 95 95 / 90 40 30", 902)]
    [InlineData("one slow measurement of home does not count", "20 50 90 / 200 50 90", 900)]
    [InlineData("one fast measurement of another counts for its best", "60 70 90 / 60 20 90 / 60 70 90", 901)]
    [InlineData("a home that is slow for as long as is remembered", "20 40 90 / 200 40 90 / 200 40 90 / 200 40 90 / 200 40 90 / 200 40 90 / 200 40 90", 901)]
    [InlineData("the best of another is forgotten too", "40 35 90 / 40 70 90 / 40 70 90 / 40 70 90 / 40 70 90 / 40 70 90 / 40 70 90", 900)]
    [InlineData("home does not answer in a round, and is silent", "20 50 90 / - 50 90", 901)]
    [InlineData("nobody answers in a round", "20 50 90 / - - -", 900)]
    [InlineData("nobody answers for ever", "20 50 90 / - - - / - - - / - - - / - - - / - - - / - - -", 900)]
    public void Home_follows_from_the_rounds(string why, string rounds, int home)
    {
        foreach (string round in rounds.Split('/'))
        {
            _now += TimeSpan.FromMinutes(1);
            Round(round);
            Choose();
            Connect(900, 901, 902);
        }

        Assert.True(home == Choose(), why);
    }

    [Fact]
    public void A_home_that_STUN_does_not_reach_is_kept_while_its_relay_is_heard()
    {
        Round("20 50 90");
        Choose();
        Connect(900, 901);
        _now += TimeSpan.FromMinutes(1);
        Round("- 50 90");

        _context.Link(900).LastHeard = _now - TimeSpan.FromSeconds(8);
        Assert.Equal(900, Choose());
        _context.Link(900).LastHeard = _now - TimeSpan.FromSeconds(8.1);
        Assert.Equal(901, Choose());
    }

    [Fact]
    public void Home_moves_only_to_a_relay_that_is_connected()
    {
        Round("60 90 90");
        Choose();
        Connect(900);
        Round("60 20 90");

        Assert.Equal(900, Choose());
        Assert.Equal(901, _context.NextHome);
        Assert.True(_context.HaveRoutesChanged);

        Connect(901);
        Assert.Equal(901, Choose());
        Assert.Equal(0, Then(() => Choose(), _context).NextHome);
    }

    [Fact]
    public void A_home_that_was_lost_is_gone_back_to_once_it_is_steadily_there_though_it_is_but_a_little_nearer()
    {
        Round("20 22 90");
        Choose();
        Connect(900, 901);
        Lose(900);
        Assert.Equal(901, Choose());

        Assert.Equal(901, Choose());
        Assert.Equal(900, _context.NextHome); // It answers, so it is tried.
        Connect(900);
        Assert.Equal(901, Choose());
        Assert.Equal(_now + TimeSpan.FromSeconds(5), _homes.NextTimeout);

        _now = _homes.NextTimeout!.Value;
        Assert.Equal(900, Choose());
        Round("20 18 90");
        Assert.Equal(900, Choose()); // From here on, as ever.
    }

    [Fact]
    public void A_relay_that_comes_and_goes_is_no_home()
    {
        Round("20 22 90");
        Choose();
        Connect(900, 901);
        Lose(900);
        Choose();
        Connect(900);
        _now += TimeSpan.FromSeconds(4);
        Lose(900);
        Connect(900);
        _now += TimeSpan.FromSeconds(4);

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void A_lost_home_that_answers_no_more_is_not_tried_for_ever()
    {
        Round("20 22 90");
        Choose();
        Connect(900, 901);
        Lose(900);
        Choose();

        for (int i = 0; i < 6; i++)
        {
            _now += TimeSpan.FromMinutes(1);
            Round("- 22 90");
            Choose();
        }

        Assert.Equal((901, 0), (Choose(), _context.NextHome));
    }

    [Fact]
    public void A_home_taken_for_want_of_latencies_moves_to_the_nearest_as_soon_as_one_is_known()
    {
        int meeting = Choose();
        Assert.NotEqual(0, meeting);
        Connect(900, 901, 902);
        int other = meeting == 900 ? 901 : 900;

        _stun.Latencies.Note(meeting, Milliseconds(11));
        _stun.Latencies.Note(other, Milliseconds(10));
        _stun.Latencies.EndRound(_now);

        Assert.Equal(other, Choose());
    }

    [Fact]
    public void After_a_change_of_network_home_stays_until_a_round_is_measured_in_the_new_one()
    {
        Round("20 50 90");
        Choose();
        Connect(900, 901);
        _stun.HandleNetworkChange(_now);
        _stun.Latencies.Note(901, Milliseconds(5));
        Assert.Equal(900, Choose());

        _stun.Latencies.Note(900, Milliseconds(50));
        _stun.Latencies.EndRound(_now);

        Assert.Equal(901, Choose());
    }

    [Fact]
    public void What_is_known_of_the_network_from_before_makes_home_at_once_and_counts_until_it_is_measured()
    {
        _stun.HandleServers([.. _context.Map.Regions.Select(region => new StunServerAddress(region.Id, Address($"203.0.113.{region.Id - 800}:3478")))], _now);
        _stun.Latencies.Recall(new Dictionary<int, TimeSpan> { [900] = Milliseconds(40), [901] = Milliseconds(20), [902] = Milliseconds(90) });
        Assert.Equal(901, Choose());
        Assert.Empty(_stun.Latencies.Measured());
        Connect(900, 901);

        Round("20 60 90");

        Assert.Equal(900, Choose());
        Assert.Equal(Milliseconds(60), _stun.LatencyOf(901));
    }

    private static NodeContext Then(Action action, NodeContext context)
    {
        action();
        return context;
    }

    private int Choose() => _context.HomeRegion = _homes.Choose(_stun, _now);

    private void Round(string latencies)
    {
        string[] words = latencies.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i < words.Length; i++)
        {
            if (words[i] != "-") _stun.Latencies.Note(900 + i, Milliseconds(int.Parse(words[i], System.Globalization.CultureInfo.InvariantCulture)));
        }

        _stun.Latencies.EndRound(_now);
    }

    private void Connect(params int[] regions)
    {
        foreach (int region in regions)
        {
            NodeContext.RelayLink link = _context.Link(region);
            (link.IsConnected, link.FailingSince, link.ConnectedSince, link.LastHeard) = (true, null, _now, _now - TimeSpan.FromMinutes(1));
        }
    }

    private void Lose(int region)
    {
        NodeContext.RelayLink link = _context.Link(region);
        (link.IsConnected, link.ConnectedSince, link.FailingSince) = (false, null, _now);
        _now += NodeContext.UnreachableAfter;
        _context.Link(region).FailingSince ??= _now;
    }
}
