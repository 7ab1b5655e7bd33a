using System.Globalization;

namespace NatLab.Tests;

/// <summary>What became of one pair of NATs.</summary>
/// <param name="NatOfA">The kind at a.</param>
/// <param name="NatOfB">The kind at b.</param>
/// <param name="Report">How a reaches b in the end.</param>
/// <param name="TimeToDirect">From the moment when both ends were on the relay until both went directly; null = they do not.</param>
/// <param name="MostEntries">The most flows in the connection tracking of either site's router.</param>
/// <param name="Loss">What became of the pings all the while.</param>
internal sealed record MatrixRow(string NatOfA, string NatOfB, PeerReport Report, TimeSpan? TimeToDirect, int MostEntries, PingLoss Loss)
{
    public const string Heading = "| a | b | path | direct after, s | most router entries | lost pings | verdict |\n|---|---|---|---|---|---|---|";

    public bool IsDirect => Report.Path == PeerReport.Direct;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"| {NatOfA} | {NatOfB} | {Report.Path} | {TimeToDirect?.TotalSeconds:0.00} | {MostEntries} | {Loss.Lost} of {Loss.Asked} | {Report.Verdict?.Code} |");
}

/// <summary>Tries pairs of NATs with the real programs: two sites, a tunnel, pings, and what the agents say in the end.</summary>
internal static class Matrix
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(250);

    /// <summary>A hard punch goes through its stages within this, and whatever cannot be has been given up.</summary>
    private static readonly TimeSpan SettledWithin = TimeSpan.FromSeconds(40);

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
        return new MatrixRow(natOfA, natOfB, atA, timeToDirect, Math.Max(entriesOfA.Most, entriesOfB.Most), loss);
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
    private static bool IsFinal(PeerReport report) => report.Verdict is { Code: not ("checking" or "punching") };

    private static bool IsOnRelay(string line) => line.Contains("Relay ", StringComparison.Ordinal) && line.Contains(" is connected", StringComparison.Ordinal);

    /// <summary>It may have been direct before we saw the relay's line.</summary>
    private static TimeSpan Later(TimeSpan time) => time > TimeSpan.Zero ? time : TimeSpan.Zero;
}
