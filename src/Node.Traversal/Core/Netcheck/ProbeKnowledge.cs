namespace Node.Traversal.Core.Netcheck;

/// <summary>What a <see cref="ProbePlan"/> is made of.</summary>
/// <param name="Servers">The STUN servers that can be asked, of families that the node has.</param>
internal sealed record ProbeKnowledge(IReadOnlyList<StunServerAddress> Servers)
{
    /// <summary>The lowest latency of a region of late; null = unknown.</summary>
    public Func<int, TimeSpan?> LatencyOf { get; init; } = _ => null;

    /// <summary>Says whether a region may be home, and so is worth measuring. Servers of others serve to tell the NAT.</summary>
    public Func<int, bool> MayBeHome { get; init; } = _ => true;

    /// <summary>The region the node is at home in; 0 = none.</summary>
    public int HomeRegion { get; init; }

    /// <summary>Says that IPv4 is worth as much as IPv6: false where nobody answered over it last time, but somebody did over the other.</summary>
    public bool HasSeenIpv4 { get; init; } = true;

    /// <summary>As <see cref="HasSeenIpv4"/>, of IPv6.</summary>
    public bool HasSeenIpv6 { get; init; } = true;

    /// <summary>Counts the cycles: a region's servers take turns, so that one that is down does not hide the region for ever.</summary>
    public int Turn { get; init; }

    /// <summary>Counts the full cycles: the regions of a map that does not fit into one take turns.</summary>
    public int FullTurn { get; init; }

    /// <summary>The regions worth measuring, the nearest first, those of unknown latency last.</summary>
    public IEnumerable<int> MeasuredRegions =>
        Servers.Select(server => server.RegionId).Distinct().Where(region => MayBeHome(region) || region == HomeRegion).OrderBy(region => LatencyOf(region) ?? TimeSpan.MaxValue).ThenBy(region => region);

    /// <summary>Says whether there are servers of a family.</summary>
    public bool HasServersOf(bool isIpv4) => Servers.Any(server => server.Address.IsIpv4 == isIpv4);
}
