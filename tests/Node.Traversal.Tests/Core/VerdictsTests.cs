using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class VerdictsTests
{
    private const int Region = 900;

    private static readonly NatProfile Easy = new(NatMapping.EndpointIndependent, UdpReach.Works);
    private static readonly NatProfile Hard = new(NatMapping.EndpointDependent, UdpReach.Works);
    private static readonly NatProfile Unknown = new(NatMapping.Unknown, UdpReach.Works);
    private static readonly NatProfile Blocked = new(NatMapping.Unknown, UdpReach.Blocked);

    private readonly NodeContext _context = Context(1, Map(Region));
    private readonly NodeContext _other = Context(2, Map(Region));
    private readonly PeerSession _peer;
    private Instant _now = Start;

    public VerdictsTests() => _peer = new PeerSession(_context, new PeerOptions { Key = _other.OwnKey, Traffic = new PathTraffic() }, _now);

    [Fact]
    public void Without_a_relay_none_can_be_reached()
    {
        AssertVerdict(VerdictCode.RelayUnreachable, "no relay can be reached from here");
    }

    [Fact]
    public void A_relay_where_the_peer_cannot_be_is_no_help()
    {
        _context.Link(Region + 1).IsConnected = true;

        AssertVerdict(VerdictCode.RelayUnreachable, "where the peer could be");
    }

    [Fact]
    public void A_peer_that_its_relay_does_not_know_is_offline()
    {
        Connect();
        _peer.Route.HandleGone(Region, _now);
        AssertVerdict(VerdictCode.PeerOffline, "not connected");

        _now += PeerRoute.GoneFor; // The relay's word has grown old.
        AssertVerdict(VerdictCode.Checking, "greeting");
    }

    [Fact]
    public void A_peer_that_answers_no_greeting_is_silent_after_a_while()
    {
        Connect();
        _peer.Hellos.Ask(_now);
        _peer.SendHello(_now);
        _peer.SendHello(_now += TimeSpan.FromSeconds(1));
        AssertVerdict(VerdictCode.Checking, "greeting");
        _peer.SendHello(_now += TimeSpan.FromSeconds(1));
        AssertVerdict(VerdictCode.Checking, "greeting");

        _now += TimeSpan.FromSeconds(1);

        AssertVerdict(VerdictCode.PeerSilent, "does not answer");
        Assert.Equal((VerdictStage.Greeting, VerdictRemedy.AddKeyThere), StageAndRemedy());
    }

    [Fact]
    public void A_peer_whose_addresses_are_being_tried_is_being_checked()
    {
        Connect();
        Greet(Easy, Easy);

        AssertVerdict(VerdictCode.Checking, "trying");
    }

    [Fact]
    public void A_direct_peer_needs_no_verdict()
    {
        Connect();
        Greet(Easy, Easy);
        _peer.Finder.HandleCandidates([Address("198.18.2.2:5000")], _now);
        Assert.True(_peer.Finder.TryDequeueTransmit(out PathCheck check));

        Assert.True(_peer.Finder.HandlePong(check.Pair, check.Id, null, _now + Milliseconds(10)));

        Assert.Null(Verdicts.Judge(_context, _peer, _now));
    }

    public static TheoryData<NatProfile, NatProfile, VerdictCode> Networks => new()
    {
        { Blocked, Easy, VerdictCode.UdpBlockedHere },
        { Blocked, Blocked, VerdictCode.UdpBlockedHere },
        { Hard, Blocked, VerdictCode.UdpBlockedThere },
        { Hard, Hard, VerdictCode.HardBoth },
        { Unknown, Hard, VerdictCode.MappingUnknown },
        { Hard, Unknown, VerdictCode.MappingUnknown },
        { Unknown, Unknown, VerdictCode.MappingUnknown },
        { Hard, Easy, VerdictCode.HardHere },
        { Easy, Hard, VerdictCode.HardThere },
        { Easy, Easy, VerdictCode.ChecksUnanswered },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void What_the_two_NATs_say_decides_once_the_addresses_were_tried(NatProfile here, NatProfile there, VerdictCode expected)
    {
        Connect();
        Greet(here, there);

        RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal(expected, Verdicts.Judge(_context, _peer, _now)?.Code);
        Assert.NotEmpty(Verdicts.Judge(_context, _peer, _now)!.Value.Text);
    }

    public static TheoryData<NatProfile, NatProfile, VerdictStage, VerdictRemedy, string> Remedies
    {
        get
        {
            NatProfile carrier = Hard with { IsNested = true, IsCarrierGrade = true };
            NatProfile mapping = Easy with { OffersPortMapping = true };
            return new()
            {
                { Blocked, Easy, VerdictStage.Udp, VerdictRemedy.AllowUdpHere, "let UDP out at this end, from port 5000" },
                { Easy, Blocked, VerdictStage.Udp, VerdictRemedy.AllowUdpThere, "let UDP out at the peer's end, from port 50001" },
                { Unknown, Easy, VerdictStage.Nat, VerdictRemedy.AddStunHere, "the relay map needs STUN on two addresses" },
                { Easy, Unknown, VerdictStage.Nat, VerdictRemedy.AddStunThere, "the peer's relay map needs STUN on two addresses" },
                {
                    Hard, Hard, VerdictStage.Nat, VerdictRemedy.OpenPortEither,
                    "open UDP 5000 here (or enable PCP, NAT-PMP or UPnP on the router), or open UDP 50001 at the peer's end (or enable PCP, NAT-PMP or UPnP on the router)"
                },
                { carrier, Easy, VerdictStage.Nat, VerdictRemedy.OpenPortThere, "open UDP 50001 at the peer's end (or enable PCP, NAT-PMP or UPnP on the router)" },
                { Easy, carrier, VerdictStage.Nat, VerdictRemedy.OpenPortHere, "open UDP 5000 here (or enable PCP, NAT-PMP or UPnP on the router)" },
                { carrier, carrier, VerdictStage.Nat, VerdictRemedy.GetPublicAddress, "both stand behind a provider's NAT: use IPv6, or ask for a public address at either end" },
                { mapping, mapping, VerdictStage.Checks, VerdictRemedy.OpenPortEither, "open UDP 5000 here, or open UDP 50001 at the peer's end" },
            };
        }
    }

    [Theory]
    [MemberData(nameof(Remedies))]
    public void It_says_where_it_failed_and_what_would_help(NatProfile here, NatProfile there, VerdictStage stage, VerdictRemedy remedy, string text)
    {
        Connect();
        Greet(here, there);
        Announce(new Candidate(Address("192.168.2.10:50001"), CandidateKind.Host));

        RunFor(TimeSpan.FromSeconds(20));

        PathVerdict verdict = Verdicts.Judge(_context, _peer, _now)!.Value;
        Assert.Equal((stage, remedy), StageAndRemedy());
        Assert.Equal(text, verdict.RemedyText);
        Assert.Equal((here, there), (verdict.Here, verdict.There));
    }

    [Fact]
    public void Where_a_captive_portal_stands_before_everything_a_web_page_is_what_helps()
    {
        _context.CaptivePortal = true;
        AssertVerdict(VerdictCode.RelayUnreachable, "no relay can be reached");
        Assert.Equal((VerdictStage.Relay, VerdictRemedy.PassPortal), StageAndRemedy());

        Connect();
        Greet(Blocked, Easy);
        AssertVerdict(VerdictCode.UdpBlockedHere, "blocked");
        Assert.Equal((VerdictStage.Udp, VerdictRemedy.PassPortal), StageAndRemedy());
        Assert.Contains("web page", Verdicts.Judge(_context, _peer, _now)!.Value.RemedyText, StringComparison.Ordinal);

        Greet(Easy, Blocked);
        Assert.NotEqual(VerdictRemedy.PassPortal, StageAndRemedy().Remedy); // The peer's network is another.
    }

    [Fact]
    public void It_says_what_was_tried()
    {
        Connect();
        Greet(Easy, Easy);
        Assert.Equal(PathMethods.None, Verdicts.Judge(_context, _peer, _now)!.Value.Tried);

        Announce(
            new Candidate(Address("192.168.2.10:50001"), CandidateKind.Host),
            new Candidate(Address("[2001:db8:2::10]:50001"), CandidateKind.Host),
            new Candidate(Address("198.18.2.2:40000"), CandidateKind.ServerReflexive),
            new Candidate(Address("198.18.2.2:6000"), CandidateKind.PortMapped));

        Assert.Equal(
            PathMethods.Lan | PathMethods.Ipv6 | PathMethods.SimultaneousOpen | PathMethods.OpenPort,
            Verdicts.Judge(_context, _peer, _now)!.Value.Tried);
    }

    [Fact]
    public void Two_hard_NATs_have_their_odds_told_and_why_nothing_is_bet_on_them()
    {
        Connect();
        Greet(Hard, Hard, PunchingPlan.Version);
        Announce(new Candidate(Address("198.18.2.2:40000"), CandidateKind.ServerReflexive));

        RunFor(TimeSpan.FromSeconds(20));

        PathVerdict verdict = Judge();
        Assert.Equal((VerdictCode.HardBoth, VerdictStage.Nat), (verdict.Code, verdict.Stage));
        Assert.Equal(PunchOdds.BothSides(64512, 64512, PunchPlanner.MostAtOnce, PunchPlanner.MostAtOnce), verdict.Probability);
        Assert.Contains("less than 30% is not worth the load", verdict.NotAttempted, StringComparison.Ordinal);
    }

    public static TheoryData<string[], string, string> Obstacles => new()
    {
        { [], "198.18.2.2:40000", "no STUN server shows this end's" },
        { ["198.18.1.1:40000"], "192.168.2.10:50001", "the peer tells no public IPv4 address" },
        { ["198.18.1.1:40000"], "198.18.1.1:40001", "behind one router" },
    };

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void What_stands_in_the_way_of_a_good_chance_is_named(string[] mapped, string announced, string clue)
    {
        _context.Mapped = [.. mapped.Select(Address)];
        Connect();
        Greet(Hard, Easy, PunchingPlan.Version);
        Announce(new Candidate(Address(announced), CandidateKind.Host));

        RunFor(TimeSpan.FromSeconds(20));

        PathVerdict verdict = Judge();
        Assert.InRange(Assert.NotNull(verdict.Probability), 0.98, 0.99);
        Assert.Contains(clue, verdict.NotAttempted, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, null, true)]
    [InlineData(false, false, true)]
    [InlineData(false, true, false)] // The two do not agree on what their router does.
    [InlineData(null, false, false)]
    [InlineData(true, true, false)]
    public void No_port_is_to_be_opened_on_a_router_of_both_that_turns_nothing_back(bool? hairpinsHere, bool? hairpinsThere, bool isMute)
    {
        _context.Mapped = [Address("198.18.1.1:40000")];
        Connect();
        Greet(Easy with { Hairpins = hairpinsHere }, Easy with { Hairpins = hairpinsThere }, PunchingPlan.Version);
        Announce(new Candidate(Address("198.18.1.1:40001"), CandidateKind.ServerReflexive));

        RunFor(TimeSpan.FromSeconds(20));

        PathVerdict verdict = Judge();
        Assert.Equal(VerdictCode.ChecksUnanswered, verdict.Code);
        Assert.Equal(isMute ? VerdictRemedy.GetPublicAddress : VerdictRemedy.OpenPortEither, verdict.Remedy);
        Assert.Equal(isMute ? 0 : 1, verdict.Probability);
        Assert.Equal(isMute, verdict.Text.Contains("hairpinning", StringComparison.Ordinal));
        Assert.Equal(isMute, verdict.RemedyText!.StartsWith("both stand behind one NAT", StringComparison.Ordinal));
    }

    [Fact]
    public void A_peer_that_takes_no_plans_is_the_reason_there_are_none()
    {
        Connect();
        Greet(Hard, Easy);

        RunFor(TimeSpan.FromSeconds(20));

        Assert.Equal((null, "the peer's program knows nothing but mutual checks"), (Judge().Probability, Judge().NotAttempted));
    }

    [Fact]
    public void Where_it_does_not_come_to_making_a_hole_no_chance_is_told()
    {
        Connect();
        Greet(Blocked, Hard);
        Assert.Equal((null, null), (Judge().Probability, Judge().NotAttempted));

        Greet(Hard, Easy);
        Assert.Equal(VerdictCode.Checking, Judge().Code);
        Assert.Equal((null, null), (Judge().Probability, Judge().NotAttempted));
    }

    [Fact]
    public void Ends_of_different_families_are_told_to_get_the_other_one()
    {
        Connect();
        Greet(Easy, Easy);
        _context.LocalCandidates = new HashSet<TransportAddress> { Address("192.168.1.10:5000") };
        Announce(new Candidate(Address("[2001:db8:2::10]:50001"), CandidateKind.Host));

        PathVerdict verdict = Judge();
        Assert.Equal((VerdictCode.NoCommonFamily, VerdictStage.Udp, VerdictRemedy.AddFamily), (verdict.Code, verdict.Stage, verdict.Remedy));
        Assert.Equal("give either of them an address of the other family", verdict.RemedyText);
    }

    private PathVerdict Judge() => Assert.NotNull(Verdicts.Judge(_context, _peer, _now));

    private (VerdictStage Stage, VerdictRemedy Remedy) StageAndRemedy()
    {
        PathVerdict verdict = Assert.NotNull(Verdicts.Judge(_context, _peer, _now));
        return (verdict.Stage, verdict.Remedy);
    }

    private void Announce(params Candidate[] list) =>
        _peer.Candidates.HandleList(new AnnouncedCandidates { Sender = _other.OwnKey, Receiver = _context.OwnKey, Counter = 0, List = list }.ToMessage(), _now);

    private void Connect() => _context.Link(Region).IsConnected = true;

    /// <summary>The peer says hello, and shows that it has heard us.</summary>
    private void Greet(NatProfile here, NatProfile there, int plans = 0)
    {
        _context.Nat = here;
        Hello hello = new()
        {
            Sender = _other.OwnKey,
            Receiver = _context.OwnKey,
            StartedAt = _other.Options.StartedAt,
            Counter = 0,
            DiscoKey = _other.OwnDiscoKey,
            Echo = _context.OwnDiscoKey,
            HomeRegion = Region,
            Plans = plans,
            Nat = there,
        };
        _peer.HandleHello(Region, _other.Seal(_other.OwnKey, new Box(_other.Options.Keys, _context.OwnKey), hello.ToMessage()), _now);
        Assert.True(_peer.IsConfirmed);
    }

    private void RunFor(TimeSpan time)
    {
        Instant end = _now + time;
        while (_peer.Finder.NextTimeout is { } next && next <= end)
        {
            _now = Instant.Max(_now, next);
            _peer.HandleTimeout(_now);
        }

        _now = end;
    }

    private void AssertVerdict(VerdictCode code, string clue)
    {
        PathVerdict verdict = Assert.NotNull(Verdicts.Judge(_context, _peer, _now));
        Assert.Equal(code, verdict.Code);
        Assert.Contains(clue, verdict.Text, StringComparison.Ordinal);
    }
}
