using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>
/// Relays that one end can reach and the other cannot: a firewall knows their addresses, or a network does not carry to them. Two sites far from
/// each other, each with a relay beside it, and one in the middle. The pair is never direct.
/// </summary>
public class RelayReachTests
{
    private const int Seeds = 40; // Enough for every order in which the three regions can be met in.
    private const int NearLeft = 900, Middle = 901, NearRight = 902;

    [Fact]
    public void A_peer_whose_home_cannot_be_reached_from_here_is_reached_by_another_relay()
    {
        ForEachSeed(lab =>
        {
            lab.World.Relays[NearRight].Block(lab.LeftSite);

            lab.Start().Ping(TimeSpan.FromSeconds(10)); // Where only that region is met in, it is looked for elsewhere after some seconds.
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(60));

            Assert.Equal((NearLeft, NearRight), (lab.Left.HomeRegion, lab.Right.HomeRegion));
            AssertLost(lab, 0);
        });
    }

    [Fact]
    public void When_neither_can_reach_the_others_home_they_meet_in_a_third_region()
    {
        ForEachSeed(lab =>
        {
            lab.World.Relays[NearRight].Block(lab.LeftSite);
            lab.World.Relays[NearLeft].Block(lab.RightSite);

            lab.Start().Ping(TimeSpan.FromSeconds(20));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(60));

            AssertLost(lab, 0);
        });
    }

    [Fact]
    public void A_home_that_falls_out_of_reach_costs_one_ping()
    {
        ForEachSeed(lab =>
        {
            lab.Settle();
            lab.World.Relays[NearRight].Block(lab.LeftSite);

            lab.Ping(TimeSpan.FromSeconds(60));

            AssertLost(lab, 1);
        });
    }

    [Fact]
    public void A_node_that_starts_anew_finds_its_peer_though_it_cannot_reach_where_that_is_at_home()
    {
        ForEachSeed(lab =>
        {
            lab.World.Relays[NearRight].Block(lab.LeftSite);
            lab.Start().Ping(TimeSpan.FromSeconds(15));
            lab.Left.Kill(startedAt: 2);
            lab.World.Run(TimeSpan.FromSeconds(5));
            lab.Left.Start(lab.Right);

            lab.Ping(TimeSpan.FromSeconds(5));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(30));

            AssertLost(lab, 0);
        });
    }

    private static void ForEachSeed(Action<SimLab> play)
    {
        SimRegion[] regions = [Region(NearLeft, 10, 60), Region(Middle, 30, 30), Region(NearRight, 60, 10)];
        for (int seed = 1; seed <= Seeds; seed++) play(new SimLab(seed, SiteKind.Behind(NatKind.Hard), SiteKind.Behind(NatKind.Hard), Sharing.Nothing, regions));
    }

    private static SimRegion Region(int id, double fromLeft, double fromRight) => new(id, TimeSpan.FromMilliseconds(fromLeft), TimeSpan.FromMilliseconds(fromRight));

    private static void AssertLost(SimLab lab, int most) =>
        Assert.True(lab.Lost <= most, $"seed {lab.World.Seed}: {lab.Lost} lost; left {lab.Left.VerdictOn(lab.Right)}, right {lab.Right.VerdictOn(lab.Left)}");
}
