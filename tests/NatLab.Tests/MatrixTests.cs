namespace NatLab.Tests;

/// <summary>
/// Who reaches whom on a real kernel. Here a few telling pairs; every pair of every kind by <c>matrix.sh</c>, which says so in
/// RELAY_LAB_MATRIX and takes the table from the file named there.
/// </summary>
public class MatrixTests
{
    private const string TableVariable = "RELAY_LAB_MATRIX";

    /// <summary>Only the pairs with this kind at one end at least, or with these two, as <c>KIND×KIND</c>; empty = all.</summary>
    private const string OnlyVariable = "RELAY_LAB_MATRIX_ONLY";

    /// <summary>Labs at once: most of the time everybody waits.</summary>
    private const int LabsAtOnce = 2;

    private static readonly string[] AllKinds =
    [
        "pub", "fw", "linux", "eim-eif", "eim-adf", "eim-apdf", "eimr-eif", "eimr-adf", "eimr-apdf", "adm-eif", "adm-apdf", "seq-apdf", "seq-apdf,step=2",
        "edm-eif", "edm-adf", "edm-apdf", "edm-apdf,range=20480-20607", "eim-apdf,cgn=eimr-apdf", "eim-apdf,cgn=edm-apdf",
    ];

    private static readonly (string A, string B)[] TellingPairs =
    [
        ("fw", "eimr-apdf,hairpin"), ("eimr-adf", "adm-apdf"), ("edm-eif", "edm-apdf"), ("adm-apdf", "seq-apdf"), ("eim-apdf,cgn=eimr-apdf", "eim-apdf"),
        ("linux", "linux"),
    ];

    [Fact]
    public async Task Every_pair_comes_out_as_its_nats_allow()
    {
        Needs.Tunnels();
        string? table = Environment.GetEnvironmentVariable(TableVariable);
        (string A, string B)[] pairs = string.IsNullOrEmpty(table) ? TellingPairs : [.. AllPairs().Where(IsWanted)];
        Assert.NotEmpty(pairs);
        ITestOutputHelper? output = TestContext.Current.TestOutputHelper;

        MatrixRow[] rows = new MatrixRow[pairs.Length];
        await Parallel.ForEachAsync(Enumerable.Range(0, pairs.Length), new ParallelOptions { MaxDegreeOfParallelism = LabsAtOnce }, async (i, _) =>
        {
            rows[i] = await Matrix.TryAsync(pairs[i].A, pairs[i].B, row => output?.WriteLine($"{row}"));
        });
        string summary = MatrixRow.Summarize(rows);
        output?.WriteLine(summary);
        if (!string.IsNullOrEmpty(table)) await File.WriteAllLinesAsync(table, [MatrixRow.Heading, .. rows.Select(row => row.ToString()), "", summary]);

        Assert.Empty(rows.Select(row => row.Fault).OfType<string>());
    }

    private static bool IsWanted((string A, string B) pair) => (Environment.GetEnvironmentVariable(OnlyVariable) ?? "").Split('×') switch
    {
        [""] => true,
        [var kind] => pair.A == kind || pair.B == kind,
        var kinds => kinds.SequenceEqual([pair.A, pair.B]) || kinds.SequenceEqual([pair.B, pair.A]),
    };

    private static (string A, string B)[] AllPairs() =>
        [.. from a in AllKinds from b in AllKinds where Array.IndexOf(AllKinds, a) <= Array.IndexOf(AllKinds, b) select (a, b)];
}
