using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>What networks do to a pair, one thing at a time.</summary>
public class ScenarioTests
{
    [Fact]
    public void The_first_packet_passes_by_relay_and_none_is_lost_by_going_direct()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Start();

            lab.Ping(TimeSpan.FromSeconds(10)); // From the first moment: no relay is connected yet.

            Assert.True(lab.IsDirect, $"seed {seed}");
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost");
        }
    }

    [Fact]
    public void Direct_comes_within_half_a_second_of_the_relay()
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Start();
            TimeSpan? relayed = lab.World.RunUntil(() => lab.IsRelayed || lab.IsDirect, TimeSpan.FromSeconds(5));

            TimeSpan? direct = lab.World.RunUntil(() => lab.IsDirect, TimeSpan.FromSeconds(5));

            Assert.NotNull(relayed);
            Assert.True(direct < TimeSpan.FromMilliseconds(500), $"seed {seed}: {direct}");
        }
    }

    [Fact]
    public void A_cut_costs_one_ping_at_five_a_second_and_healing_none()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Settle();
            Assert.True(lab.IsDirect);
            lab.World.IsCut = (_, _) => true;

            lab.Ping(TimeSpan.FromSeconds(20));
            Assert.True(lab.IsRelayed, $"seed {seed}");
            Assert.True(lab.Lost <= 1, $"seed {seed}: {lab.Lost} lost by the cut");

            lab.World.IsCut = (_, _) => false;
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(3));
            Assert.True(lab.IsDirect, $"seed {seed}: not direct 3 s after healing");
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost by the return");
        }
    }

    [Fact]
    public void A_cut_one_way_costs_one_ping()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Settle();
            bool isLeftCut = seed % 2 == 0;
            lab.World.IsCut = (source, destination) => (isLeftCut ? source : destination).Bits == lab.LeftSite.Nat!.PublicAddress.Bits && destination.Ipv4Bits >> 16 == 0xc612 && source.Ipv4Bits >> 16 == 0xc612;

            lab.Ping(TimeSpan.FromSeconds(10));

            Assert.True(lab.Lost <= 1, $"seed {seed}: {lab.Lost} lost");
        }
    }

    [Fact]
    public void A_relay_that_dies_is_not_noticed_on_a_direct_path()
    {
        SimLab lab = new SimLab(1, NatKind.Easy, NatKind.Easy).Settle();
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Stop();

        lab.Ping(TimeSpan.FromSeconds(60));

        Assert.Equal(0, lab.Lost);
        Assert.True(lab.IsDirect);
    }

    [Fact]
    public void A_relayed_pair_is_carried_again_when_the_relay_is_back()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Hard).Settle();
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Stop();
        lab.Ping(TimeSpan.FromSeconds(10));
        Assert.Equal(VerdictCode.RelayUnreachable, lab.Left.VerdictOn(lab.Right)!.Value.Code);

        foreach (SimRelay relay in lab.World.Relays.Values) relay.Start();
        lab.Ping(TimeSpan.FromSeconds(4));
        lab.Forget();
        lab.Ping(TimeSpan.FromSeconds(10));

        Assert.Equal(0, lab.Lost);
        Assert.True(lab.IsRelayed);
    }

    [Fact]
    public void One_region_may_die_and_the_other_carries_on()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Hard, NatKind.Hard).Settle();
            lab.World.Relays[900].Stop(); // The nearer one: home to both.

            lab.Ping(TimeSpan.FromSeconds(12));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(10));

            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost, left {lab.Left.VerdictOn(lab.Right)}, home {lab.Left.HomeRegion}/{lab.Right.HomeRegion}");
        }
    }

    [Fact]
    public void Both_are_at_home_in_the_nearer_region()
    {
        SimLab lab = new SimLab(1, NatKind.Easy, NatKind.Easy).Settle();

        // Latency is measured to STUN, and all of it is equally far here: the choice is the same for both, and stays.
        Assert.Equal(lab.Left.HomeRegion, lab.Right.HomeRegion);
        Assert.NotEqual(0, lab.Left.HomeRegion);
    }

    [Fact]
    public void A_host_that_moves_is_relayed_within_a_second_and_direct_within_three()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Settle();
            SimSite elsewhere = new(lab.World, 3, NatKind.Easy);
            lab.Left.Move(elsewhere, 10);
            lab.Ping(TimeSpan.FromSeconds(3));
            Assert.True(lab.IsDirect, $"seed {seed}: not direct after 3 s");

            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(5));
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost");
        }
    }

    [Fact]
    public void A_router_that_starts_anew_with_another_address_is_no_end()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Settle();
            lab.RightSite.Reboot(77);
            lab.Ping(TimeSpan.FromSeconds(6));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(30));

            Assert.True(lab.IsDirect, $"seed {seed}: {lab.Left.VerdictOn(lab.Right)}");
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost");
        }
    }

    [Fact]
    public void A_killed_node_comes_back_with_new_keys()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Easy, NatKind.Easy).Settle();
            lab.Right.Kill(startedAt: 2);
            lab.World.Run(TimeSpan.FromSeconds(1));
            lab.Right.Start(lab.Left);
            lab.Ping(TimeSpan.FromSeconds(3));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(5));

            Assert.True(lab.IsDirect, $"seed {seed}");
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost");
        }
    }

    [Fact]
    public void A_peer_that_is_not_there_is_offline_and_one_that_lacks_our_key_is_silent()
    {
        SimLab offline = new(1, NatKind.Easy, NatKind.Easy);
        offline.Left.Start(offline.Right);
        offline.Ping(TimeSpan.FromSeconds(10));
        Assert.Equal(VerdictCode.PeerOffline, offline.Left.VerdictOn(offline.Right)!.Value.Code);

        SimLab silent = new(2, NatKind.Easy, NatKind.Easy);
        silent.Left.Start(silent.Right);
        silent.Right.Start();
        silent.Ping(TimeSpan.FromSeconds(10));
        Assert.Equal(VerdictCode.PeerSilent, silent.Left.VerdictOn(silent.Right)!.Value.Code);
    }

    [Fact]
    public void With_one_STUN_server_the_mapping_is_unknown_and_said_to_be()
    {
        SimLab lab = new(1, NatKind.Hard, NatKind.Hard);
        foreach (SimStun server in lab.Stun.Skip(1)) lab.World.Attach(server.Address, null);

        lab.Settle();
        lab.Ping(TimeSpan.FromSeconds(8));

        Assert.Equal(VerdictCode.MappingUnknown, lab.Left.VerdictOn(lab.Right)!.Value.Code);
    }

    [Fact]
    public void A_one_way_flow_stays_direct()
    {
        SimLab lab = new SimLab(1, NatKind.Easy, NatKind.Easy).Settle();
        lab.Right.DataReceived = (_, _, _) => { };
        int carried = lab.World.Relays.Values.Sum(relay => relay.Carried);

        for (int i = 0; i < 1000; i++)
        {
            lab.Left.SendData(lab.Right.Key, i);
            lab.World.Run(TimeSpan.FromMilliseconds(20));
            Assert.True(lab.IsDirect);
        }

        Assert.InRange(lab.World.Relays.Values.Sum(relay => relay.Carried) - carried, 0, 20);
    }

    [Fact]
    public void Loss_of_one_packet_in_ten_does_not_make_a_path_flap()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            SimLab lab = new(seed, NatKind.Easy, NatKind.Easy);
            lab.World.Loss = 0.1;
            lab.Settle();
            Assert.True(lab.IsDirect);

            int direct = 0;
            for (int i = 0; i < 300; i++)
            {
                lab.Ping(TimeSpan.FromMilliseconds(200));
                if (lab.IsDirect) direct++;
            }

            Assert.True(direct == 300, $"seed {seed}: direct {direct} of 300");
        }
    }

    [Fact]
    public void An_idle_pair_keeps_its_NATs_open_at_a_check_a_quarter_of_a_minute()
    {
        NatKind forgetful = NatKind.Easy with { Lifetime = TimeSpan.FromSeconds(20) };
        SimLab lab = new SimLab(1, forgetful, forgetful).Settle();
        lab.World.Run(TimeSpan.FromMinutes(2));
        int before = lab.Left.ControlDatagrams + lab.Right.ControlDatagrams;

        lab.World.Run(TimeSpan.FromMinutes(30));

        int sent = lab.Left.ControlDatagrams + lab.Right.ControlDatagrams - before;
        Assert.True(lab.IsDirect);
        Assert.InRange(sent, 2 * 115, 2 * 2 * 130 + 100); // A check and an answer from each every 15 s, and STUN now and then.
        lab.Forget();
        lab.Ping(TimeSpan.FromSeconds(2));
        Assert.Equal(0, lab.Lost);
    }

    [Fact]
    public void A_lying_STUN_server_costs_nothing_but_its_lie()
    {
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        lab.Stun[0].Lie = _ => Addresses.TransportAddress.FromIpv4(0x7f000001, 80);
        lab.Stun[1].Lie = _ => Addresses.TransportAddress.FromIpv4(0x08080808, 53);

        lab.Settle();

        Assert.True(lab.IsDirect);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_hosts_behind_one_NAT_meet_on_their_LAN(bool hairpins)
    {
        SimLab lab = new SimLab(1, NatKind.Easy with { Hairpins = hairpins }, null, shareSite: true).Settle();

        lab.Ping(TimeSpan.FromSeconds(3));

        Assert.True(lab.IsDirect);
        Assert.Equal(lab.Right.Address, lab.Left.RemoteOf(lab.Right));
        Assert.Equal(0, lab.Lost);
    }
}
