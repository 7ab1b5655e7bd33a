using Addresses;
using Simulation;
using Timing;

namespace Simulation.Tests;

/// <summary>The simulated network does what real ones were measured to do (specs of the kernel lab, RFC 4787).</summary>
public class SimulatedNetworkTests
{
    private static readonly TransportAddress Public = Address("198.18.2.2:0");
    private static readonly TransportAddress Inside = Address("192.168.2.10:5000");
    private static readonly TransportAddress Peer = Address("198.18.1.2:5000");
    private static readonly TransportAddress Stun = Address("198.19.1.10:3478");
    private static readonly TransportAddress OtherStun = Address("198.19.2.10:3478");

    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(1);

    [Fact]
    public void An_early_packet_that_the_box_takes_costs_the_flow_its_port_for_as_long_as_more_of_them_come()
    {
        SimNat nat = Nat(NatKind.Linux);
        Assert.Equal(5000, nat.Out(Inside, Stun, _now).Port);
        Assert.False(nat.In(Peer, 5000, _now).IsValid);

        ushort port = nat.Out(Inside, Peer, _now).Port;

        Assert.NotEqual(5000, port);
        Assert.Equal(5000, nat.Out(Inside, Stun, _now).Port); // A flow that is there keeps its own,
        Assert.Equal(port, nat.Out(Inside, OtherStun, _now).Port); // and a new one has the newest: asked again elsewhere, STUN shows it.
        for (int i = 0; i < 9; i++)
        {
            _now += TimeSpan.FromSeconds(5);
            Assert.False(nat.In(Peer, 5000, _now).IsValid);
            Assert.Equal(port, nat.Out(Inside, Peer, _now).Port);
        }
    }

    [Fact]
    public void An_early_packet_is_forgotten_after_half_a_minute_of_silence()
    {
        SimNat nat = Nat(NatKind.Linux);
        Assert.False(nat.In(Peer, 5000, _now).IsValid);
        _now += TimeSpan.FromSeconds(31);

        Assert.Equal(5000, nat.Out(Inside, Peer, _now).Port);
        Assert.Equal(Inside, nat.In(Peer, 5000, _now));
    }

    [Fact]
    public void A_box_that_drops_what_it_does_not_forward_keeps_the_port()
    {
        SimNat nat = Nat(NatKind.Easy with { PreservesPorts = true });
        Assert.False(nat.In(Peer, 5000, _now).IsValid);

        Assert.Equal(5000, nat.Out(Inside, Peer, _now).Port);
    }

