using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Links;
using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>Link-local addresses are told and tried between nodes on one link, and nowhere else, whatever a peer says.</summary>
public class LinkLocalTests
{
    private const ushort Common = 0x1234;
    private const ushort Foreign = 0x4321;
    private const uint Zone = 3;
    private static readonly TransportAddress Own = Address("[fe80::a]:0").WithZone(Zone);
    private static readonly TransportAddress Peers = Address("[fe80::b]:40000");
    private static readonly Candidate Elsewhere = new(HostileWorld.PeerAddress, CandidateKind.Host);

    private readonly HostileWorld _world = new HostileWorld().Meet();

    public LinkLocalTests() => _world.Core.HandleLinks([new OwnLink(Common, Zone, [Own]), new OwnLink(0x9999, 4, [Address("[fe80::c]:0").WithZone(4)])], _world.Now);

    [Fact]
    public void A_peer_that_is_on_none_of_our_links_hears_their_names_and_no_address()
    {
        _world.Announce([Elsewhere], new AnnouncedLink(Foreign, []));
        _world.Run(TimeSpan.FromSeconds(5));

        Assert.Equal([new AnnouncedLink(Common, []), new AnnouncedLink(0x9999, [])], LastTold.Links);
        AssertNeverToldOutsideALink();
    }

    [Fact]
    public void A_peer_that_names_our_link_hears_our_address_there_and_only_there()
    {
        _world.Announce([Elsewhere], new AnnouncedLink(Foreign, []), new AnnouncedLink(Common, []));
        _world.Run(TimeSpan.FromSeconds(5));

        Assert.Equal([new AnnouncedLink(Common, [Address("[fe80::a]:50000")]), new AnnouncedLink(0x9999, [])], LastTold.Links);
        AssertNeverToldOutsideALink();
    }

    [Fact]
    public void A_common_link_costs_at_most_one_list_more_than_none_however_often_it_is_named()
    {
        int usual = ListsToldTo(Foreign);

        Assert.InRange(ListsToldTo(Common), usual, usual + 1);

        static int ListsToldTo(ushort link)
        {
            LinkLocalTests test = new();
            for (int i = 0; i < 20; i++)
            {
                test._world.Announce([Elsewhere], new AnnouncedLink(link, []));
                test._world.Run(TimeSpan.FromSeconds(1));
            }

            return test.Told.Count();
        }
    }

    [Fact]
    public void The_peers_address_on_our_link_is_tried_in_our_zone_and_carries_the_path()
    {
        _world.Announce([], new AnnouncedLink(Common, [Peers]));
        _world.Run(Milliseconds(200));
        Assert.Equal(Peers.WithZone(Zone), Assert.Single(_world.Datagrams.Select(sent => sent.To).Distinct()));

        _world.Answer(Peers.WithZone(Zone));

        Assert.Equal(PathKind.Direct, _world.Path.Kind);
        Assert.Equal(Peers.WithZone(Zone), _world.Path.Remote);
        Assert.Contains(Peers.WithZone(Zone), _world.Owned);
        Assert.Equal(CandidateKind.Host, _world.Core.Describe(_world.Peer.Key, _world.Now)?.RemoteKind);
    }

    [Fact]
    public void While_no_check_is_answered_there_the_LAN_counts_as_tried()
    {
        _world.Announce([], new AnnouncedLink(Common, [Peers]));
        _world.Run(Milliseconds(200));

        PathMethods? tried = _world.Core.Describe(_world.Peer.Key, _world.Now)?.Verdict?.Tried;
        Assert.Equal(PathMethods.Lan | PathMethods.Ipv6, tried);
    }

    [Fact]
    public void An_address_that_only_the_peers_checks_have_shown_has_no_kind()
    {
        _world.ByUdp(HostileWorld.PeerAddress, _world.MakePing(1));
        _world.Answer(HostileWorld.PeerAddress);

        Assert.Equal(HostileWorld.PeerAddress, _world.Path.Remote);
        Assert.Null(_world.Core.Describe(_world.Peer.Key, _world.Now)?.RemoteKind);

        _world.Announce([new Candidate(HostileWorld.PeerAddress, CandidateKind.ServerReflexive)]);
        Assert.Equal(CandidateKind.ServerReflexive, _world.Core.Describe(_world.Peer.Key, _world.Now)?.RemoteKind);
    }

    [Fact]
    public void An_interface_that_has_another_index_now_is_another_zone()
    {
        _world.Announce([], new AnnouncedLink(Common, [Peers]));
        _world.Run(Milliseconds(200));
        _world.Datagrams.Clear();

        _world.Core.HandleLinks([new OwnLink(Common, 7, [Own.WithZone(7)])], _world.Now);
        _world.Run(TimeSpan.FromSeconds(3));

        Assert.Equal(Peers.WithZone(7), Assert.Single(_world.Datagrams.Select(sent => sent.To).Distinct()));
    }

