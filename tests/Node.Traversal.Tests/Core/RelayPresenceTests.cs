using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Node.Traversal.Core.RelayMaps;
using Relay.Protocol.Frames;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class RelayPresenceTests
{
    private readonly NodeContext _context = Context(1, Map(900, 901));
    private readonly PeerTable _peers = new(Start);
    private readonly PeerSession _peer;
    private readonly RelayPresence _relays;
    private readonly int[] _ranked;

    public RelayPresenceTests()
    {
        _peer = new PeerSession(_context, new PeerOptions { Key = Keys(2).PublicKey, Traffic = new PathTraffic() }, Start);
        _peers.Add(_peer);
        _relays = new RelayPresence(_context, _peers);
        _ranked = MeetingRegions.Rank(_peer.Key, _context.Map);
    }

    [Fact]
    public void A_connection_by_which_a_peer_may_be_reached_has_it_greeted_and_makes_a_path()
    {
        _relays.HandleConnected(_ranked[0], Start);

        Assert.True(_peer.Hellos.IsAwaiting);
        Assert.Equal(Start, _peer.Hellos.Next);
        Assert.Equal((PathKind.Relay, _ranked[0]), (_peer.Path.Kind, _peer.Path.RegionId));
    }

    [Fact]
    public void A_connection_that_is_lost_takes_the_path_with_it_and_counts_as_failing_from_the_first_attempt_on()
    {
        _relays.HandleConnected(_ranked[0], Start);

        _relays.HandleDisconnected(_ranked[0], Start + Milliseconds(1));
        _relays.HandleDisconnected(_ranked[0], Start + Milliseconds(500)); // Tried anew, in vain.

        Assert.Equal(PathKind.None, _peer.Path.Kind);
        Assert.Equal(Start + Milliseconds(1), _context.Link(_ranked[0]).FailingSince);
    }

    [Fact]
    public void What_is_heard_counts_for_a_connection_there_is()
    {
        _relays.HandleHeard(_ranked[0], Start);
        Assert.Null(_context.Link(_ranked[0]).LastHeard);

        _relays.HandleConnected(_ranked[0], Start);
        _relays.HandleHeard(_ranked[0], Start + Milliseconds(7));
        Assert.Equal(Start + Milliseconds(7), _context.Link(_ranked[0]).LastHeard);
    }

    [Theory]
    [InlineData(PeerGoneReason.Disconnected, true)]
    [InlineData(PeerGoneReason.NotHere, false)] // It answers a greeting of ours, which is repeated anyway.
    public void A_peer_that_has_left_is_asked_for(PeerGoneReason reason, bool isAskedFor)
    {
        _context.Link(_ranked[0]).IsConnected = true;

        Assert.True(_relays.TryHandlePeerGone(_ranked[0], _peer.Key, reason, Start));

        Assert.True(_peer.Route.IsGoneEverywhere(Start));
        Assert.Equal(isAskedFor, _peer.Hellos.IsAwaiting);
    }

    [Fact]
    public void A_peer_that_is_not_there_is_asked_for_by_the_next_relay_that_may_reach_it()
    {
        foreach (int region in _ranked) _context.Link(region).IsConnected = true;

        _relays.TryHandlePeerGone(_ranked[0], _peer.Key, PeerGoneReason.NotHere, Start);

        Assert.Equal(_ranked[1], _peer.Route.Choose(Start));
        Assert.True(_peer.Hellos.IsAwaiting);
    }

    [Fact]
    public void That_a_stranger_is_gone_means_nothing() =>
        Assert.False(_relays.TryHandlePeerGone(_ranked[0], Keys(3).PublicKey, PeerGoneReason.Disconnected, Start));
}
