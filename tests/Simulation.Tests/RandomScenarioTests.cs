using Simulation;

namespace Simulation.Tests;

/// <summary>Anything at any time, by seed: what must always hold (DESIGN.md §1) holds.</summary>
public class RandomScenarioTests
{
    private const int Scenarios = 150;
    private const int Steps = 12;

    [Fact]
    public void Whatever_happens_a_calm_network_is_direct_wherever_it_can_be_and_loses_nothing()
    {
        for (int seed = 1; seed <= Scenarios; seed++) Play(seed);
    }

    [Fact]
    public void The_same_seed_gives_the_same_run() => Assert.Equal(Play(7), Play(7));

    private static ulong Play(int seed)
    {
        Random random = new(seed);
        SimLab lab = new(seed, AnyKind(random), AnyKind(random));
        lab.World.Jitter = TimeSpan.FromMilliseconds(random.Next(0, 8));
        lab.Start();
        bool isRightAlive = true;
        long starts = 1;
        for (int step = 0; step < Steps; step++)
        {
            switch (random.Next(8))
            {
                case 0: lab.World.IsCut = (_, _) => true; break;
                case 1: lab.World.IsCut = (_, _) => false; break;
                case 2: lab.World.Loss = random.NextDouble() * 0.3; break;
                case 3: foreach (SimRelay relay in lab.World.Relays.Values) relay.Stop(); break;
                case 4: foreach (SimRelay relay in lab.World.Relays.Values) relay.Start(); break;
                case 5 when lab.RightSite.Nat is not null: lab.RightSite.Reboot((byte)random.Next(3, 200)); break;
                case 6 when isRightAlive: lab.Right.Kill(++starts); isRightAlive = false; break;
                case 7 when !isRightAlive: lab.Right.Start(lab.Left); isRightAlive = true; break;
                default: break;
            }

            lab.Ping(TimeSpan.FromMilliseconds(random.Next(1, 20) * 200));
            Assert.True(lab.Left.PathTo(lab.Right) == Node.Traversal.PathKind.Direct || lab.Left.VerdictOn(lab.Right) is not null, $"seed {seed}: relayed without a verdict");
        }

        // Calm: everything is up, and nothing is lost.
        lab.World.IsCut = (_, _) => false;
        lab.World.Loss = 0;
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Start();
        if (!isRightAlive) lab.Right.Start(lab.Left);
        lab.Ping(TimeSpan.FromSeconds(45));
        lab.Forget();
        lab.Ping(TimeSpan.FromSeconds(10));

        string run = $"seed {seed}: {lab.LeftSite.Nat?.Kind} × {lab.RightSite.Nat?.Kind}, left {lab.Left.PathTo(lab.Right)} {lab.Left.VerdictOn(lab.Right)}, right {lab.Right.PathTo(lab.Left)} {lab.Right.VerdictOn(lab.Left)}, {lab.Lost} lost";
        Assert.True(lab.Lost == 0, run);
        bool canBe = Oracle.CanBeDirect(lab.LeftSite, lab.RightSite, Today.Methods);
        Assert.True(canBe ? lab.IsDirect : lab.IsRelayed || (lab.IsDirect && (KeepsPorts(lab.LeftSite) || KeepsPorts(lab.RightSite))), run);
        return lab.World.Trace;
    }

    /// <summary>The first mapping of a hard NAT that keeps ports has the local port, which its node tells: a peer may be the one that it is made for.</summary>
    private static bool KeepsPorts(SimSite site) => site.Nat?.Kind is { IsHard: true, PreservesPorts: true };

    private static NatKind? AnyKind(Random random)
    {
        if (random.Next(6) == 0) return null;
        return new NatKind((Mapping)random.Next(3), (Filtering)random.Next(3))
        {
            PreservesPorts = random.Next(2) == 0,
            Hairpins = random.Next(2) == 0,
            BlocksUdp = random.Next(8) == 0,
            Lifetime = TimeSpan.FromSeconds(random.Next(20, 120)),
        };
    }
}