    [Fact]
    public void Two_hosts_with_one_port_share_it_until_they_meet_one_destination()
    {
        SimNat nat = Nat(NatKind.Linux);
        TransportAddress other = Address("192.168.2.11:5000");

        Assert.Equal(5000, nat.Out(Inside, Stun, _now).Port);
        Assert.Equal(5000, nat.Out(other, OtherStun, _now).Port);
        ushort port = nat.Out(other, Stun, _now).Port;

        Assert.NotEqual(5000, port);
        Assert.Equal(port, nat.Out(other, Peer, _now).Port);
        Assert.Equal(Inside, nat.In(Stun, 5000, _now));
        Assert.Equal(other, nat.In(OtherStun, 5000, _now));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-3)]
    public void Ports_in_sequence_are_shared_with_the_other_hosts_behind_the_router(int step)
    {
        SimNat alone = Nat(NatKind.Hard with { PortStep = step });
        Assert.Equal((ushort)step, (ushort)(-alone.Out(Inside, Stun, _now).Port + alone.Out(Inside, OtherStun, _now).Port));

        SimNat shared = Nat(NatKind.Hard with { PortStep = step, BackgroundRate = 10 });
        int first = shared.Out(Inside, Stun, _now).Port;
        _now += TimeSpan.FromSeconds(10);
        Assert.InRange(Math.Abs(shared.Out(Inside, OtherStun, _now).Port - first), 70 * Math.Abs(step), 130 * Math.Abs(step));
    }

    [Fact]
    public void A_block_of_ports_is_never_left_and_ends()
    {
        SimNat nat = Nat(NatKind.Hard with { LowestPort = 2048, HighestPort = 2303 });

        ushort[] ports = [.. Enumerable.Range(1, 256).Select(port => nat.Out(Inside, Peer.WithPort((ushort)port), _now).Port)];

        Assert.Equal(256, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 2048, 2303));
        Assert.False(nat.Out(Inside, Peer.WithPort(257), _now).IsValid);
    }

    [Fact]
    public void A_router_counts_what_is_unanswered_and_forgets_it_after_half_a_minute()
    {
        SimNat nat = Nat(NatKind.Easy);
        for (ushort port = 1; port <= 100; port++) nat.Out(Inside, Peer.WithPort(port), _now);
        Assert.Equal(100, nat.Unanswered);

        ushort mapped = nat.Out(Inside, Peer.WithPort(1), _now).Port;
        Assert.True(nat.In(Peer.WithPort(1), mapped, _now).IsValid);
        Assert.Equal(99, nat.Unanswered);

        _now += TimeSpan.FromSeconds(31);
        nat.Out(Inside, Stun, _now);
        Assert.Equal((1, 100, 101), (nat.Unanswered, nat.MostUnanswered, nat.FlowsMade));
    }

    [Fact]
    public void A_firewall_keeps_addresses_and_lets_in_answers_only()
    {
        SimNat firewall = Nat(NatKind.Firewall);
        TransportAddress host = Address("[2001:db8:1::a]:5000"), peer = Address("[2001:db8:2::a]:5000");

        Assert.False(firewall.In(peer, host, _now).IsValid);
        Assert.Equal(host, firewall.Out(host, peer, _now));
        Assert.Equal(host, firewall.In(peer, host, _now));
    }

    [Theory]
    [InlineData(1, 0, 0, 0)] // Dies in the site's own router.
    [InlineData(2, 1, 0, 0)] // Dies inside the provider's network.
    [InlineData(3, 1, 1, 0)] // Has opened all of its own, and dies in the core.
    [InlineData(4, 1, 1, 0)]
    [InlineData(64, 1, 1, 1)]
    public void A_packet_with_few_hops_opens_its_own_routers_and_never_arrives(byte timeToLive, int home, int carrier, int arrived)
    {
        SimLab lab = new(1, new SiteKind { Nat = NatKind.Easy, Carrier = NatKind.Easy }, SiteKind.Public);
        List<SimPacket> seen = [];
        lab.World.Attach(Peer, new Collector(seen));

        lab.LeftSite.Send(new SimPacket(lab.LeftSite.AddressOf(10).WithPort(5000), Peer, [1]) { TimeToLive = timeToLive });
        lab.World.Run(TimeSpan.FromSeconds(1));

        Assert.Equal((home, carrier, arrived), (lab.LeftSite.Nat!.FlowsMade, lab.LeftSite.Carrier!.Nat.FlowsMade, seen.Count));
        Assert.Equal(1 - arrived, lab.World.Drops(SimDrop.Expired));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_homes_behind_one_provider_meet_where_it_turns_packets_round(bool hairpins)
    {
        SiteKind home = new() { Nat = NatKind.Easy, Carrier = NatKind.Easy with { Hairpins = hairpins } };
        SimLab lab = new SimLab(1, home, home, Sharing.Carrier).Settle();

        Assert.Equal(hairpins ? [Method.Hairpin] : [], Oracle.Methods(lab.LeftSite, lab.RightSite));
        Assert.Equal(hairpins, lab.IsDirect);
    }

    [Fact]
    public void IPv6_passes_two_firewalls_where_IPv4_is_hard_at_both_ends()
    {
        SiteKind dual = new() { Nat = NatKind.Hard, HasIpv6 = true, Ipv6Firewall = NatKind.Firewall };
        SimLab lab = new SimLab(1, dual, dual).Settle();

        Assert.Equal([Method.Ipv6], Oracle.Methods(lab.LeftSite, lab.RightSite));
        Assert.True(lab.IsDirect);
        Assert.True(lab.Left.RemoteOf(lab.Right).IsIpv6);
    }

    [Fact]
    public void A_router_that_opens_a_port_makes_a_hard_side_open()
    {
        SimLab lab = new SimLab(1, new SiteKind { Nat = NatKind.Hard, OpensPorts = true }, SiteKind.Behind(NatKind.Hard)).Settle();

        Assert.Equal([Method.PortMapping], Oracle.Methods(lab.LeftSite, lab.RightSite));
        Assert.True(lab.IsDirect);
    }

    [Fact]
    public void Every_packet_ends_where_it_was_for_or_by_a_reason()
    {
        SimLab lab = new(3, SiteKind.Behind(NatKind.Linux), new SiteKind { Nat = NatKind.Hard, Carrier = NatKind.Hard, HasIpv6 = true });
        lab.World.Loss = 0.1;
        lab.World.Duplication = 0.1;
        lab.World.Jitter = TimeSpan.FromMilliseconds(20);

        lab.Settle();

        Assert.True(lab.World.Dropped > 0);
        Assert.Equal(lab.World.Sent, lab.World.Delivered + lab.World.Dropped + lab.World.UnderWay);
        Assert.Empty(lab.World.Violations);
    }

    private static TransportAddress Address(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    private static SimNat Nat(NatKind kind) => new(kind, Public, new Random(1));

    private sealed class Collector(List<SimPacket> seen) : ISimReceiver
    {
        public void Receive(SimPacket packet) => seen.Add(packet);
    }
}
