using System.Globalization;

namespace NatLab.Tests;

/// <summary>What became of one pair of NATs.</summary>
/// <param name="NatOfA">The kind at a.</param>
/// <param name="NatOfB">The kind at b.</param>
/// <param name="AtA">How a reaches b in the end.</param>
/// <param name="AtB">How b reaches a in the end.</param>
/// <param name="TimeToDirect">From the moment when both ends were on the relay until both went directly; null = they do not.</param>
/// <param name="MostEntries">The most flows in the connection tracking of either site's router.</param>
/// <param name="Loss">What became of the pings all the while.</param>
internal sealed record MatrixRow(string NatOfA, string NatOfB, PeerReport AtA, PeerReport AtB, TimeSpan? TimeToDirect, int MostEntries, PingLoss Loss)
{
    public const string Heading = "| a | b | path | direct after, s | most router entries | lost pings | verdict |\n|---|---|---|---|---|---|---|";

    /// <summary>What a router is asked to bear: a hard punch opens 256 mappings at one end and sends as many guesses at a time from the other.</summary>
    private const int MostEntriesAllowed = 600;

    public bool IsDirect => AtA.Path == PeerReport.Direct && AtB.Path == PeerReport.Direct;

    /// <summary>What is not as the two kinds of NAT have it, in words; null where all is.</summary>
    public string? Fault
    {
        get
        {
            LabMethod method = LabOracle.MethodOf(NatOfA, NatOfB);
            (string atA, string atB) = (LabOracle.VerdictAt(NatOfA, NatOfB), LabOracle.VerdictAt(NatOfB, NatOfA));
            string? fault = (IsDirect, method) switch
            {
                (true, LabMethod.None) => "direct, though there is no way",
                (true, _) => AtA.Verdict is null && AtB.Verdict is null ? null : "direct, and yet with a verdict",
                (false, LabMethod.None) => AtA.Verdict?.Code == atA && AtB.Verdict?.Code == atB ? null : $"the verdicts should be {atA} and {atB}, and are {AtA.Verdict?.Code} and {AtB.Verdict?.Code}",
                _ => $"relayed ({AtA.Verdict?.Code}, {AtB.Verdict?.Code}), though there is {method}",
            };
            fault ??= MostEntries > MostEntriesAllowed ? $"{MostEntries} entries at a router, and {MostEntriesAllowed} are allowed" : null;
            fault ??= Loss.Lost > 0 ? $"{Loss.Lost} pings are lost" : null;
            return fault is null ? null : $"{NatOfA} x {NatOfB}: {fault}";
        }
    }

    /// <summary>Says that guesses have missed, as they now and then do, and that the verdicts say so.</summary>
    public bool IsOutOfLuck => !IsDirect && LabOracle.OddsOf(NatOfA, NatOfB) is > 0 and < 1
        && AtA.Verdict?.Code == LabOracle.VerdictAt(NatOfA, NatOfB) && AtB.Verdict?.Code == LabOracle.VerdictAt(NatOfB, NatOfA);

    /// <summary>A table's last line: how many came out how and with which verdicts, how long it took those that went directly, and what the routers bore.</summary>
    public static string Summarize(IReadOnlyCollection<MatrixRow> rows)
    {
        double[] times = [.. rows.Select(row => row.TimeToDirect?.TotalSeconds).OfType<double>().Order()];
        string spread = times.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"; direct after {At(times, 0.5):0.00} s (p50), {At(times, 0.95):0.00} s (p95), {times[^1]:0.00} s (max)");
        var verdicts = rows.Where(row => !row.IsDirect).SelectMany(row => new[] { row.AtA.Verdict?.Code, row.AtB.Verdict?.Code }).CountBy(code => code ?? "none").OrderByDescending(code => code.Value);
        string said = string.Join(", ", verdicts.Select(code => $"{code.Value} {code.Key}"));
        return $"{rows.Count} pairs: {rows.Count(row => row.IsDirect)} direct, {rows.Count(row => !row.IsDirect)} relayed{(said.Length == 0 ? "" : $" (verdicts at either end: {said})")}{spread}; most router entries {rows.Max(row => row.MostEntries)}";
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {NatOfA} | {NatOfB} | {AtA.Path} | {TimeToDirect?.TotalSeconds:0.00} | {MostEntries} | {Loss.Lost} of {Loss.Asked} | {AtA.Verdict?.Code} |");

