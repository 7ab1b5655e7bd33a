using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class RelayMovesTests
{
    private const int Old = 900;
    private static readonly TimeSpan EndsIn = TimeSpan.FromSeconds(30);

    private readonly NodeContext _context = Context(1, Map(900, 901, 902));
    private readonly StunProber _stun;
    private readonly RelayWants _wants;
    private readonly HomeSelector _homes;
    private readonly List<PeerSession> _peers = [];
    private readonly HashSet<int> _wanted = [];
    private Instant _now = Start;

    public RelayMovesTests()
    {
        _stun = new StunProber(_context);
        _wants = new RelayWants(_context);
        _homes = new HomeSelector(_context);
        _context.HomeRegion = Old;
        _context.Link(Old).IsConnected = true;
        Settle();
    }

    [Fact]
    public void The_next_relay_is_connected_before_home_moves_and_the_old_one_left_after_that()
    {
        _context.Moves.HandleMove(Old, target: 902, EndsIn, _now);
        Settle();
        Assert.Contains(902, _wanted);
        Assert.Contains(Old, _wanted);
        Assert.Equal(Old, _context.HomeRegion);

        Connect(902);
        Assert.Equal(902, _context.HomeRegion);
        Assert.Contains(Old, _wanted);

        _now = _context.Moves.NextTimeout!.Value;
        Settle();
        Assert.Equal(Milliseconds(500), _now - Start);
        Assert.DoesNotContain(Old, _wanted);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(555)]
    [InlineData(Old)]
    public void A_target_that_is_not_in_the_map_is_as_good_as_none(int target)
    {
        _context.Moves.HandleMove(Old, target, EndsIn, _now);
        Settle();

        int successor = Assert.Single(_context.Moves.Successors);
        Assert.Contains(successor, (int[])[901, 902]);
    }

    [Fact]
    public void Where_the_next_relay_cannot_be_reached_another_is_tried()
    {
        _context.Moves.HandleMove(Old, target: 902, EndsIn, _now);
        Settle();
        _context.Link(902).FailingSince = _now;
        _now += NodeContext.UnreachableAfter;
        Settle();

        Assert.Equal([901], _context.Moves.Successors);
        Connect(901);
        Assert.Equal(901, _context.HomeRegion);
    }

    [Fact]
    public void Without_another_relay_it_stays_to_the_end()
    {
        _context.Map = Map(Old);
        _context.Moves.HandleMove(Old, target: 0, EndsIn, _now);
        for (int i = 0; i < 40; i++)
        {
            _now += TimeSpan.FromSeconds(1);
            Settle();
            Assert.Equal(Old, _context.HomeRegion);
            Assert.Contains(Old, _wanted);
        }
    }

    [Fact]
    public void A_peer_that_is_silent_is_waited_for_no_longer_than_the_relay_lasts()
    {
        PeerSession peer = new(_context, new PeerOptions { Key = Keys(2).PublicKey, Traffic = new PathTraffic() }, _now);
        _peers.Add(peer);
        Confirm(peer);
        _context.Moves.HandleMove(Old, target: 901, TimeSpan.FromSeconds(2), _now);
        Settle();
        Connect(901);
        _now += TimeSpan.FromSeconds(1.7);
        Settle();
        Assert.Contains(Old, _wanted);

        _now += TimeSpan.FromSeconds(0.2);
        Settle();
        Assert.DoesNotContain(Old, _wanted);
    }

    [Fact]
    public void A_peer_that_is_heard_elsewhere_ends_the_waiting()
    {
        PeerSession peer = new(_context, new PeerOptions { Key = Keys(2).PublicKey, Traffic = new PathTraffic() }, _now);
        _peers.Add(peer);
        Confirm(peer);
        _context.Moves.HandleMove(Old, target: 901, EndsIn, _now);
        Settle();
        Connect(901);
        _now += TimeSpan.FromSeconds(5);
        Settle();
        Assert.Contains(Old, _wanted);

        peer.Route.HandleHeard(901, _now);
        Settle();
        _now += Milliseconds(499);
        Settle();
        Assert.Contains(Old, _wanted); // What was on its way has still to come.
        _now += Milliseconds(1);
        Settle();
        Assert.DoesNotContain(Old, _wanted);
    }

    [Fact]
    public void Nothing_goes_back_to_a_relay_that_was_left_until_a_minute_after_its_end()
    {
        _context.Moves.HandleMove(Old, target: 901, EndsIn, _now);
        Settle();
        Connect(901);
        _now += TimeSpan.FromSeconds(1);
        Settle();
        _context.Moves.HandleMove(Old, target: 901, EndsIn, _now); // It is not connected: nobody can say so.

        _now = Start + EndsIn + TimeSpan.FromSeconds(59);
        Settle();
        Assert.True(_context.Moves.HasLeft(Old));
        _now += TimeSpan.FromSeconds(1);
        Settle();
        Assert.False(_context.Moves.IsLeaving(Old));
        Assert.Null(_context.Moves.NextTimeout);
    }

    /// <summary>The peer greets us, by the old relay, and shows that it knows us.</summary>
    private void Confirm(PeerSession peer)
    {
        Hello hello = new()
        {
            Sender = peer.Key,
            Receiver = _context.OwnKey,
            StartedAt = 1,
            Counter = 1,
            DiscoKey = new DiscoKey(Keys(3).PublicKey),
            Echo = _context.OwnDiscoKey,
        };
        peer.HandleHello(Old, DiscoEnvelope.Seal(peer.Key, new Box(Keys(2), _context.OwnKey), new byte[Box.NonceLength], hello.ToMessage()), _now);
        Assert.True(peer.IsConfirmed);
    }

    private void Connect(int region)
    {
        _context.Link(region).IsConnected = true;
        _context.HaveRoutesChanged = true;
        Settle();
    }

    /// <summary>What the core does after each input.</summary>
    private void Settle()
    {
        _context.Moves.Update(_peers, _stun, _now);
        int home = _homes.Choose(_stun, _now);
        if (home != _context.HomeRegion)
        {
            _context.HomeRegion = home;
            _context.HaveRoutesChanged = true;
            _context.Moves.Update(_peers, _stun, _now);
        }

        _wants.Update(_peers, _now);
        foreach (NodeEvent nodeEvent in Events(_context))
        {
            if (nodeEvent is NodeEvent.RelayWanted wanted) _wanted.Add(wanted.RegionId);
            if (nodeEvent is NodeEvent.RelayUnwanted unwanted) _wanted.Remove(unwanted.RegionId);
        }
    }
}
