using Addresses;
using Simulation;

namespace Simulation.Tests;

/// <summary>
/// How many of five pings a second a failure costs, whatever moment it comes at: it is moved against the pings in steps of 5 ms. The figures are printed.
/// </summary>
public class LostPingTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(5);
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

    private static void Sweep(int rttMilliseconds, string what, Action<SimLab> fail)
    {
        int[] counts = new int[32];
        for (TimeSpan phase = TimeSpan.Zero; phase < Interval; phase += Step)
        {
            SimLab lab = new(1 + (int)phase.TotalMilliseconds, NatKind.Easy, NatKind.Easy);
            lab.World.AccessDelay = TimeSpan.FromMilliseconds(rttMilliseconds / 4.0);
            lab.Settle();
            Assert.True(lab.IsDirect);
            lab.World.After(phase, () => fail(lab));
            lab.Ping(TimeSpan.FromSeconds(6));
            lab.World.Run(TimeSpan.FromSeconds(1));
            counts[Math.Min(lab.Lost, counts.Length - 1)]++;
        }

        string table = string.Join(", ", counts.Index().Where(entry => entry.Item > 0).Select(entry => $"{entry.Index} lost: {entry.Item}"));
        TestContext.Current.TestOutputHelper?.WriteLine($"{what}, round trip {rttMilliseconds} ms, {counts.Sum()} phases: {table}");
        Assert.True(counts[2..].Sum() == 0, table);
    }
}
