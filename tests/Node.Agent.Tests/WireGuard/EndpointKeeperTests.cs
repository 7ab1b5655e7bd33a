using Addresses;
using Node.Agent.WireGuard;
using Relay.Protocol;

namespace Node.Agent.Tests.WireGuard;

public sealed class EndpointKeeperTests
{
    private static readonly NodeKey Peer = Keys.Peer(2);
    private static readonly TransportAddress Own = Parse("127.99.1.2:21820");
    private static readonly TransportAddress Foreign = Parse("198.51.100.2:41000");

    private readonly EndpointKeeper _keeper = new();

    [Fact]
    public void A_peer_without_our_endpoint_gets_it()
    {
        _keeper.Keep(Peer, Own, default);

        Assert.Equal([new PeerEndpoint(Peer, Own)], Compare(default));
        Assert.Empty(Compare(Own));
        Assert.Equal(0, _keeper.Corrections);
    }

    [Fact]
    public void An_endpoint_that_roams_away_is_put_back_and_counted()
    {
        _keeper.Keep(Peer, Own, default);
        Compare(Own);

        Assert.Equal([new PeerEndpoint(Peer, Own)], Compare(Foreign));
        Assert.Equal(1, _keeper.Corrections);
    }

    [Fact]
    public void Peers_that_are_not_ours_are_left_alone() => Assert.Empty(Compare(Foreign));

    [Fact]
    public void The_endpoint_from_before_comes_back_at_the_end()
    {
        _keeper.Keep(Peer, Own, default);
        Compare(Foreign);
        Compare(Own);
        Compare(Parse("203.0.113.9:9"));

        _keeper.ReleaseAll();

        Assert.Equal([new PeerEndpoint(Peer, Foreign)], Compare(Own));
        Assert.Empty(Compare(Own));
    }

    [Fact]
    public void An_endpoint_that_is_no_longer_ours_is_not_touched_at_the_end()
    {
        _keeper.Keep(Peer, Own, default);
        Compare(Foreign);

        _keeper.ReleaseAll();

        Assert.Empty(Compare(Parse("203.0.113.9:9")));
    }

    [Fact]
    public void What_an_earlier_run_left_behind_is_no_endpoint_from_before()
    {
        _keeper.Keep(Peer, Own, default);
        Compare(Parse("127.101.7.7:21820"));

        _keeper.Release(Peer);

        Assert.Empty(Compare(Own));
    }

    [Fact]
    public void The_endpoint_in_the_file_comes_back_where_an_earlier_run_had_replaced_it()
    {
        _keeper.Keep(Peer, Own, configured: Foreign);
        Compare(Own);

        _keeper.Release(Peer);

        Assert.Equal([new PeerEndpoint(Peer, Foreign)], Compare(Own));
    }

    [Fact]
    public void A_peer_that_gets_an_endpoint_in_the_file_is_given_that_one()
    {
        _keeper.Keep(Peer, Own, default);
        Compare(Own);

        _keeper.Release(Peer, configured: Foreign);

        Assert.Equal([new PeerEndpoint(Peer, Foreign)], Compare(Own));
    }

    [Fact]
    public void A_peer_that_comes_back_at_once_keeps_our_endpoint()
    {
        _keeper.Keep(Peer, Own, Foreign);
        Compare(Own);

        _keeper.Release(Peer);
        _keeper.Keep(Peer, Own, Foreign);

        Assert.Empty(Compare(Own));
    }

    [Fact]
    public void A_peer_the_interface_does_not_have_is_never_set()
    {
        Dictionary<NodeKey, TransportAddress> nobody = [];
        _keeper.Keep(Peer, Own, configured: Foreign);

        Assert.Empty(_keeper.Compare(nobody, out IReadOnlyList<NodeKey> missing));
        Assert.Equal([Peer], missing);
        _keeper.Release(Peer);
        Assert.Empty(_keeper.Compare(nobody, out _));
    }

    [Fact]
    public void A_missing_peer_is_told_once_until_it_was_there_again()
    {
        _keeper.Keep(Peer, Own, default);
        Dictionary<NodeKey, TransportAddress> nobody = [];

        _keeper.Compare(nobody, out IReadOnlyList<NodeKey> first);
        _keeper.Compare(nobody, out IReadOnlyList<NodeKey> second);
        Compare(Own);
        _keeper.Compare(nobody, out IReadOnlyList<NodeKey> third);

        Assert.Equal((1, 0, 1), (first.Count, second.Count, third.Count));
    }

    private IReadOnlyList<PeerEndpoint> Compare(TransportAddress present) => _keeper.Compare(new Dictionary<NodeKey, TransportAddress> { [Peer] = present }, out _);

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);
}
