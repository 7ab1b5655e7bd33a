using Addresses;
using Node.Traversal;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Simulation;

namespace Simulation.Tests;

/// <summary>Holes that take more than checks: an agreed start, early packets, chance and prediction; and what they cost the routers.</summary>
public class PunchingTests
{
    private const int Seeds = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    [Fact]
    public void Easy_pairs_are_direct_within_three_relayed_round_trips_of_both_being_on_the_relay()
    {
        TimeSpan delay = TimeSpan.FromMilliseconds(10), roundTrip = delay * 4;
        List<TimeSpan> times = [];
        for (int seed = 1; seed <= Seeds; seed++)
        {
            SimLab lab = new(seed, NatKind.Easy, NatKind.Easy);
            lab.World.Relays[901] = new SimRelay(lab.World, 901) { DelayOf = _ => delay }; // As far as the other one: whichever they meet at.
            lab.Left.Start(lab.Right);
            lab.World.Run(TimeSpan.FromMilliseconds(lab.World.Random.Next(1000))); // The other one comes a moment later, or at once.
            lab.Right.Start(lab.Left);
            lab.World.RunUntil(() => IsOnRelay(lab), Limit);

            times.Add(lab.World.RunUntil(() => lab.IsDirect, Limit) ?? Limit);
        }

        Print("easy × easy", times);
        Assert.True(times[(int)(Seeds * 0.95)] <= roundTrip * 3 + TimeSpan.FromMilliseconds(150), $"{times[(int)(Seeds * 0.95)]}");
    }

