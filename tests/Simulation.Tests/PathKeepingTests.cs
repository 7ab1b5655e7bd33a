using Node.Traversal;
using Node.Traversal.Core;
using Simulation;

namespace Simulation.Tests;

/// <summary>What a path survives, with a round trip of 50 ms and five pings a second: lost pings, and the time to be direct again. The figures are printed.</summary>
public class PathKeepingTests
{
    /// <summary>Of one node with one peer that looks at all anew: four STUN servers, a handful of addresses, each asked a few times.</summary>
    private const int MostProbesInASecond = 40;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("both ways")]
    [InlineData("from left to right")]
    [InlineData("from right to left")]
    public void A_direct_path_that_dies_costs_at_most_one_ping_and_is_taken_again_within_three_seconds(string cut)
    {
        int worst = 0;
        TimeSpan longest = TimeSpan.Zero;
        for (int seed = 1; seed <= 12; seed++)
        {
            SimLab lab = Lab(seed, NatKind.Easy, NatKind.Easy);
            lab.Ping(TimeSpan.FromMilliseconds(seed * 17)); // Another phase of every timer.
            UInt128 left = lab.LeftSite.Nat!.PublicAddress.Bits;
            UInt128 right = lab.RightSite.Nat!.PublicAddress.Bits;
            lab.World.IsCut = (source, destination) =>
                (cut != "from right to left" && source.Bits == left && destination.Bits == right)
                || (cut != "from left to right" && source.Bits == right && destination.Bits == left);
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(10));
            worst = Math.Max(worst, lab.Lost);
            Assert.True(lab.IsRelayed, $"seed {seed}: {lab.Left.PathTo(lab.Right)}, {lab.Right.PathTo(lab.Left)}");

            lab.World.IsCut = (_, _) => false;
            lab.Forget();
            TimeSpan healed = TimeToDirect(lab);
            longest = healed > longest ? healed : longest;
            lab.Ping(TimeSpan.FromSeconds(3));
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost by the return");
        }

        Print($"cut {cut}: at most {worst} lost, direct again after {longest.TotalMilliseconds:0} ms at most");
        Assert.InRange(worst, 0, 1);
        Assert.InRange(longest, TimeSpan.Zero, TimeSpan.FromSeconds(3));
    }

    [Fact]
    public void A_host_that_moves_is_relayed_within_a_second_and_direct_within_three() =>
        Change("host moves", lab => lab.Left.Move(new SimSite(lab.World, 3, NatKind.Easy), 10));

    [Fact]
    public void A_router_that_starts_anew_with_another_address_is_followed_within_three_seconds() =>
        Change("router of the one who asks starts anew", lab => lab.LeftSite.Reboot(77));

    [Fact]
    public void A_router_of_the_one_who_answers_that_starts_anew_is_followed_too() =>
        Change("router of the one who answers starts anew", lab => lab.RightSite.Reboot(77));

    [Fact]
    public void A_machine_that_has_slept_is_relayed_within_a_second_of_waking_and_direct_within_three()
    {
        Change("machine sleeps for ten minutes", lab =>
        {
            lab.Left.Sleep();
            lab.World.Run(TimeSpan.FromMinutes(10));
            lab.Left.Wake();
        });
    }

    /// <summary>Whether the clock stands still during a sleep depends on the system. Where it does not, ten minutes of timers are due at once.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Probes_do_not_pile_up_during_a_sleep(bool doesClockStand)
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = Lab(seed, NatKind.Easy, NatKind.Easy);
            lab.Left.Sleep(doesClockStand);
            int before = lab.Left.ControlDatagrams;
            lab.World.Run(TimeSpan.FromMinutes(10));
            int asleep = lab.Left.ControlDatagrams - before;
            lab.Left.Wake();
            lab.World.Run(TimeSpan.FromSeconds(1));
            int inFirstSecond = lab.Left.ControlDatagrams - before - asleep;
            lab.World.Run(TimeSpan.FromSeconds(9));

            Print($"seed {seed}: {asleep} asleep, {inFirstSecond} in the first second after it, {lab.Left.ControlDatagrams - before - asleep} in ten");
            Assert.Equal(0, asleep);
            Assert.InRange(inFirstSecond, 1, MostProbesInASecond);
        }
    }

    [Fact]
    public void Where_something_drops_data_and_no_checks_the_relay_carries_it_and_the_verdict_says_so()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            SimLab lab = Lab(seed, NatKind.Easy, NatKind.Easy);
            lab.World.IsFiltered = packet => packet.Payload is [4, ..];
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(20));

            Assert.True(lab.IsRelayed, $"seed {seed}");
            Assert.True(lab.Lost <= 2, $"seed {seed}: {lab.Lost} lost"); // The first answer may still tell of what passed before.
            Assert.Equal(VerdictCode.DataNotPassing, lab.Left.VerdictOn(lab.Right)!.Value.Code);
            PeerReport report = lab.Left.Core.Describe(lab.Right.Key, lab.World.Now)!;
            Assert.NotEmpty(report.PutBackRemotes);
            Assert.InRange(report.PutBacks, report.PutBackRemotes.Count, 10);
            Assert.Equal(report.PutBacks, lab.Left.Core.ReadFigures(lab.World.Now).PutBacks);

            lab.World.IsFiltered = _ => false;
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(45));
            Assert.True(lab.IsDirect, $"seed {seed}: not direct though data passes");
            Assert.Equal(0, lab.Lost);
        }
    }

    [Fact]
    public void A_filter_that_drops_data_from_the_start_costs_nothing()
    {
        for (int seed = 1; seed <= 5; seed++)
        {
            SimLab lab = new(seed, NatKind.Easy, NatKind.Easy);
            lab.World.IsFiltered = packet => packet.Payload is [4, ..];
            lab.Start();
            lab.Ping(TimeSpan.FromSeconds(30));

            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost"); // The relay carries it too until it is known to arrive.
            Assert.True(lab.IsRelayed, $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(1500, 1500, 1)]
    [InlineData(1420, 1420, 13)]
    [InlineData(1399, 1380, 13)]
    [InlineData(1280, 1280, 13)]
    [InlineData(1279, null, 15)]
    public void A_site_whose_line_carries_only_short_packets_is_measured_and_costs_no_ping(int mtu, int? found, int most)
    {
        const int Headers = 28;
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        UInt128 left = lab.LeftSite.Nat!.PublicAddress.Bits;
        int padded = 0;
        lab.World.IsFiltered = packet => (packet.Source.Bits == left || packet.Destination.Bits == left) && packet.Payload.Length + Headers > mtu;
        lab.World.Overheard = packet => padded += packet.Source.Bits == left && packet.Payload.Length > 1000 ? 1 : 0;
        lab.Settle();
        Assert.True(lab.IsDirect);
        lab.Forget();
        lab.Ping(TimeSpan.FromSeconds(30));

        Assert.Equal(found, lab.Left.MtuTo(lab.Right));
        Assert.Equal(found, lab.Right.MtuTo(lab.Left));
        Assert.Equal(0, lab.Lost);
        Assert.True(lab.IsDirect);
        Assert.InRange(padded, 1, most);
    }

    [Fact]
    public void Copies_by_relay_come_to_an_end_once_the_path_is_known_to_be_well()
    {
        SimLab lab = Lab(1, NatKind.Easy, NatKind.Easy);
        lab.World.IsCut = (_, _) => true;
        lab.Ping(TimeSpan.FromSeconds(5));
        lab.World.IsCut = (_, _) => false;
        lab.Ping(TimeSpan.FromSeconds(5));
        Assert.True(lab.IsDirect);
        int carried = lab.World.Relays.Values.Sum(relay => relay.Carried);

        lab.Ping(TimeSpan.FromSeconds(20));

        Assert.InRange(lab.World.Relays.Values.Sum(relay => relay.Carried) - carried, 0, 10);
    }

    private static void Change(string what, Action<SimLab> change)
    {
        int worst = 0;
        TimeSpan longestRelay = TimeSpan.Zero;
        TimeSpan longestDirect = TimeSpan.Zero;
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = Lab(seed, NatKind.Easy, NatKind.Easy);
            change(lab);
            lab.Forget();
            TimeSpan answered = TimeSpan.Zero;
            while (lab.Pings.Answered == 0 && answered < Patience)
            {
                lab.Ping(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
                answered += TimeSpan.FromMilliseconds(50);
            }

            longestRelay = answered > longestRelay ? answered : longestRelay;
            TimeSpan direct = answered + TimeToDirect(lab);
            longestDirect = direct > longestDirect ? direct : longestDirect;
            worst = Math.Max(worst, lab.Lost);
            lab.Ping(TimeSpan.FromSeconds(1));
            lab.Forget();
            lab.Ping(TimeSpan.FromSeconds(10));
            Assert.True(lab.Lost == 0, $"seed {seed}: {lab.Lost} lost afterwards");
        }

        Print($"{what}: answered after {longestRelay.TotalMilliseconds:0} ms at most, direct after {longestDirect.TotalMilliseconds:0} ms at most, {worst} pings of 20 a second lost");
        Assert.InRange(longestDirect, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        Assert.InRange(longestRelay, TimeSpan.Zero, TimeSpan.FromSeconds(1.25)); // A ping's own way is in it.
    }

    /// <summary>Two nodes with a direct path between them, its round trip 50 ms.</summary>
    private static SimLab Lab(int seed, NatKind left, NatKind right)
    {
        SimLab lab = new(seed, left, right);
        lab.World.AccessDelay = TimeSpan.FromMilliseconds(12.5);
        lab.Settle();
        Assert.True(lab.IsDirect, $"seed {seed}");
        return lab;
    }

    private static TimeSpan TimeToDirect(SimLab lab)
    {
        TimeSpan passed = TimeSpan.Zero;
        while (!lab.IsDirect && passed < Patience)
        {
            lab.Ping(TimeSpan.FromMilliseconds(50), TimeSpan.FromMilliseconds(50));
            passed += TimeSpan.FromMilliseconds(50);
        }

        return passed;
    }

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
