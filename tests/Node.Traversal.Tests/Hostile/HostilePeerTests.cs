using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>A peer that is in the configuration and means harm: it may waste its own path, and nothing else.</summary>
public class HostilePeerTests
{
    /// <summary>Datagrams a second that a peer may make a node send, whatever it says: six lists at once, two more a second, and the search's own five volleys, each of 32.</summary>
    private const int MostASecond = (6 + 2 + 5) * CallMeMaybe.MaxAddresses;

    private readonly HostileWorld _world = new HostileWorld().Meet();

    [Fact]
    public void Ten_thousand_candidates_are_as_good_as_the_first_few()
    {
        TransportAddress[] victims = [.. Enumerable.Range(0, 10_000).Select(i => TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000))];

        _world.CallMeMaybe(victims);
        _world.Run(TimeSpan.FromSeconds(30));

        Assert.InRange(_world.Datagrams.Select(sent => sent.To).Distinct().Count(), 1, CallMeMaybe.MaxAddresses);
        Assert.InRange(_world.MostASecond(), 1, MostASecond);
    }

    [Fact]
    public void Ten_thousand_candidates_in_lists_that_never_end_are_tried_no_faster()
    {
        for (int list = 0; list < 313; list++)
        {
            _world.CallMeMaybe([.. Enumerable.Range(0, 32).Select(i => TransportAddress.FromIpv4(0x08000000u + (uint)(list * 32 + i), 50_000))]);
            _world.Run(Milliseconds(50));
        }

        Assert.InRange(_world.MostASecond(), 1, MostASecond);
        Assert.True(_world.Core.Drops[NodeDrop.TooOften] > 200);
        int before = _world.Datagrams.Count;
        _world.Run(TimeSpan.FromMinutes(10));
        Assert.InRange(_world.Datagrams.Count - before, 0, 2000); // It comes to rest: nobody has traffic.
    }

    [Fact]
    public void One_address_named_many_times_is_one()
    {
        _world.CallMeMaybe([.. Enumerable.Repeat(Address("8.8.8.8:50000"), 32)]);

        Assert.Single(_world.Datagrams);
    }

    [Fact]
    public void No_victim_has_more_than_a_few_of_its_ports_tried()
    {
        _world.CallMeMaybe([.. Enumerable.Range(0, 32).Select(i => Address("8.8.8.8:0").WithPort((ushort)(20_000 + i)))]);
        _world.Run(TimeSpan.FromSeconds(5));

        Assert.InRange(_world.Datagrams.Select(sent => sent.To).Distinct().Count(), 1, CandidateFilter.MaxPortsOfAddress);
    }

    [Theory]
    [InlineData("8.8.8.8:53")] // A service,
    [InlineData("8.8.8.8:1023")]
    [InlineData("192.168.1.1:5351")] // the router, in every spelling,
    [InlineData("[::ffff:192.168.1.1]:50000")]
    [InlineData("[64:ff9b::192.168.1.1]:50000")]
    [InlineData("[2002:c0a8:101::1]:50000")]
    [InlineData("192.168.1.10:50000")] // and this node itself.
    [InlineData("[2001:db8:1::a]:50000")]
    public void What_may_be_somebody_elses_is_tried_only_after_the_peer_has_spoken_from_there(string address)
    {
        _world.Core.HandleGateways([Address("192.168.1.1:0")]);
        TransportAddress doubtful = Address(address);
        _world.CallMeMaybe(doubtful);
        _world.Run(TimeSpan.FromSeconds(3));
        Assert.Empty(_world.Datagrams);

        _world.ByUdp(doubtful, _world.MakePing(1));

        Assert.Contains(_world.Datagrams, sent => sent.To == doubtful);
    }

    [Theory]
    [InlineData("10.77.0.9:50000")] // Inside the tunnel,
    [InlineData("[fd77::9]:50000")]
    [InlineData("[::ffff:10.77.0.9]:50000")]
    [InlineData("[64:ff9b::10.77.0.9]:50000")]
    [InlineData("[2002:a4d:9::1]:50000")]
    [InlineData("10.77.0.1:50000")] // its near end,
    [InlineData("[fd77::1]:50000")]
    [InlineData("127.0.0.1:50000")] // this machine,
    [InlineData("127.8.8.8:50000")]
    [InlineData("[::1]:50000")]
    [InlineData("[::ffff:127.0.0.1]:50000")]
    [InlineData("[::127.0.0.1]:50000")]
    [InlineData("[::ffff:0:127.0.0.1]:50000")]
    [InlineData("[64:ff9b::127.0.0.1]:50000")]
    [InlineData("[64:ff9b:1::127.0.0.1]:50000")]
    [InlineData("[2002:7f00:1::1]:50000")]
    [InlineData("[2001:db8::5efe:127.0.0.1]:50000")]
    [InlineData("169.254.169.254:50000")] // a cloud's metadata,
    [InlineData("[::ffff:169.254.169.254]:50000")]
    [InlineData("[::169.254.169.254]:50000")]
    [InlineData("[::ffff:0:169.254.169.254]:50000")]
    [InlineData("[64:ff9b::169.254.169.254]:50000")]
    [InlineData("[64:ff9b:1::169.254.169.254]:50000")]
    [InlineData("[2002:a9fe:a9fe::1]:50000")]
    [InlineData("[2001:db8::5efe:169.254.169.254]:50000")]
    [InlineData("[2001:db8::200:5efe:169.254.169.254]:50000")]
    [InlineData("[2001:0:a9fe:a9fe::1]:50000")]
    [InlineData("[fd00:ec2::254]:50000")]
    [InlineData("[fe80::1]:50000")]
    [InlineData("0.0.0.0:50000")] // and nobody.
    [InlineData("0.1.2.3:50000")]
    [InlineData("[::]:50000")]
    [InlineData("255.255.255.255:50000")]
    [InlineData("224.0.0.251:50000")]
    [InlineData("240.0.0.1:50000")]
    [InlineData("[ff02::1]:50000")]
    [InlineData("[fec0::1]:50000")]
    [InlineData("[64:ff9b::255.255.255.255]:50000")]
    public void An_address_that_can_be_no_peers_is_neither_tried_nor_heard(string address)
    {
        TransportAddress victim = Address(address);

        _world.CallMeMaybe(victim);
        _world.Run(TimeSpan.FromSeconds(5));
        _world.ByUdp(victim, _world.MakePing(1));

        Assert.Empty(_world.Datagrams);
        Assert.DoesNotContain(victim, _world.Owned);
    }

    [Fact]
    public void A_list_that_is_cut_off_or_of_another_version_is_empty()
    {
        byte[] whole = CallMeMaybe.ToMessage([Address("8.8.8.8:50000")]);
        _world.ByRelay(_world.SealDisco(whole[..^1]));
        whole[1] = 1;
        _world.ByRelay(_world.SealDisco(whole));

        _world.Run(TimeSpan.FromSeconds(5));

        Assert.Empty(_world.Datagrams);
    }

    [Fact]
    public void A_peer_that_has_not_proven_that_it_lives_now_names_no_candidates()
    {
        HostileWorld world = new();
        world.Listen();
        world.Greet(echo: null); // As a relay could play it back that has recorded it: it echoes nothing of this start.

        world.CallMeMaybe(Address("8.8.8.8:50000"));
        world.Run(TimeSpan.FromSeconds(5));

        Assert.Equal(1, world.Core.Drops[NodeDrop.WrongWay]);
        Assert.Empty(world.Datagrams);
    }

    [Fact]
    public void Checks_from_ten_thousand_sources_leave_no_more_than_a_few_behind()
    {
        for (int i = 0; i < 10_000; i++) _world.ByUdp(TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000), _world.MakePing((byte)i));
        Assert.InRange(_world.Owned.Count, 1, AddressBook.MaxAddressesOfPeer);
        int before = _world.Datagrams.Count;

        _world.Run(TimeSpan.FromSeconds(30));

        Assert.InRange(_world.Datagrams.Skip(before).Select(sent => sent.To).Distinct().Count(), 0, CandidatePairs.MaxPeerReflexive);
        Assert.InRange(_world.Datagrams.Skip(before).Count(), 0, 1000);
    }

    [Fact]
    public void A_captured_check_sent_from_many_victims_is_answered_once()
    {
        byte[] captured = _world.MakePing(1);
        _world.ByUdp(HostileWorld.PeerAddress, captured);
        int before = _world.Datagrams.Count;

        for (int i = 0; i < 1000; i++) _world.ByUdp(TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000), captured);

        Assert.Equal(before, _world.Datagrams.Count);
        Assert.Equal(1000, _world.Core.Drops[NodeDrop.Stale]);
        Assert.Equal([HostileWorld.PeerAddress], _world.Owned); // None of them is taken for the peer's.
    }

    [Fact]
    public void A_check_that_the_network_has_doubled_is_answered_twice()
    {
        byte[] ping = _world.MakePing(1);
        _world.ByUdp(HostileWorld.PeerAddress, ping);
        int before = _world.Datagrams.Count;

        _world.ByUdp(HostileWorld.PeerAddress, ping);

        Assert.True(_world.Datagrams.Count > before);
    }

    [Fact]
    public void An_answer_from_elsewhere_or_to_nothing_promotes_nothing()
    {
        _world.CallMeMaybe(HostileWorld.PeerAddress);
        byte[] check = _world.Datagrams.Last(sent => sent.To == HostileWorld.PeerAddress).Payload;
        PingId id = _world.ReadCheck(check)!.Value;
        byte[] pong = _world.MakePong(id);

        _world.ByUdp(Address("8.8.8.8:50000"), pong); // Spoofed source, true answer.
        _world.ByUdp(HostileWorld.PeerAddress, _world.MakePong(default)); // True source, invented answer.
        _world.ByUdp(HostileWorld.PeerAddress, check); // Our own check, reflected.
        Assert.Equal(PathKind.Relay, _world.Path.Kind);

        _world.ByUdp(HostileWorld.PeerAddress, pong);
        Assert.Equal((PathKind.Direct, HostileWorld.PeerAddress), (_world.Path.Kind, _world.Path.Remote));

        _world.Run(TimeSpan.FromSeconds(1));
        byte[] next = _world.MakePing(7);
        _world.ByUdp(Address("8.8.8.8:50000"), next); // A sealed check with a spoofed source: the way there is not proven.
        _world.ByUdp(Address("8.8.8.8:50000"), pong); // And an answer that has been used.
        Assert.Equal(HostileWorld.PeerAddress, _world.Path.Remote);
    }

    [Fact]
    public void Keys_cannot_be_mistaken_for_each_other()
    {
        NodeKeyPair other = Keys(3); // Not configured.
        Box toNode = new(other, Keys(1).PublicKey);
        Hello named = new() { Sender = _world.PeerKeys.PublicKey, Receiver = Keys(1).PublicKey, StartedAt = 3_000_000, Counter = 1, DiscoKey = new DiscoKey(other.PublicKey), Echo = _world.NodeDisco };

        _world.ByRelay(_world.Seal(other.PublicKey, toNode, named.ToMessage())); // Somebody else's box in the peer's name,
        _world.ByRelay(_world.Seal(_world.PeerKeys.PublicKey, toNode, named.ToMessage())); // under the peer's key,
        _world.ByRelay(Hellos(named with { Sender = Keys(1).PublicKey, Receiver = _world.PeerKeys.PublicKey })); // our own words sent back,
        _world.ByRelay(Hellos(named with { Receiver = other.PublicKey })); // and words that were for somebody else.
        Assert.Equal((1, 1, 2), (_world.Core.Drops[NodeDrop.UnknownKey], _world.Core.Drops[NodeDrop.NotOpened], _world.Core.Drops[NodeDrop.WrongParty]));

        byte[] ping = new byte[DiscoPing.Length];
        new DiscoPing(default, other.PublicKey).Write(ping); // A check that names another node than the one that has sealed it.
        _world.ByUdp(HostileWorld.PeerAddress, _world.SealDisco(ping));
        Assert.Equal(3, _world.Core.Drops[NodeDrop.WrongParty]);
        Assert.Empty(_world.Datagrams);
        Assert.Equal(PathKind.Relay, _world.Path.Kind);
    }

    [Fact]
    public void What_an_unknown_key_has_sealed_costs_no_curve_operation_and_no_memory()
    {
        byte[] packet = _world.Seal(Keys(9).PublicKey, new Box(Keys(9), _world.NodeDisco.Value), new byte[64]);
        int sent = 0;

        long allocated = Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 10_000; i++, sent++) _world.Core.HandleDatagram(SocketId.Ipv4, HostileWorld.PeerAddress, packet, _world.Now);
        });

        Assert.Equal(0, allocated); // A box that is opened has a message; a shared key that is made has memory of its own.
        Assert.Equal(sent, _world.Core.Drops[NodeDrop.UnknownKey]);
    }

    [Fact]
    public void What_looks_like_a_STUN_answer_and_answers_nothing_has_nothing_worked_out_anew()
    {
        byte[] answer = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(answer, TransactionId.Read(new byte[TransactionId.Length]), Address("198.51.100.7:50000"));
        int sent = 0;

        long allocated = Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 10_000; i++, sent++) _world.Core.HandleDatagram(SocketId.Ipv4, HostileWorld.PeerAddress, answer.AsSpan(0, length), _world.Now);
        });

        Assert.Equal(0, allocated); // To choose home and relays anew takes lists.
        Assert.Equal(sent, _world.Core.Drops[NodeDrop.UnmatchedStun]);
    }

    [Fact]
    public void Nothing_is_sent_to_a_peer_that_was_removed()
    {
        GoDirect();
        _world.CallMeMaybe([.. Enumerable.Range(0, 8).Select(i => TransportAddress.FromIpv4(0x08000000u + (uint)i, 50_000))]);
        _world.Core.HandlePeerRemoved(_world.PeerKeys.PublicKey, _world.Now);
        _world.Run(TimeSpan.Zero);
        int before = _world.Datagrams.Count + _world.Relayed.Count;

        _world.ByUdp(HostileWorld.PeerAddress, _world.MakePing(9));
        _world.CallMeMaybe(Address("8.8.8.8:50000"));
        _world.Run(TimeSpan.FromMinutes(10));

        Assert.Equal(before, _world.Datagrams.Count + _world.Relayed.Count);
        Assert.Empty(_world.Owned);
    }

    private void GoDirect()
    {
        _world.CallMeMaybe(HostileWorld.PeerAddress);
        _world.Answer(HostileWorld.PeerAddress);
        Assert.Equal(PathKind.Direct, _world.Path.Kind);
        _world.ByUdp(HostileWorld.PeerAddress, _world.MakePing(200));
    }

    private byte[] Hellos(Hello hello) => _world.Seal(_world.PeerKeys.PublicKey, new Box(_world.PeerKeys, Keys(1).PublicKey), hello.ToMessage());
}
