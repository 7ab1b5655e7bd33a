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
        (TimeSpan? Direct, int Most)[] runs = [.. Enumerable.Range(1, Seeds).AsParallel().AsOrdered().Select(Play)];

        int most = runs.Max(run => run.Most);
        TimeSpan[] times = [.. runs.Select(run => run.Direct).OfType<TimeSpan>().Order()];
        string figures = $"{times.Length} of {Seeds} direct in the first attempt, median {Share(times, 0.5)}, p95 {Share(times, 0.95)}; at most {most} unanswered flows on a router";
        TestContext.Current.TestOutputHelper?.WriteLine(figures);
        Assert.True(times.Length >= LeastShare * Seeds, figures);
        Assert.True(most <= Budget + OtherFlows, figures);
    }

    private static (TimeSpan? Direct, int Most) Play(int seed)
    {
        bool isLeftHard = seed % 2 == 0;
        SimLab lab = new SimLab(seed, isLeftHard ? NatKind.Hard : NatKind.Easy, isLeftHard ? NatKind.Easy : NatKind.Hard).Start();
        TimeSpan? direct = null;
        for (TimeSpan passed = TimeSpan.Zero; passed < FirstAttempt && direct is null; passed += Step)
        {
            lab.Ping(Step, Step);
            if (lab.IsDirect) direct = passed + Step;
        }

        return (direct, lab.LeftSite.Routers.Concat(lab.RightSite.Routers).Max(router => router.MostUnanswered));
    }

    private static string Share(TimeSpan[] sorted, double share) => sorted.Length == 0 ? "never" : $"{sorted[(int)((sorted.Length - 1) * share)].TotalSeconds:0.0} s";
}
