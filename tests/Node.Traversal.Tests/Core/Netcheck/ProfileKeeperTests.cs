using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class ProfileKeeperTests
{
    private static readonly TransportAddress First = Address("203.0.113.1:3478");
    private static readonly TransportAddress Second = Address("203.0.113.2:3478");
    private static readonly TransportAddress Third = Address("203.0.113.3:3478");
    private static readonly TransportAddress Mapped = Address("198.51.100.7:40000");
    private static readonly TransportAddress Public = Address("198.51.100.7:0");
    private static readonly NetworkFingerprint Cafe = new("cafe");
    private static readonly NatProfile Found = new(NatMapping.AddressAndPortDependent, UdpReach.Works) { Filtering = NatFiltering.AddressDependent };

    private static readonly KnownNetwork Remembered = new(Cafe) { Ipv4 = new RememberedNat(Public, Found) };

    private readonly List<Transmit> _sent = [];
    private readonly List<NodeEvent.NatDiscoveryWanted> _wanted = [];
    private readonly List<NodeEvent.NatLearnt> _learnt = [];
    private NodeCore _core;
    private Instant _now = Start;

    public ProfileKeeperTests() => _core = NewCore();

    [Fact]
    public void A_discovery_begins_as_soon_as_a_server_answers_and_turns_to_that_one_first()
    {
        Begin(First, Second, Third);
        Assert.Empty(_wanted);

        Answer(Second, Mapped);

        NodeEvent.NatDiscoveryWanted wanted = Assert.Single(_wanted);
        Assert.True(wanted.IsIpv4);
        Assert.Equal([Second, First, Third], wanted.Servers);
        Answer(First, Mapped);
        Assert.Single(_wanted);
    }

    [Fact]
    public void No_more_servers_are_asked_than_the_limit()
    {
        Begin([.. Enumerable.Range(1, 9).Select(i => Address($"203.0.113.{i}:3478"))]);

        Answer(First, Mapped);

        Assert.Equal(ProfileKeeper.MaxServers, Assert.Single(_wanted).Servers.Count);
    }

    [Fact]
    public void What_was_found_completes_what_the_probes_see()
    {
        Begin(First, Second);
        Answer(First, Mapped);
        Answer(Second, Mapped.WithPort(40001));
        Assert.Equal(new NatProfile(NatMapping.EndpointDependent, UdpReach.Works), _core.Nat);

        _core.HandleNatProfile(isIpv4: true, Found, _now);

        Assert.Equal(Found, _core.Nat);
        Assert.Equal(default, _core.NatIpv6);
    }

    [Fact]
    public void How_long_a_mapping_is_kept_holds_until_it_is_measured_anew()
    {
        Begin(First, Second);
        Answer(First, Mapped);
        Answer(Second, Mapped.WithPort(40001));

        _core.HandleNatProfile(isIpv4: true, Found with { LifetimeSeconds = 25 }, _now);
        _core.HandleNatProfile(isIpv4: true, Found, _now); // The next discovery: mapping and filter come first.
        Assert.Equal(25, _core.Nat.LifetimeSeconds);

        _core.HandleNatProfile(isIpv4: true, Found with { LifetimeSeconds = 60 }, _now);
        Assert.Equal(60, _core.Nat.LifetimeSeconds);
    }

    [Fact]
    public void Each_family_has_a_profile_of_its_own()
    {
        TransportAddress server = Address("[2001:db8:f001::10]:3478");
        Begin(First, server);
        Answer(First, Mapped);
        Answer(server, Address("[2001:db8:1::2]:5000"));
        Assert.Equal([true, false], _wanted.Select(wanted => wanted.IsIpv4));
        NatProfile firewall = new(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent };

        _core.HandleNatProfile(isIpv4: false, firewall, _now);
        _core.HandleNatProfile(isIpv4: true, Found, _now);

        Assert.Equal(Found, _core.Nat);
        Assert.Equal(firewall, _core.NatIpv6);
    }

    [Fact]
    public void Without_IPv4_the_profile_is_that_of_IPv6()
    {
        TransportAddress server = Address("[2001:db8:f001::10]:3478");
        Begin(First, server);

        Answer(server, Address("[2001:db8:1::2]:5000"));
        _core.HandleNatProfile(isIpv4: false, Found, _now);

        Assert.Equal(Found, _core.Nat);
        Assert.Equal(Found, _core.NatIpv6);
    }

    [Fact]
    public void One_liar_among_three_servers_makes_no_NAT_hard()
    {
        Begin(First, Second, Third);

        Answer(First, Address("192.0.2.66:666"));
        Answer(Second, Mapped);
        Assert.NotEqual(NatMapping.EndpointDependent, _core.Nat.Mapping); // Two disagree, and a third is still to speak.
        Answer(Third, Mapped);
        _core.HandleNatProfile(isIpv4: true, Found, _now); // The liar was the one that the discovery asked.

        Assert.Equal(NatMapping.EndpointIndependent, _core.Nat.Mapping);
        Assert.Equal(
            [
                new Candidate(Mapped, CandidateKind.ServerReflexive),
                new Candidate(Address("192.168.1.10:5000"), CandidateKind.Host),
                new Candidate(Address("192.0.2.66:666"), CandidateKind.ServerReflexive) { IsUnconfirmed = true },
            ],
            _core.Candidates);
    }

    [Fact]
    public void A_change_of_network_voids_what_was_found_and_asks_anew()
    {
        Begin(First);
        Answer(First, Mapped);
        _core.HandleNatProfile(isIpv4: true, Found, _now);

        _core.HandleLocalAddresses([Address("192.168.7.10:0")], _now);
        _core.HandleNatProfile(isIpv4: true, Found, _now); // One that was under way has ended: it is of the network before.
        Drain();

        Assert.Equal(NatMapping.Unknown, _core.Nat.Mapping);
        Assert.Equal(NatFiltering.Unknown, _core.Nat.Filtering);
        Assert.Single(_wanted);
        Answer(First, Mapped.WithPort(2));
        Assert.Equal(2, _wanted.Count);
    }

    [Fact]
    public void What_was_found_is_kept_for_the_network_it_was_found_in()
    {
        Begin(First, Second);
        _core.HandleKnownNetwork(new KnownNetwork(Cafe), _now);
        Answer(First, Mapped);
        Answer(Second, Mapped.WithPort(40001));

        _core.HandleNatProfile(isIpv4: true, Found, _now);
        _core.HandleNatProfile(isIpv4: true, Found with { LifetimeSeconds = 60 }, _now);
        Drain();

        Assert.Equal(
            [new NodeEvent.NatLearnt(Cafe, IsIpv4: true, new RememberedNat(Public, Found)), new NodeEvent.NatLearnt(Cafe, IsIpv4: true, new RememberedNat(Public, Found with { LifetimeSeconds = 60 }))],
            _learnt);
    }

    [Fact]
    public void A_network_without_a_name_is_not_kept()
    {
        Begin(First, Second);
        _core.HandleKnownNetwork(new KnownNetwork(Cafe), _now);
        _core.HandleLocalAddresses([Address("192.168.7.10:0")], _now); // The shell has not told yet where this is.
        Answer(First, Mapped);
        Answer(Second, Mapped);

        _core.HandleNatProfile(isIpv4: true, Found, _now);
        Drain();

        Assert.Empty(_learnt);
    }

    [Fact]
    public void What_is_remembered_counts_at_once_and_stands_while_the_public_address_is_the_same()
    {
        Begin(First, Second);

        _core.HandleKnownNetwork(Remembered, _now);
        Assert.Equal(Found with { Udp = UdpReach.Unknown }, _core.Nat);
        Answer(First, Mapped);
        Answer(Second, Mapped.WithPort(40001));

        Assert.Equal(Found, _core.Nat);
    }

    [Fact]
    public void Another_public_address_voids_what_is_remembered()
    {
        TransportAddress elsewhere = Address("198.51.100.8:40000");
        Begin(First, Second);
        _core.HandleKnownNetwork(Remembered, _now);

        Answer(First, elsewhere);
        Assert.Equal(Found, _core.Nat); // One server's word, and another is still to speak.
        Answer(Second, elsewhere.WithPort(40001));

        Assert.Equal(new NatProfile(NatMapping.EndpointDependent, UdpReach.Works), _core.Nat);
    }

    [Fact]
    public void What_is_found_out_anew_replaces_what_is_remembered()
    {
        Begin(First, Second);
        _core.HandleKnownNetwork(Remembered, _now);
        Answer(First, Mapped);
        Answer(Second, Mapped.WithPort(40001));

        _core.HandleNatProfile(isIpv4: true, new NatProfile(NatMapping.EndpointDependent, UdpReach.Works), _now);
        Drain();
        Assert.Equal(Found, _core.Nat); // It tells no more than that yet.
        Assert.Empty(_learnt); // And what tells less takes nobody's place.
        _core.HandleNatProfile(isIpv4: true, Found with { Filtering = NatFiltering.AddressAndPortDependent }, _now);
        Drain();

        Assert.Equal(Found with { Filtering = NatFiltering.AddressAndPortDependent }, _core.Nat);
        Assert.Equal(_core.Nat, Assert.Single(_learnt).Nat.Profile);
    }

    [Fact]
    public void A_change_of_network_voids_what_is_remembered()
    {
        Begin(First, Second);
        _core.HandleKnownNetwork(Remembered, _now);

        _core.HandleLocalAddresses([Address("192.168.7.10:0")], _now);

        Assert.Equal(NatMapping.Unknown, _core.Nat.Mapping);
        Assert.Equal(NatFiltering.Unknown, _core.Nat.Filtering);
    }

    [Fact]
    public void Otherwise_it_is_asked_anew_after_an_hour()
    {
        Begin(First);
        Answer(First, Mapped);

        RunUntil(_now + TimeSpan.FromMinutes(59));
        Assert.Single(_wanted);
        RunUntil(_now + TimeSpan.FromMinutes(2));

        Assert.Equal(2, _wanted.Count);
    }

    [Fact]
    public void On_one_machine_there_is_nothing_to_find_out()
    {
        _core = NewCore(allowLoopback: true);
        Begin(First);

        Answer(First, Mapped);

        Assert.Empty(_wanted);
    }

    private static NodeCore NewCore(bool allowLoopback = false) => new(
        new NodeCoreOptions { Keys = Keys(1), Entropy = Entropy(1), StartedAt = 1, UdpPort = 5000, AllowLoopback = allowLoopback },
        Map(900),
        Start);

    private void Begin(params TransportAddress[] servers)
    {
        _core.HandleLocalAddresses([Address("192.168.1.10:0")], _now);
        _core.HandleStunServers([.. servers.Select(server => new StunServerAddress(900, server))], _now);
        Drain();
    }

    private void Answer(TransportAddress server, TransportAddress mapped)
    {
        Assert.True(StunHeader.TryRead(_sent.Last(sent => sent.Destination == server).Payload, out StunHeader header));
        byte[] response = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(response, header.TransactionId, mapped);
        _now += Milliseconds(10);
        _core.HandleDatagram(SocketId.For(server), server, response.AsSpan(0, length), _now);
        Drain();
    }

    /// <summary>Lets time pass; the first server answers everything.</summary>
    private void RunUntil(Instant end)
    {
        while (_core.NextTimeout is { } next && next <= end)
        {
            _now = Instant.Max(_now, next);
            int before = _sent.Count;
            _core.HandleTimeout(_now);
            Drain();
            if (_sent.Skip(before).Any(sent => sent.Destination == First)) Answer(First, Mapped);
        }

        _now = end;
    }

    private void Drain()
    {
        while (_core.TryDequeueTransmit(out Transmit transmit)) _sent.Add(transmit);
        while (_core.TryDequeueEvent(out NodeEvent? nodeEvent))
        {
            if (nodeEvent is NodeEvent.NatDiscoveryWanted wanted) _wanted.Add(wanted);
            if (nodeEvent is NodeEvent.NatLearnt learnt) _learnt.Add(learnt);
        }
    }
}
