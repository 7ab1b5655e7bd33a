using Addresses;
using Simulation;

namespace Simulation.Tests;

/// <summary>
/// How many of five pings a second a failure costs, whatever moment it comes at: it is moved against the pings in steps of 5 ms. The figures are printed.
/// </summary>
public class LostPingTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);
    /// <summary>How late timers are: not at all, and as on a machine that has other things to do. What is promised must not hang on them.</summary>
    private static readonly int[] LagsMilliseconds = [0, 80];

    /// <summary>Messages of the two nodes themselves, now and then.</summary>
    private const int MostGreetings = 10;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    [Theory]
    [InlineData(1, "both ways")]
    [InlineData(1, "from left to right")]
    [InlineData(1, "from right to left")]
    [InlineData(10, "both ways")]
    [InlineData(10, "from left to right")]
    [InlineData(10, "from right to left")]
    [InlineData(50, "both ways")]
    [InlineData(50, "from left to right")]
    [InlineData(50, "from right to left")]
    public void A_path_that_dies_costs_one_ping_at_most(int rttMilliseconds, string cut) => Sweep(rttMilliseconds, $"cut {cut}", lab =>
    {
        UInt128 left = lab.LeftSite.Nat!.PublicAddress.Bits;
        UInt128 right = lab.RightSite.Nat!.PublicAddress.Bits;
        lab.World.IsCut = (source, destination) =>
            (cut != "from right to left" && source.Bits == left && destination.Bits == right)
            || (cut != "from left to right" && source.Bits == right && destination.Bits == left);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(50)]
    public void Another_address_of_its_own_costs_one_ping_at_most(int rttMilliseconds) =>
        Sweep(rttMilliseconds, "own new address", lab => lab.Left.Move(lab.LeftSite, 77));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(50)]
    public void Another_network_costs_one_ping_at_most(int rttMilliseconds) =>
        Sweep(rttMilliseconds, "other network", lab => lab.Left.Move(new SimSite(lab.World, 3, NatKind.Easy), 10));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(50)]
    public void Another_address_of_the_router_costs_one_ping_at_most(int rttMilliseconds) =>
        Sweep(rttMilliseconds, "router's new address", lab => lab.LeftSite.Reboot(77));

    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    [InlineData(50)]
    public void Another_address_of_the_other_ends_router_costs_one_ping_at_most(int rttMilliseconds) =>
        Sweep(rttMilliseconds, "the other router's new address", lab => lab.RightSite.Reboot(77));

    /// <summary>The price of the above where nothing is wrong: traffic that nobody answers, sparse or bulk, does not go by relay as well.</summary>
    [Theory]
    [InlineData(1, 200)]
    [InlineData(10, 200)]
    [InlineData(50, 200)]
    [InlineData(1, 1)]
    [InlineData(50, 1)]
    [InlineData(50, 90)]
    [InlineData(50, 20_000)]
    public void What_goes_one_way_only_is_not_copied_for_it(int rttMilliseconds, int intervalMilliseconds)
    {
        SimLab lab = Lab(seed: 1, rttMilliseconds);
        lab.World.Run(TimeSpan.FromSeconds(5));
        int carried = lab.World.Relays.Values.Sum(relay => relay.Carried);
        int arrived = 0;
        lab.Right.DataReceived = (_, _, _) => arrived++;
        for (int i = 0; i < 500; i++)
        {
            lab.Left.SendData(lab.Right.Key, i);
            lab.World.Run(TimeSpan.FromMilliseconds(intervalMilliseconds));
            Assert.False(lab.Left.IsSuspect(lab.Right), $"in doubt after {i} packets");
        }

        lab.World.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(500, arrived);
        Assert.InRange(lab.World.Relays.Values.Sum(relay => relay.Carried) - carried, 0, MostGreetings);
    }

    private static void Sweep(int rttMilliseconds, string what, Action<SimLab> fail)
    {
        int most = LagsMilliseconds.Max(lag => Sweep(rttMilliseconds, what, fail, lag));
        Assert.InRange(most, 0, 1);
    }

    private static int Sweep(int rttMilliseconds, string what, Action<SimLab> fail, int lagMilliseconds)
    {
        int[] counts = new int[32];
        for (TimeSpan phase = TimeSpan.Zero; phase < Interval; phase += Step)
        {
            SimLab lab = Lab(1 + (int)phase.TotalMilliseconds, rttMilliseconds);
            lab.Left.Lag = lab.Right.Lag = TimeSpan.FromMilliseconds(lagMilliseconds);
            lab.World.After(phase, () => fail(lab));
            lab.Ping(TimeSpan.FromSeconds(6));
            lab.World.Run(TimeSpan.FromSeconds(1));
            counts[Math.Min(lab.Lost, counts.Length - 1)]++;
        }

        string table = string.Join(", ", counts.Index().Where(entry => entry.Item > 0).Select(entry => $"{entry.Index} lost: {entry.Item}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}, round trip {rttMilliseconds} ms, timers {lagMilliseconds} ms late, {counts.Sum()} phases: {table}");
        return Array.FindLastIndex(counts, count => count > 0);
    }

    private static SimLab Lab(int seed, int rttMilliseconds)
    {
        SimLab lab = new(seed, NatKind.Easy, NatKind.Easy);
        lab.World.AccessDelay = TimeSpan.FromMilliseconds(rttMilliseconds / 4.0); // Four times there and back.
        lab.Settle();
        Assert.True(lab.IsDirect);
        return lab;
    }
}
