using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>
/// Two nodes that are never direct, far from each other, with relays here, there and between: packets take the shortest way by a relay, and none
/// is lost by finding it or by its end.
/// </summary>
public class PairRelayTests
{
    private const int Seeds = 20;
    private const int NearLeft = 900, Middle = 901, NearRight = 902;

    /// <summary>The pause between two attempts to connect, or the 10 s from one look at the ways to the next, and some round trips.</summary>
    private static readonly TimeSpan BackWithin = TimeSpan.FromSeconds(12);

    private static readonly SimRegion[] Far = [Region(NearLeft, 10, 70), Region(Middle, 20, 20), Region(NearRight, 70, 10)];
    private static readonly SimRegion[] SameCity = [Region(NearLeft, 10, 10), Region(Middle, 30, 30), Region(NearRight, 80, 80)];

    [Fact]
    public void The_region_in_the_middle_carries_both_ways_within_seconds_and_no_packet_is_lost_by_it()
    {
        ForEachSeed(Far, lab =>
        {
            lab.Start().Ping(TimeSpan.FromSeconds(10));

            Assert.Equal((NearLeft, NearRight), (lab.Left.HomeRegion, lab.Right.HomeRegion));
            AssertCarriedBy(lab, Middle);
            AssertLost(lab, 0);

            int carried = lab.World.Relays[Middle].Carried;
            lab.Ping(TimeSpan.FromSeconds(60));
            Assert.True(lab.World.Relays[Middle].Carried - carried >= 2 * 300, "not all went by the middle");
            AssertLost(lab, 0);
        });
    }

    [Fact]
    public void Its_end_costs_nothing_and_is_made_good_once_it_is_back()
    {
        ForEachSeed(Far, lab =>
        {
            Settle(lab);
            lab.World.Relays[Middle].Stop();

            lab.Ping(TimeSpan.FromSeconds(30));
            AssertLost(lab, 0);
            Assert.NotEqual(Middle, lab.Left.RelayTo(lab.Right));

            lab.World.Relays[Middle].Start();
            lab.Ping(TimeSpan.FromSeconds(30));
            AssertLost(lab, 0);
            AssertCarriedBy(lab, Middle);
        });
    }

    /// <summary>A relay that is away for long is let go and wanted again, over and over; whenever it comes back, it is dialled soon.</summary>
    [Fact]
    public void However_long_it_was_away_it_carries_the_pair_soon_after_it_is_back()
    {
        ForEachSeed(Far, lab =>
        {
            Settle(lab);
            lab.World.Relays[Middle].Stop();
            lab.Ping(TimeSpan.FromSeconds(14 * lab.World.Seed)); // Up to 280 s: while its distance is remembered.
            lab.World.Relays[Middle].Start();

            TimeSpan back = TimeSpan.Zero;
            while ((lab.Left.RelayTo(lab.Right), lab.Right.RelayTo(lab.Left)) != (Middle, Middle) && back < TimeSpan.FromMinutes(2))
            {
                lab.Ping(TimeSpan.FromSeconds(1));
                back += TimeSpan.FromSeconds(1);
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"seed {lab.World.Seed}: away for {14 * lab.World.Seed} s, back after {back.TotalSeconds:0} s");
            Assert.True(back <= BackWithin, $"seed {lab.World.Seed}: back after {back.TotalSeconds:0} s");
            AssertLost(lab, 0);
        });
    }

    [Fact]
    public void One_end_that_loses_it_leaves_it_and_so_does_the_other()
    {
        ForEachSeed(Far, lab =>
        {
            Settle(lab);
            bool isLeft = lab.World.Seed % 2 == 0;
            lab.World.Relays[Middle].Block(isLeft ? lab.LeftSite : lab.RightSite);

            lab.Ping(TimeSpan.FromSeconds(60));

            AssertLost(lab, isLeft ? 0 : 1); // The relay tells the left one that the other has gone; what it sends before that is lost.
        });
    }

    [Fact]
    public void A_relay_that_swallows_everything_is_found_out_and_left()
    {
        ForEachSeed(Far, lab =>
        {
            Settle(lab);
            lab.World.Relays[Middle].Conduct = (_, _, _) => [];
            lab.Ping(TimeSpan.FromSeconds(21)); // Ten seconds to the next question, and ten in which none is answered.
            lab.Forget();

            lab.Ping(TimeSpan.FromSeconds(60));

            AssertLost(lab, 0);
        });
    }

    [Fact]
    public void A_relay_that_carries_one_way_only_is_not_used()
    {
        ForEachSeed(Far, lab =>
        {
            lab.World.Relays[Middle].Conduct = (from, to, packet) => from == lab.Left.Key ? [new RelayedPacket(from, to, packet, TimeSpan.Zero)] : [];

            lab.Start().Ping(TimeSpan.FromSeconds(5));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(60));

            Assert.NotEqual(Middle, lab.Left.RelayTo(lab.Right));
            Assert.NotEqual(Middle, lab.Right.RelayTo(lab.Left));
        });
    }

    [Fact]
    public void The_stand_in_is_there_when_the_home_of_both_is_lost()
    {
        ForEachSeed(SameCity, lab =>
        {
            Settle(lab);
            AssertCarriedBy(lab, NearLeft);
            lab.World.Relays[NearLeft].Stop();

            lab.Ping(TimeSpan.FromMilliseconds(400)); // At once: no relay is dialled for it.
            AssertCarriedBy(lab, Middle);
            lab.Ping(TimeSpan.FromSeconds(60));

            AssertLost(lab, 0);
        });
    }

    private static void ForEachSeed(SimRegion[] regions, Action<SimLab> play)
    {
        for (int seed = 1; seed <= Seeds; seed++) play(new SimLab(seed, SiteKind.Behind(NatKind.Hard), SiteKind.Behind(NatKind.Hard), Sharing.Nothing, regions));
    }

    private static void Settle(SimLab lab)
    {
        lab.Start().Ping(TimeSpan.FromSeconds(15));
        AssertLost(lab, 0);
    }

    private static SimRegion Region(int id, double fromLeft, double fromRight) => new(id, TimeSpan.FromMilliseconds(fromLeft), TimeSpan.FromMilliseconds(fromRight));

    private static void AssertCarriedBy(SimLab lab, int region) =>
        Assert.True((lab.Left.RelayTo(lab.Right), lab.Right.RelayTo(lab.Left)) == (region, region), $"seed {lab.World.Seed}: by {lab.Left.RelayTo(lab.Right)} and {lab.Right.RelayTo(lab.Left)}");

    private static void AssertLost(SimLab lab, int most) => Assert.True(lab.Lost <= most, $"seed {lab.World.Seed}: {lab.Lost} lost");
}
