using Simulation;

namespace Simulation.Tests;

/// <summary>A NAT with a random port for every destination, against one that lets in only the ports it knows: chance, under a budget.</summary>
public class HardEasyTests
{
    private const int Seeds = 1000;
    private const double LeastShare = 0.97;

    /// <summary>Unanswered flows on a router that one punch may cause (specs of hard NATs).</summary>
    private const int Budget = 512;

    /// <summary>What else a node asks that nobody answers: a peer's private addresses, STUN that was lost.</summary>
    private const int OtherFlows = 16;

    /// <summary>Hellos and STUN, then at most 512 probes at 100 a second, and the stages' pauses.</summary>
    private static readonly TimeSpan FirstAttempt = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(100);

    [Fact]
    public void The_first_attempt_succeeds_nearly_always_and_no_router_bears_more_than_the_budget()
    {
        Run[] runs = PlayAll(NatKind.Easy, Seeds);

        TimeSpan[] times = [.. runs.Select(run => run.Direct).OfType<TimeSpan>().Order()];
        int most = runs.Max(run => run.MostUnanswered);
        string figures = $"{times.Length} of {Seeds} direct in the first attempt, median {Share(times, 0.5)}, p95 {Share(times, 0.95)}; at most {most} unanswered flows on a router";
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        Assert.True(times.Length >= LeastShare * Seeds, figures);
        Assert.True(most <= Budget + OtherFlows, figures);
    }

    [Fact]
    public void A_router_whose_table_keeps_what_comes_for_nobody_bears_no_more_either()
    {
        Run[] runs = PlayAll(NatKind.Linux, Seeds / 4);

        int most = runs.Max(run => run.MostEntriesAtEasy);
        Assert.True(most <= Budget + OtherFlows, $"{most} entries");
        Assert.True(runs.Count(run => run.Direct is not null) >= runs.Length * 9 / 10);
    }

    private static Run[] PlayAll(NatKind easy, int seeds) => [.. Enumerable.Range(1, seeds).AsParallel().AsOrdered().Select(seed => Play(seed, easy))];

    private static Run Play(int seed, NatKind easy)
    {
        bool isLeftHard = seed % 2 == 0;
        SimLab lab = new SimLab(seed, isLeftHard ? NatKind.Hard : easy, isLeftHard ? easy : NatKind.Hard).Start();
        TimeSpan? direct = null;
        for (TimeSpan passed = TimeSpan.Zero; passed < FirstAttempt && direct is null; passed += Step)
        {
            lab.Ping(Step, Step);
            if (lab.IsDirect) direct = passed + Step;
        }

        SimSite easySite = isLeftHard ? lab.RightSite : lab.LeftSite;
        return new Run(direct, lab.LeftSite.Routers.Concat(lab.RightSite.Routers).Max(router => router.MostUnanswered), easySite.Routers.Max(router => router.MostEntries));
    }

    private static string Share(TimeSpan[] sorted, double share) => sorted.Length == 0 ? "never" : $"{sorted[(int)((sorted.Length - 1) * share)].TotalSeconds:0.0} s";

    /// <summary>One seed's run: when it went directly, null = not in time; and what the routers had to bear.</summary>
    private readonly record struct Run(TimeSpan? Direct, int MostUnanswered, int MostEntriesAtEasy);
}
