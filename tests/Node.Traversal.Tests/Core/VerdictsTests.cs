using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
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

        AssertVerdict(VerdictCode.PeerSilent, "is our key in its configuration?");
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

    private void Connect() => _context.Link(Region).IsConnected = true;

    /// <summary>The peer says hello, and shows that it has heard us.</summary>
    private void Greet(NatProfile here, NatProfile there)
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
