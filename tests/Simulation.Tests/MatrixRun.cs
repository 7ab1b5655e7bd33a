using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>What a pair of the matrix has to bear.</summary>
public enum MatrixWeather
{
    /// <summary>Nothing: 20 ms between the sites.</summary>
    Calm,

    /// <summary>One packet in twenty lost, one in twenty doubled, 60 ms between the sites, and 20 ms more or less.</summary>
    Rough,

    /// <summary>Routers that take early packets for themselves.</summary>
    Early,
}

/// <summary>One cell of the matrix: two kinds of site, one weather, one seed; played and judged by the oracle.</summary>
internal sealed record MatrixRun(SiteKind LeftKind, SiteKind RightKind, MatrixWeather Weather, int Seed)
{
    /// <summary>How it went: the time to a direct path, or the verdict.</summary>
    public required string Outcome { get; init; }

    /// <summary>What went otherwise than it must; null = nothing.</summary>
    public required string? Problem { get; init; }

    /// <summary>Says that it went wrong by mere chance, if nothing else: a guess is the only method there is, and all attempts at it have failed.</summary>
    public required bool IsUnlucky { get; init; }

    /// <summary>Plays a cell with a seed, and where that is unlucky with two others: what else is random decides which seeds are.</summary>
    public static MatrixRun PlayFairly(SiteKind leftKind, SiteKind rightKind, MatrixWeather weather, int seed)
    {
        MatrixRun run = Play(leftKind, rightKind, weather, seed);
        for (int attempt = 2; attempt <= Attempts && run.IsUnlucky; attempt++) run = Play(leftKind, rightKind, weather, seed += SeedsApart);
        return run;
    }

    public static MatrixRun Play(SiteKind leftKind, SiteKind rightKind, MatrixWeather weather, int seed)
    {
        bool isEarly = weather == MatrixWeather.Early;
        SimLab lab = new(seed, isEarly ? SiteKinds.WithEarlyPackets(leftKind) : leftKind, isEarly ? SiteKinds.WithEarlyPackets(rightKind) : rightKind);
        if (weather == MatrixWeather.Rough)
        {
            lab.World.Loss = 0.05;
            lab.World.Duplication = 0.05;
            lab.World.AccessDelay = TimeSpan.FromMilliseconds(30);
            lab.World.Jitter = TimeSpan.FromMilliseconds(20);
        }

        lab.Start();
        TimeSpan? direct = null;
        bool isForCertain = Oracle.CanBeDirectForCertain(lab.LeftSite, lab.RightSite);
        TimeSpan patience = Oracle.Methods(lab.LeftSite, lab.RightSite).Count > 0 && !isForCertain ? Guessing : Settling(weather);
        for (int i = 0; Interval * i < Settling(weather) || (direct is null && Interval * i < patience); i++)
        {
            lab.Ping(Interval, Interval);
            if (lab.IsDirect) direct ??= Interval * (i + 1);
        }

        lab.World.Run(TimeSpan.FromSeconds(1));
        return new MatrixRun(leftKind, rightKind, weather, seed)
        {
            IsUnlucky = !isForCertain && Judge(lab, weather)?.StartsWith(NotDirect, StringComparison.Ordinal) == true,
            Outcome = lab.IsDirect ? $"direct {direct?.TotalSeconds:0.0} s" : $"relay {lab.Left.VerdictOn(lab.Right)?.Code}",
            Problem = Judge(lab, weather) is { } problem ? $"{leftKind} × {rightKind}, {weather}, seed {seed}: {problem}; left {Side(lab, lab.Left, lab.Right)}, right {Side(lab, lab.Right, lab.Left)}" : null,
        };
    }

    private const int Attempts = 3;
    private const int SeedsApart = 1000; // More than anybody plays of one cell.
    private const string NotDirect = "not direct, though";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(200);

    /// <summary>Where a method is chance, or a guess, the first attempt may fail: the second and third come 5 and 40 s after, and what has filled a small block must expire first.</summary>
    private static readonly TimeSpan Guessing = TimeSpan.FromMinutes(4);

    private static TimeSpan Settling(MatrixWeather weather) => TimeSpan.FromSeconds(weather == MatrixWeather.Calm ? 12 : 18);

    private static string? Judge(SimLab lab, MatrixWeather weather)
    {
        if (lab.World.Violations.FirstOrDefault() is { } violation) return violation;
        if (lab.World.Sent != lab.World.Delivered + lab.World.Dropped + lab.World.UnderWay) return "a packet has ended uncounted";
        if (weather != MatrixWeather.Rough && lab.Lost > 0) return $"{lab.Lost} lost";

        if (lab.IsDirect)
        {
            if (Oracle.IsImpossible(lab.LeftSite, lab.RightSite)) return "direct, where it cannot be";
            return lab.Left.VerdictOn(lab.Right) is null && lab.Right.VerdictOn(lab.Left) is null ? null : "a verdict on a direct path";
        }

        if (Oracle.Methods(lab.LeftSite, lab.RightSite).Count > 0) return $"{NotDirect} {string.Join(" or ", Oracle.Methods(lab.LeftSite, lab.RightSite))} would do";
        if (weather != MatrixWeather.Early && !lab.IsRelayed) return "direct one way only";
        return IsRight(lab, lab.Left, lab.Right) && IsRight(lab, lab.Right, lab.Left) ? null : "a wrong verdict";
    }

    private static bool IsRight(SimLab lab, SimNode here, SimNode there) =>
        here.VerdictOn(there) is not { } verdict ? here.PathTo(there) == PathKind.Direct : Oracle.RightVerdicts(here.Site, there.Site).Contains(verdict.Code);

    private static string Side(SimLab lab, SimNode here, SimNode there) => $"{here.PathTo(there)} {here.VerdictOn(there)?.Code}";
}