    private static double At(double[] ordered, double share) => ordered[(int)Math.Ceiling(share * ordered.Length) - 1];
}

/// <summary>Tries pairs of NATs with the real programs: two sites, a tunnel, pings, and what the agents say in the end.</summary>
internal static class Matrix
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>A hard punch goes through its stages within this, and whatever cannot be has been given up.</summary>
    private static readonly TimeSpan SettledWithin = TimeSpan.FromSeconds(40);

    /// <summary>Bad luck that nobody believes any more.</summary>
    private const double Incredible = 0.01;

    /// <summary>Tries one pair; and where it takes luck and had none, again, until so much bad luck would be incredible.</summary>
    public static async Task<MatrixRow> TryAsync(string natOfA, string natOfB, Action<MatrixRow> note)
    {
        double missOdds = 1 - LabOracle.OddsOf(natOfA, natOfB);
        for (double badLuck = missOdds; ; badLuck *= missOdds)
        {
            MatrixRow row = await RunAsync(natOfA, natOfB);
            note(row);
            if (!row.IsOutOfLuck || badLuck < Incredible) return row;
        }
    }

    /// <summary>Runs one pair until both ends are direct, or have a verdict that stays.</summary>
    public static async Task<MatrixRow> RunAsync(string natOfA, string natOfB)
    {
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = natOfA, NatOfB = natOfB });
        await using RouterEntries entriesOfA = new(lab.A.Host.Site!.Carrier ?? lab.A.Host.Site.Router);
        await using RouterEntries entriesOfB = new(lab.B.Host.Site!.Carrier ?? lab.B.Host.Site.Router);
        await lab.StartAgentsAsync();
        await lab.A.Agent!.WaitForLineAsync(IsOnRelay, Patience);
        await lab.B.Agent!.WaitForLineAsync(IsOnRelay, Patience);
        DateTimeOffset start = DateTimeOffset.UtcNow;

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await pings.WaitForReplyAsync(0, Patience);
        (PeerReport atA, PeerReport atB) = await SettleAsync(lab, start);
        await pings.WaitForReplyAsync(pings.Mark() + 5, Patience);
        PingLoss loss = await pings.StopAsync();

        bool isDirect = atA.Path == PeerReport.Direct && atB.Path == PeerReport.Direct;
        TimeSpan? timeToDirect = !isDirect ? null : atA.Since > atB.Since ? Later(atA.Since - start) : Later(atB.Since - start);
        return new MatrixRow(natOfA, natOfB, atA, atB, timeToDirect, Math.Max(entriesOfA.Most, entriesOfB.Most), loss);
    }

    private static async Task<(PeerReport AtA, PeerReport AtB)> SettleAsync(TunnelLab lab, DateTimeOffset start)
    {
        while (true)
        {
            PeerReport atA = await lab.A.PeerAsync(lab.B);
            PeerReport atB = await lab.B.PeerAsync(lab.A);
            bool isDirect = atA.Path == PeerReport.Direct && atB.Path == PeerReport.Direct;
            bool isGivenUp = IsFinal(atA) && IsFinal(atB);
            if (isDirect || isGivenUp || DateTimeOffset.UtcNow - start > SettledWithin) return (atA, atB);
            await Task.Delay(PollInterval);
        }
    }

    /// <summary>A verdict that says what stands in the way, and not that something is being tried.</summary>
    private static bool IsFinal(PeerReport report) => report.Verdict is { Code: not "checking" };

    private static bool IsOnRelay(string line) => line.Contains("Relay ", StringComparison.Ordinal) && line.Contains(" is connected", StringComparison.Ordinal);

    /// <summary>It may have been direct before we saw the relay's line.</summary>
    private static TimeSpan Later(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;
}
