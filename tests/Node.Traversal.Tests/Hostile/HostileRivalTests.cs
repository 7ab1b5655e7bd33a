using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>A peer in the configuration that means another one harm. It can send with any source, and it knows what everybody has in clear.</summary>
public class HostileRivalTests
{
    private static readonly TransportAddress FriendAddress = Address("203.0.113.7:41000");

    private readonly HostileWorld _world = new HostileWorld().Meet();
    private readonly ScriptedPeer _friend;

    public HostileRivalTests() => _friend = _world.AddPeer(new ScriptedPeer(Keys(3), Keys(98)));

    [Fact]
    public void Another_peers_disco_key_cannot_be_taken_by_saying_that_it_is_ones_own()
    {
        _world.ByRelay(_world.Peer.MakeHello(_world.NodeDisco, hello => hello with { StartedAt = 3_000_000, DiscoKey = _friend.Disco }));

        GoDirect(FriendAddress);

        Assert.Equal(PathKind.Direct, _world.Paths[_friend.Key].Kind);
    }

    [Fact]
    public void A_disco_key_that_was_claimed_beforehand_is_its_owners_from_its_first_check_on()
    {
        ScriptedPeer late = new(Keys(4), Keys(97));
        _world.ByRelay(_world.Peer.MakeHello(_world.NodeDisco, hello => hello with { StartedAt = 3_000_000, DiscoKey = late.Disco }));
        _world.AddPeer(late);

        _world.ByUdp(FriendAddress, late.MakePing(1));
        _world.Answer(FriendAddress, late);

        Assert.Equal(FriendAddress, _world.Paths[late.Key].Remote);
        Assert.Equal(late.Key, _world.Owners[FriendAddress]);
        _world.ByRelay(_world.Peer.MakeHello(_world.NodeDisco, hello => hello with { StartedAt = 4_000_000 })); // And stays so when the other says something else.
        _world.ByUdp(FriendAddress, late.MakePing(2));
        Assert.Equal(0, _world.Core.Drops[NodeDrop.WrongParty] + _world.Core.Drops[NodeDrop.UnknownKey]);
    }

    [Fact]
    public void A_check_with_a_forged_source_does_not_lead_another_peers_data_astray()
    {
        GoDirect(FriendAddress);
        Assert.Equal(_friend.Key, _world.Owners[FriendAddress]);

        _world.ByUdp(FriendAddress, _world.MakePing(1));

        Assert.Equal(_friend.Key, _world.Owners[FriendAddress]);
    }

    [Fact]
    public void An_address_that_a_forged_check_has_claimed_is_whose_answers_come_from_there()
    {
        _world.ByUdp(FriendAddress, _world.MakePing(1));

        GoDirect(FriendAddress);

        Assert.Equal(_friend.Key, _world.Owners[FriendAddress]);
    }

    [Fact]
    public void Starting_anew_a_thousand_times_a_second_has_nobody_checked_faster()
    {
        TransportAddress[] victims = [.. Enumerable.Range(0, 32).Select(i => TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000))];
        _world.CallMeMaybe(victims);
        _world.Run(TimeSpan.FromSeconds(10));
        int before = _world.Datagrams.Count;

        for (int start = 0; start < 1000; start++)
        {
            _world.ByRelay(_world.Peer.MakeHello(_world.NodeDisco, hello => hello with { StartedAt = 3_000_000 + start, DiscoKey = new DiscoKey(Keys((byte)(100 + start % 100)).PublicKey) }));
            _world.Run(Milliseconds(1));
        }

        Assert.True(_world.Core.Drops[NodeDrop.TooOften] > 900);
        Assert.Equal(before, _world.Datagrams.Count); // Who has started anew is nowhere until it says where.
    }

    [Fact]
    public void Checks_with_ten_thousand_forged_sources_are_not_all_answered()
    {
        int before = _world.Datagrams.Count;

        for (int i = 0; i < 10_000; i++) _world.ByUdp(TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000), _world.MakePing(i));

        Assert.InRange(_world.Datagrams.Count - before, 1, (int)(4 * SeenChecks.AnswersPerSecond));
        Assert.True(_world.Core.Drops[NodeDrop.TooOften] > 9000);
    }

    [Fact]
    public void Who_is_at_home_everywhere_in_turn_has_us_connect_to_a_few_relays_only()
    {
        int[] regions = [.. Enumerable.Range(1, 500)];
        HostileWorld world = new HostileWorld(regions).Meet();

        foreach (int region in regions)
        {
            world.ByRelay(world.Peer.MakeHello(world.NodeDisco, hello => hello with { HomeRegion = region }));
            world.Run(Milliseconds(20));
        }

        Assert.InRange(world.Wanted.Count, 1, 10);
    }

    private void GoDirect(TransportAddress address)
    {
        _world.ByUdp(address, _friend.MakePing(1000));
        _world.Answer(address, _friend);
        Assert.Equal((PathKind.Direct, address), (_world.Paths[_friend.Key].Kind, _world.Paths[_friend.Key].Remote));
    }
}