    [Fact]
    public void Boxes_that_take_early_packets_are_opened_first()
    {
        for (int seed = 1; seed <= 50; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Linux, seed % 2 == 0 ? NatKind.Linux : NatKind.Easy).Start();

            TimeSpan? direct = lab.World.RunUntil(() => lab.IsDirect, Limit);

            Assert.True(direct < TimeSpan.FromSeconds(1), $"seed {seed}: {direct}");
        }
    }

    [Theory]
    [InlineData(1)] // The peer's router is the third hop: an opener of two opens the way and dies between.
    [InlineData(2)]
    [InlineData(3)] // The fifth: what is usual does.
    public void Boxes_that_take_early_packets_and_stand_near_are_opened_by_openers_that_go_less_far(byte coreHops)
    {
        int direct = 0, many = 50;
        for (int seed = 1; seed <= many; seed++)
        {
            SimLab lab = Near(seed, NatKind.Linux, NatKind.Linux, coreHops);
            lab.Ping(TimeSpan.FromSeconds(14)); // The second attempt comes 5 s after the first.
            direct += lab.IsDirect ? 1 : 0;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{direct} of {many}");
        Assert.Equal(many, direct);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void That_a_peer_is_away_is_no_failure_of_a_punch(bool isLeftAway)
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Hard, NatKind.Easy).Start();
            lab.World.Run(TimeSpan.FromSeconds(1)); // They have greeted each other, and nobody has proposed anything yet.
            (SimNode away, SimNode here) = isLeftAway ? (lab.Left, lab.Right) : (lab.Right, lab.Left);

            away.Sleep();
            lab.Ping(TimeSpan.FromMinutes(4));
            Assert.Equal(0, here.Core.PunchingOf(away.Key).Failures);

            away.Wake();
            lab.Ping(TimeSpan.FromSeconds(60)); // Two attempts, as the first one may fail, and what it has opened must expire before the second.
            Assert.True(lab.IsDirect, $"seed {seed}");
        }
    }

    [Fact]
    public void Where_no_server_tells_which_ports_a_sequence_is_at_it_is_left_to_chance()
    {
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Hard with { PortStep = 1 }, NatKind.Easy).Start();
            lab.World.Run(TimeSpan.FromSeconds(2)); // Both know their NATs, and nothing is sampled yet.
            foreach (SimStun server in lab.Stun) server.Lie = seen => TransportAddress.FromIpv4(0x7f000001, seen.Port); // Refused: as if nobody answered.

            lab.Ping(TimeSpan.FromSeconds(90)); // Two attempts at a prediction, and one by chance 40 s later.

            Assert.True(lab.IsDirect, $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(false, 1000, 0.03)]
    [InlineData(true, 200, 0.05)] // Fewer seeds vary more.
    public void A_hard_side_meets_an_easy_one_at_the_first_attempt_and_within_the_budget(bool takesEarlyPackets, int seeds, double mostFailures)
    {
        NatKind easy = takesEarlyPackets ? NatKind.Linux : NatKind.Easy;
        List<TimeSpan> times = [];
        int most = 0;
        Parallel.For(1, seeds + 1, seed =>
        {
            SimLab lab = (seed % 2 == 0 ? new SimLab(seed, NatKind.Hard, easy) : new SimLab(seed, easy, NatKind.Hard)).Start();
            lab.World.RunUntil(() => IsOnRelay(lab), Limit);
            TimeSpan? direct = lab.World.RunUntil(() => lab.IsDirect || HasFailed(lab), Limit);

            Assert.Empty(lab.World.Violations);
            lock (times)
            {
                times.Add(lab.IsDirect ? direct!.Value : Limit);
                most = Math.Max(most, Math.Max(lab.LeftSite.Nat!.MostUnanswered, lab.RightSite.Nat!.MostUnanswered));
            }
        });

        Print($"{NatKind.Hard} × {easy}, at most {most} unanswered flows at a router", times);
        Assert.InRange(most, 1, PunchBudget.MaxUnanswered);
        Assert.True(times.Count(time => time == Limit) <= seeds * mostFailures, $"{times.Count(time => time == Limit)} of {seeds} failed");
        Assert.True(times[(int)(seeds * 0.95)] <= TimeSpan.FromSeconds(8), $"{times[(int)(seeds * 0.95)]}");
    }

    [Fact]
    public void The_winning_socket_carries_the_path_and_the_others_are_closed()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Easy).Start();
        lab.World.RunUntil(() => lab.IsDirect, Limit);

        lab.Ping(TimeSpan.FromSeconds(60));

        Assert.True(lab.IsDirect);
        Assert.Equal(0, lab.Lost);
        Assert.InRange(lab.Left.MostSockets, 60, PunchBudget.MaxUnanswered + 2);
        Assert.Equal(2, lab.Left.OpenSockets); // Its own, and the winner.
        Assert.Equal(nameof(PunchResult.Succeeded), OutcomeAt(lab, lab.Left).Result);
        Assert.Equal(nameof(PunchingMethod.Birthday), OutcomeAt(lab, lab.Left).Method);
    }

    [Fact]
    public void A_punched_path_that_dies_is_punched_again()
    {
        int direct = 0;
        for (int seed = 1; seed <= 10; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Hard, NatKind.Easy).Start();
            lab.World.RunUntil(() => lab.IsDirect, Limit);
            lab.World.IsCut = (source, destination) => source.Ipv4Bits >> 16 == 0xc612 && destination.Ipv4Bits >> 16 == 0xc612; // From site to site: STUN goes on, and neither network has changed.
            lab.Ping(TimeSpan.FromSeconds(45)); // The sockets that the path had are closed after 30 s.
            Assert.True(lab.IsRelayed, $"seed {seed}");

            lab.World.IsCut = (_, _) => false;
            lab.Ping(TimeSpan.FromSeconds(60)); // What the attempt in vain has made at the routers must expire first.
            direct += lab.IsDirect ? 1 : 0;
            Assert.InRange(Math.Max(lab.LeftSite.Nat!.MostUnanswered, lab.RightSite.Nat!.MostUnanswered), 1, PunchBudget.MaxUnanswered);
        }

        Assert.InRange(direct, 9, 10);
    }

    [Theory]
    [InlineData(1, 0)]
    [InlineData(2, 0)]
    [InlineData(-1, 0)]
    [InlineData(1, 5)]
    public void Ports_in_sequence_are_foretold_for_an_easy_side(int step, double background)
    {
        for (int seed = 1; seed <= 20; seed++)
        {
            SimLab lab = new SimLab(seed, NatKind.Hard with { PortStep = step, BackgroundRate = background }, NatKind.Easy).Start();
            lab.Ping(TimeSpan.FromSeconds(15));

            Assert.True(lab.IsDirect, $"seed {seed}: {OutcomeAt(lab, lab.Left)} {OutcomeAt(lab, lab.Right)} {lab.Left.VerdictOn(lab.Right)}");
            Assert.Contains(nameof(PunchingMethod.Window), new[] { OutcomeAt(lab, lab.Left).Method, OutcomeAt(lab, lab.Right).Method });
            Assert.InRange(lab.LeftSite.Nat!.MostUnanswered, 0, 100);
        }
    }

    [Theory]
    [InlineData(Mapping.AddressAndPortDependent, Mapping.AddressAndPortDependent, 0)]
    [InlineData(Mapping.AddressAndPortDependent, Mapping.AddressAndPortDependent, 5)] // Others take ports between the asking and the start.
    [InlineData(Mapping.AddressDependent, Mapping.AddressAndPortDependent, 5)]
    [InlineData(Mapping.AddressDependent, Mapping.AddressDependent, 5)]
    public void Two_sides_with_ports_in_sequence_foretell_each_others(Mapping left, Mapping right, double background)
    {
        int direct = 0;
        for (int seed = 1; seed <= 50; seed++)
        {
            NatKind kind = NatKind.Hard with { BackgroundRate = background };
            SimLab lab = new SimLab(seed, kind with { Mapping = left, PortStep = 1 }, kind with { Mapping = right, PortStep = 2 }).Start();
            lab.Ping(TimeSpan.FromSeconds(6)); // The first attempt, and not the next one.
            direct += lab.IsDirect ? 1 : 0;
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{direct} of 50");
        Assert.InRange(direct, 47, 50);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_small_blocks_meet_and_are_not_filled(bool overloadsPorts)
    {
        int direct = 0, most = 0, many = 50;
        NatKind kind = NatKind.Hard with { LowestPort = 20480, HighestPort = 20607, OverloadsPorts = overloadsPorts };
        for (int seed = 1; seed <= many; seed++)
        {
            SimLab lab = new SimLab(seed, kind, kind).Start();
            lab.Ping(TimeSpan.FromMinutes(4)); // All attempts: what one has taken must expire before the next.
            direct += lab.IsDirect ? 1 : 0;
            most = Math.Max(most, Math.Max(lab.LeftSite.Nat!.MostUnanswered, lab.RightSite.Nat!.MostUnanswered));
            Assert.Null(lab.LeftSite.Nat.LastFull);
            Assert.Null(lab.RightSite.Nat!.LastFull);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{direct} of {many}, at most {most} unanswered flows");
        Assert.InRange(direct, many * 7 / 10, many);
        Assert.InRange(most, 1, 128 * 7 / 8); // Three quarters of the block, and what the checks take.
    }

    [Theory]
    [InlineData("edm-adf", "edm-adf", 0.05)]
    [InlineData("edm-adf", "edm-apdf", 0.05)]
    [InlineData("adm-adf", "edm-apdf", 0.05)]
    [InlineData("edm-adf", "adm-apdf", 0.05)]
    [InlineData("edm-adf+block1024", "edm-apdf", 0.05)]
    [InlineData("edm-adf+step1", "edm-apdf", 0.02)] // The window where it is foretold.
    [InlineData("edm-adf", "edm-apdf+step1", 0.05)]
    public void Two_hard_sides_meet_where_one_lets_in_every_port_of_an_address(string left, string right, double mostFailures)
    {
        List<TimeSpan> times = [];
        int most = 0, seeds = 200;
        Parallel.For(1, seeds + 1, seed =>
        {
            (NatKind a, NatKind b) = (NatKind.Parse(left), NatKind.Parse(right));
            SimLab lab = (seed % 2 == 0 ? new SimLab(seed, a, b) : new SimLab(seed, b, a)).Start();
            lab.World.RunUntil(() => IsOnRelay(lab), Limit);
            TimeSpan? direct = lab.World.RunUntil(() => lab.IsDirect || HasFailed(lab), Limit);

            Assert.Empty(lab.World.Violations);
            lock (times)
            {
                times.Add(lab.IsDirect ? direct!.Value : Limit);
                most = Math.Max(most, Math.Max(lab.LeftSite.Nat!.MostUnanswered, lab.RightSite.Nat!.MostUnanswered));
            }
        });

        Print($"{left} × {right}, at most {most} unanswered flows at a router", times);
        Assert.InRange(most, 1, PunchBudget.MaxUnanswered);
        Assert.True(times.Count(time => time == Limit) <= seeds * mostFailures, $"{times.Count(time => time == Limit)} of {seeds} failed");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nodes_behind_one_router_take_turns(bool isHardNearby)
    {
        int most = 0;
        for (int seed = 1; seed <= 20; seed++)
        {
            NatKind near = isHardNearby ? NatKind.Hard : NatKind.Easy, far = isHardNearby ? NatKind.Easy : NatKind.Hard;
            SimLab lab = new(seed, near, far);
            SimNode second = lab.NewNode(lab.LeftSite, 11), farther = lab.NewNode(new SimSite(lab.World, 3, far), 10);
            lab.Left.Start(lab.Right, second);
            second.Start(farther, lab.Left);
            lab.Right.Start(lab.Left);
            farther.Start(second);

            bool areDirect = false;
            for (int i = 0; i < 1500 && !areDirect; i++) // Five minutes: a turn takes its time, and what an attempt in vain has made must expire.
            {
                second.SendData(farther.Key, i);
                lab.Ping(TimeSpan.FromMilliseconds(200));
                areDirect = lab.IsDirect && second.PathTo(farther) == PathKind.Direct && farther.PathTo(second) == PathKind.Direct;
            }

            Assert.True(areDirect, $"seed {seed}: {OutcomeAt(lab, lab.Left)} {lab.IsDirect} {second.PunchTo(farther)}");
            most = Math.Max(most, lab.LeftSite.Nat!.MostUnanswered);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"at most {most} unanswered flows at the router of both");
        Assert.InRange(most, 1, PunchBudget.MaxUnanswered + 16); // And what else two nodes ask that nobody answers.
    }

    [Fact]
    public void A_hard_nat_whose_few_ports_looked_like_one_by_chance_is_known_for_what_it_is_and_met()
    {
        NatKind hard = NatKind.Hard with { LowestPort = 20480, HighestPort = 20607, OverloadsPorts = true };
        int direct = 0;
        for (int seed = 1; seed <= 20; seed++)
        {
            SimLab lab = new(seed, hard, NatKind.Easy);
            foreach (SimStun server in lab.Stun) server.Lie = seen => seen.Port is >= 20480 and <= 20607 ? seen.WithPort(20500) : seen; // What chance does now and then.
            lab.Start();
            lab.Ping(TimeSpan.FromSeconds(30));
            direct += lab.IsDirect ? 1 : 0;
        }

        Assert.InRange(direct, 19, 20);
    }

    [Fact]
    public void Two_customers_of_a_carrier_whose_ports_early_packets_have_spoilt_take_fresh_ones()
    {
        NatKind early = NatKind.Easy with { TakesEarlyPackets = true };
        SiteKind customer = new() { Nat = early, Carrier = early with { Hairpins = true } };
        for (int seed = 1; seed <= 20; seed++)
        {
            SimLab lab = new SimLab(seed, customer, customer, Sharing.Carrier).Start();
            lab.World.Loss = 0.3; // Of two openers one is lost, and what comes after the other is early.
            lab.Ping(TimeSpan.FromSeconds(10));
            lab.World.Loss = 0;

            lab.Ping(TimeSpan.FromSeconds(60)); // The third attempt comes 40 s after the second.

            Assert.True(lab.IsDirect, $"seed {seed}");
        }
    }

    [Fact]
    public void Two_hard_sides_are_not_bet_on()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Hard).Settle();

        Assert.True(lab.IsRelayed);
        Assert.Contains(nameof(PunchResult.NotAttempted), new[] { OutcomeAt(lab, lab.Left).Result, OutcomeAt(lab, lab.Right).Result });
        Assert.InRange(lab.LeftSite.Nat!.MostUnanswered, 0, 20);
        Assert.InRange(lab.Left.MostSockets, 1, 2);
        Assert.All([lab.Left.VerdictOn(lab.Right)!.Value, lab.Right.VerdictOn(lab.Left)!.Value], verdict => // Whoever of the two decides.
        {
            Assert.InRange(Assert.NotNull(verdict.Probability), 0.00005, 0.0001);
            Assert.Contains("not worth", verdict.NotAttempted, StringComparison.Ordinal);
        });
    }

    /// <summary>Two sites so near that the ends' starts are skewed by more than a packet takes.</summary>
    private static SimLab Near(int seed, NatKind left, NatKind right, byte coreHops)
    {
        SimLab lab = new(seed, left, right);
        lab.World.CoreHops = coreHops;
        lab.World.AccessDelay = TimeSpan.FromMilliseconds(0.1);
        foreach (int region in lab.World.Relays.Keys.ToArray())
        {
            lab.World.Relays[region] = new SimRelay(lab.World, region) { DelayOf = _ => TimeSpan.FromMilliseconds(10 + lab.World.Random.NextDouble() * 10) };
        }

        return lab.Start();
    }

    private static bool IsOnRelay(SimLab lab) => lab.Left.IsOnRelay && lab.Right.IsOnRelay;

    private static bool HasFailed(SimLab lab) => OutcomeAt(lab, lab.Left).Result == nameof(PunchResult.Failed) || OutcomeAt(lab, lab.Right).Result == nameof(PunchResult.Failed);

    private static SimPunch OutcomeAt(SimLab lab, SimNode node) => node.PunchTo(node == lab.Left ? lab.Right : lab.Left);

    private static void Print(string what, List<TimeSpan> times)
    {
        times.Sort();
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{what}: p50 {times[times.Count / 2].TotalMilliseconds:0} ms, p95 {times[times.Count * 95 / 100].TotalMilliseconds:0} ms, most {times[^1].TotalMilliseconds:0} ms; {times.Count(time => time == Limit)} of {times.Count} failed");
    }
}
