using Node.Traversal.Core.Peers;
using Timing;

namespace Node.Traversal.Core;

/// <summary>What a node tells its metrics: numbers, and no names.</summary>
internal sealed record NodeFigures
{
    /// <summary>The peers that are not direct, by why they are not.</summary>
    public required IReadOnlyDictionary<VerdictCode, int> Verdicts { get; init; }

    /// <summary>How often any direct path was left because data did not pass where checks did; only grows.</summary>
    public long PutBacks { get; init; }

    /// <summary>Says whether a captive portal stands before the network; null = not looked for, or not known.</summary>
    public bool? CaptivePortal { get; init; }

    /// <summary>Reads them off.</summary>
    public static NodeFigures Of(NodeContext context, PeerTable peers, Instant now) => new()
    {
        Verdicts = Peers.Verdicts.Count(context, peers.All, now),
        PutBacks = peers.PutBacks,
        CaptivePortal = context.CaptivePortal,
    };
}
