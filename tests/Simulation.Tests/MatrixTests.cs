using System.Text;
using Simulation;

namespace Simulation.Tests;

/// <summary>Every pair of kinds of site, judged by the oracle.</summary>
public class MatrixTests
{
    public static TheoryData<string> Kinds() => [.. SiteKinds.All.Select(kind => kind.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_pair_is_direct_wherever_it_can_be_and_says_why_where_it_cannot(string left)
    {
        int row = SiteKinds.All.ToList().FindIndex(kind => kind.Name == left);
        List<string> problems = [];
        for (int column = row; column < SiteKinds.All.Count; column++)
        {
            foreach (MatrixWeather weather in Enum.GetValues<MatrixWeather>())
            {
                if (MatrixRun.PlayFairly(SiteKinds.All[row].Kind, SiteKinds.All[column].Kind, weather, seed: 1).Problem is { } problem) problems.Add(problem);
            }
        }

        Assert.True(problems.Count == 0, string.Join('\n', problems));
    }

    [Fact(Explicit = true)]
    public void The_whole_matrix_is_written_down()
    {
        string file = Environment.GetEnvironmentVariable("SIMULATION_MATRIX") ?? throw new InvalidOperationException("SIMULATION_MATRIX names the file that the table goes to");
        int seeds = int.Parse(Environment.GetEnvironmentVariable("SIMULATION_SEEDS") ?? "1", System.Globalization.CultureInfo.InvariantCulture);
        MatrixRun[] runs = Pairs()
            .SelectMany(pair => Enum.GetValues<MatrixWeather>(), (pair, weather) => (pair, weather))
            .SelectMany(cell => Enumerable.Range(1, seeds), (cell, seed) => (cell.pair, cell.weather, seed))
            .AsParallel().AsOrdered()
            .Select(cell => MatrixRun.PlayFairly(cell.pair.Left, cell.pair.Right, cell.weather, cell.seed))
            .ToArray();

        StringBuilder table = new();
        foreach (MatrixRun run in runs) table.Append(System.Globalization.CultureInfo.InvariantCulture, $"{run.LeftKind}\t{run.RightKind}\t{run.Weather}\t{run.Seed}\t{run.Outcome}\t{run.Problem}\n");
        File.WriteAllText(file, table.ToString());
        string[] problems = [.. runs.Select(run => run.Problem).OfType<string>()];
        Assert.True(problems.Length == 0, $"{problems.Length} of {runs.Length}:\n{string.Join('\n', problems.Take(50))}");
    }

    private static IEnumerable<(SiteKind Left, SiteKind Right)> Pairs() =>
        SiteKinds.All.SelectMany((left, row) => SiteKinds.All.Skip(row), (left, right) => (left.Kind, right.Kind));
}
