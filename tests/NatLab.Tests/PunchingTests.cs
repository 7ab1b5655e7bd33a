using System.Globalization;

namespace NatLab.Tests;

/// <summary>Holes that take more than checks, on a real kernel. A few trials here; forty by <c>punching.sh</c>, which says so in RELAY_LAB_PUNCH_TRIALS.</summary>
public class PunchingTests
{
    private const string TrialsVariable = "RELAY_LAB_PUNCH_TRIALS";

    /// <summary>What a hard punch may leave in a router's table: its budget, and everything else that two agents do.</summary>
    private const int MostEntries = 600;

    private static readonly int Trials =
        int.TryParse(Environment.GetEnvironmentVariable(TrialsVariable), NumberStyles.None, CultureInfo.InvariantCulture, out int trials) && trials > 0 ? trials : 3;

    [Fact]
    public async Task A_hard_nat_meets_an_easy_one_by_chance_and_spares_the_routers()
    {
        Needs.Tunnels();
        List<MatrixRow> rows = [];
        for (int trial = 0; trial < Trials; trial++)
        {
            MatrixRow row = trial % 2 == 0 ? await Matrix.RunAsync("edm-apdf", "eim-apdf") : await Matrix.RunAsync("eim-apdf", "edm-apdf");
            TestContext.Current.TestOutputHelper?.WriteLine($"{row}");
            rows.Add(row);

            Assert.InRange(row.MostEntries, 1, MostEntries);
            Assert.Equal(0, row.Loss.Lost);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(MatrixRow.Summarize(rows));
        int direct = rows.Count(row => row.IsDirect);
        Assert.True(direct >= Trials * 9 / 10, $"{direct} of {Trials} were direct");
    }
}
