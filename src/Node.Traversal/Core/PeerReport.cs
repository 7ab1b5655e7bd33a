using Addresses;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core;

/// <summary>How one peer stands, for status and metrics.</summary>
/// <param name="Path">The way packets go now; None also where the peer is known to be offline.</param>
/// <param name="Remote">The peer's address; only valid on a direct path.</param>
/// <param name="RegionId">The relay in use; 0 = none.</param>
/// <param name="Rtt">The round trip, where it was measured.</param>
/// <param name="Since">Since when packets have gone this way.</param>
/// <param name="Verdict">Why it is not direct; null where it is.</param>
internal sealed record PeerReport(PathKind Path, TransportAddress Remote, int RegionId, TimeSpan? Rtt, Instant Since, PathVerdict? Verdict)
{
    /// <summary>How the peer has come by <see cref="Remote"/>; null = it has not told it: one of its checks came from there. Null also where the path is not direct.</summary>
    public CandidateKind? RemoteKind { get; init; }

    /// <summary>The longest IP packet that the direct path is known to carry whole, in bytes; null = not known, or not direct.</summary>
    public int? Mtu { get; init; }

    /// <summary>How often a direct path was left because data did not pass where checks did.</summary>
    public int PutBacks { get; init; }

    /// <summary>The addresses that are left alone at present for that.</summary>
    public IReadOnlyList<TransportAddress> PutBackRemotes { get; init; } = [];

    /// <summary>Reads it off.</summary>
    public static PeerReport Of(NodeContext context, PeerSession peer, Instant now)
    {
        bool isOffline = peer.Path.Kind == PathKind.Relay && peer.Route.IsGoneEverywhere(now);
        return new PeerReport(isOffline ? PathKind.None : peer.Path.Kind, peer.Path.Remote, peer.Path.RegionId, peer.Finder.Rtt, peer.PathSince, Verdicts.Judge(context, peer, now))
        {
            RemoteKind = peer.Candidates.KindOf(peer.Path.Remote),
            Mtu = peer.Finder.Mtu,
            PutBacks = peer.Finder.PutBacks,
            PutBackRemotes = [.. peer.Finder.Pairs.Where(pair => pair.IsBarred(now)).Select(pair => pair.Id.Remote).Distinct()],
        };
    }
}
