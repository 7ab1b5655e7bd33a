using System.Globalization;
using Simulation;

namespace Simulation.Tests;

/// <summary>Anything at any time, by seed: what must always hold (DESIGN.md §1) holds.</summary>
public class RandomScenarioTests
{
    private const int Scenarios = 1000;
    private const int Told = 20; // Problems printed; the first one is what is worked on.

    /// <summary>Of the pairs that only chance or a guess can join, with all their attempts in six minutes, whatever they have been through.</summary>
    private const double LeastShareMet = 0.97;

    [Fact]
    public void Whatever_happens_what_must_hold_holds() => PlayAll(first: 1, Scenarios);

    [Fact(Explicit = true)]
    public void Whatever_happens_what_must_hold_holds_in_as_many_scenarios_as_are_asked_for() =>
        PlayAll(Number("SIMULATION_FIRST_SEED", 1), Number("SIMULATION_SCENARIOS", 10_000), Kinds(Text("SIMULATION_LEFT"), Text("SIMULATION_RIGHT")));

    /// <summary>Each was not direct in the end once: an early packet had taken the port, and of the STUN servers asked for another the liar was believed.</summary>
    [Theory]
    [InlineData("edm-adf+kept", "eim-adf+early", 2914)]
    [InlineData("edm-adf+kept", "eim-adf+early", 3807)]
    public void What_failed_once_does_not_again(string left, string right, int seed) => Assert.Null(Scenario.Play(seed, Kinds(left, right)).Problem);

    /// <summary>Each was left unpunched once: when it was decided how, the peer had no public address to tell, and when it told one nobody decided again.</summary>
    [Theory]
    [InlineData(5730)]
    [InlineData(8288)]
    public void What_no_chance_has_kept_apart_once_meets(int seed) => Assert.True(Scenario.Play(seed) is { Problem: null, HasMet: true });

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        for (int seed = 1; seed <= 5; seed++) Assert.Equal(Scenario.Play(seed), Scenario.Play(seed));
    }

    /// <summary>What must hold, holds in each; what is chance is counted over all.</summary>
    private static void PlayAll(int first, int count, (SiteKind Left, SiteKind Right)? kinds = null)
    {
        ScenarioOutcome[] outcomes = [.. Enumerable.Range(first, count).AsParallel().AsOrdered().Select(seed => Scenario.Play(seed, kinds))];
        string[] problems = [.. outcomes.Select(outcome => outcome.Problem).OfType<string>()];
        Assert.True(problems.Length == 0, $"{problems.Length} of {count}:\n{string.Join('\n', problems.Take(Told))}");

        int met = outcomes.Count(outcome => outcome.HasMet == true);
        string[] missed = [.. outcomes.Where(outcome => outcome.HasMet == false).Select(outcome => outcome.Story)];
        string figures = $"{met} of {met + missed.Length} pairs met that only chance or a guess can join";
        TestContext.Current.TestOutputHelper?.WriteLine($"{figures}\n{string.Join('\n', missed.Take(Told))}");
        Assert.True(met >= LeastShareMet * (met + missed.Length), $"{figures}:\n{string.Join('\n', missed.Take(Told))}");
    }

    private static (SiteKind Left, SiteKind Right)? Kinds(string? left, string? right) =>
        left is null || right is null ? null : (SiteKind.Behind(NatKind.Parse(left)), SiteKind.Behind(NatKind.Parse(right)));

    private static int Number(string variable, int otherwise) => Text(variable) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;

    private static string? Text(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? text : null;
}
