using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>How far punching a hole to one peer has come.</summary>
internal enum PunchResult
{
    /// <summary>Nothing but mutual checks was needed, or nothing was begun yet.</summary>
    None,

    /// <summary>Nothing that is known could succeed: not attempted.</summary>
    NotAttempted,

    /// <summary>Begins once the routers can bear it, or the peer is free.</summary>
    Waiting,

    /// <summary>Under way.</summary>
    Running,

    /// <summary>It has made the path.</summary>
    Succeeded,

    /// <summary>It was tried to its end in vain; it is tried again after a pause.</summary>
    Failed,
}

/// <summary>What was tried to make a hole, and what came of it.</summary>
/// <param name="Method">How.</param>
/// <param name="Result">How far it has come.</param>
internal sealed record PunchOutcome(PunchingMethod Method, PunchResult Result)
{
    /// <summary>How likely it was to succeed, 0 to 1.</summary>
    public double Probability { get; init; }

    /// <summary>The stage it has reached, from 1; 0 = none.</summary>
    public int Stage { get; init; }

    /// <summary>How many stages there are.</summary>
    public int Stages { get; init; }

    /// <summary>Packets sent from this end, openers not counted.</summary>
    public int Probes { get; init; }

    /// <summary>Mappings made at this end's router.</summary>
    public int Openings { get; init; }

    /// <summary>Attempts that have failed since the last change of network.</summary>
    public int Failures { get; init; }

    /// <summary>What is to be said of a strategy and its round.</summary>
    /// <param name="strategy">What is being tried, or was.</param>
    /// <param name="result">How far it has come.</param>
    /// <param name="run">This end's part in the round; null = it has not begun.</param>
    /// <param name="failures">Attempts that have failed.</param>
    /// <param name="now">The present.</param>
    public static PunchOutcome Of(PunchStrategy strategy, PunchResult result, PunchRun? run, int failures, Instant now) => new(strategy.Method, result)
    {
        Probability = strategy.Probability,
        Stage = run?.StageAt(now) ?? 0,
        Stages = run?.Stages ?? 0,
        Probes = run?.Packets ?? 0,
        Openings = run?.Lines.Count ?? 0,
        Failures = failures,
    };

    /// <summary>Nothing tried.</summary>
    public static PunchOutcome None { get; } = new(PunchingMethod.None, PunchResult.None);
}