    [Fact]
    public void A_link_local_address_of_another_link_is_dropped_and_counted()
    {
        _world.Announce([], new AnnouncedLink(Foreign, [Peers, Peers.WithPort(40001)]));
        _world.Run(TimeSpan.FromSeconds(3));

        Assert.Empty(_world.Datagrams);
        Assert.Equal(2, _world.Core.Drops[NodeDrop.WrongLink]);
    }

    [Fact]
    public void In_a_call_me_maybe_or_among_the_other_candidates_it_is_dropped_and_counted_from_a_peer_on_our_link_too()
    {
        _world.Announce([new Candidate(Peers, CandidateKind.Host), new Candidate(Address("169.254.1.1:40000"), CandidateKind.Host)], new AnnouncedLink(Common, []));
        _world.CallMeMaybe(Peers);
        _world.Run(TimeSpan.FromSeconds(3));

        Assert.Empty(_world.Datagrams);
        Assert.Equal(3, _world.Core.Drops[NodeDrop.WrongLink]);
    }

    [Theory]
    [InlineData("198.51.100.7:40000")] // No link-local address at all,
    [InlineData("[2001:db8::7]:40000")]
    [InlineData("[fec0::7]:40000")]
    [InlineData("[ff02::1]:40000")]
    [InlineData("127.0.0.1:40000")]
    [InlineData("[::ffff:169.254.169.254]:40000")]
    [InlineData("[fe80::b]:53")] // a service,
    [InlineData("[fe80::1]:40000")] // the router,
    [InlineData("[fe80::a]:50000")] // this node itself,
    [InlineData("[fe80::5efe:192.168.1.1]:40000")] // and IPv4 inside (ISATAP).
    public void What_could_be_no_peers_address_on_the_link_is_not_tried(string address)
    {
        _world.Core.HandleGateways([Address("[fe80::1]:0")]);

        _world.Announce([], new AnnouncedLink(Common, [Address(address)]));
        _world.Run(TimeSpan.FromSeconds(3));

        Assert.Empty(_world.Datagrams);
    }

    [Fact]
    public void Nobody_speaks_from_a_link_local_address_of_a_link_that_both_are_not_known_to_be_on()
    {
        _world.Announce([Elsewhere], new AnnouncedLink(Foreign, []));
        _world.ByUdp(Peers.WithZone(Zone), _world.MakePing(1));
        _world.Announce([Elsewhere], new AnnouncedLink(Common, []));
        _world.ByUdp(Peers.WithZone(4), _world.MakePing(2));
        _world.ByUdp(Peers, _world.MakePing(3));
        Assert.Equal(3, _world.Core.Drops[NodeDrop.RefusedSource]);
        Assert.Empty(_world.Owned);

        _world.ByUdp(Peers.WithZone(Zone), _world.MakePing(4));

        Assert.Equal(Peers.WithZone(Zone), Assert.Single(_world.Owned));
    }

    [Fact]
    public void Ten_thousand_link_local_addresses_cost_four_at_a_time()
    {
        for (int list = 0; list < 625; list++)
        {
            AnnouncedLink[] links = [.. Enumerable.Range(0, 4).Select(link => new AnnouncedLink(Common, [.. Enumerable.Range(0, 4).Select(i => TransportAddress.FromIpv6(Peers.Bits + (uint)(list * 16 + link * 4 + i), 40_000))]))];
            _world.Announce([], links);
            _world.Run(Milliseconds(50));
        }

        Assert.InRange(_world.MostASecond(), 1, (6 + 2 + 5) * AnnouncedLink.MaxAddresses);
        Assert.True(_world.Core.Drops[NodeDrop.TooOften] > 500);
    }

    [Fact]
    public void A_peer_that_guesses_at_links_is_told_nothing_more_than_their_names_and_no_faster()
    {
        LinkLocalTests usual = new();
        for (int guess = 0; guess < 600; guess++)
        {
            usual._world.Announce([Elsewhere]);
            usual._world.Run(Milliseconds(100));
            _world.Announce([Elsewhere], new AnnouncedLink((ushort)(0x2000 + guess), []), new AnnouncedLink(Foreign, [Peers]));
            _world.Run(Milliseconds(100));
        }

        Assert.Equal(usual.Told.Count(), Told.Count());
        Assert.DoesNotContain(Told, told => told.Links.Any(link => link.Addresses.Count > 0));
    }

    private IEnumerable<AnnouncedCandidates> Told => _world.Peer.ReadRelayed(_world.Relayed).Where(message => message[0] == (byte)DiscoMessageType.Candidates)
        .Select(message => AnnouncedCandidates.TryRead(message, out AnnouncedCandidates? read) && read is not null ? read : throw new FormatException("No candidates."));

    private AnnouncedCandidates LastTold => Told.Last();

    private void AssertNeverToldOutsideALink()
    {
        IEnumerable<TransportAddress> plain = _world.Peer.ReadRelayed(_world.Relayed).Where(message => message[0] == (byte)DiscoMessageType.CallMeMaybe).SelectMany(message => CallMeMaybe.Read(message))
            .Concat(Told.SelectMany(told => told.List.Select(candidate => candidate.Address)));
        Assert.NotEmpty(plain);
        Assert.DoesNotContain(plain, address => address.IsIpv6LinkLocal);
    }
}
