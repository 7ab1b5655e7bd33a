using System.Globalization;

namespace Simulation.Tests;

/// <summary>Anything at any time, by seed: what must always hold (DESIGN.md §1) holds.</summary>
public class RandomScenarioTests
{
    private const int Scenarios = 1000;
    private const int Told = 20; // Problems printed; the first one is what is worked on.

    [Fact]
    public void Whatever_happens_what_must_hold_holds() => PlayAll(first: 1, Scenarios);

    [Fact(Explicit = true)]
    public void Whatever_happens_what_must_hold_holds_in_as_many_scenarios_as_are_asked_for() =>
        PlayAll(Number("SIMULATION_FIRST_SEED", 1), Number("SIMULATION_SCENARIOS", 10_000));

    [Fact]
    public void The_same_seed_gives_the_same_run()
    {
        for (int seed = 1; seed <= 5; seed++) Assert.Equal(Scenario.Play(seed), Scenario.Play(seed));
    }

    private static void PlayAll(int first, int count)
    {
        string[] problems = [.. Enumerable.Range(first, count).AsParallel().AsOrdered().Select(seed => Scenario.Play(seed).Problem).OfType<string>()];
        Assert.True(problems.Length == 0, $"{problems.Length} of {count}:\n{string.Join('\n', problems.Take(Told))}");
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
