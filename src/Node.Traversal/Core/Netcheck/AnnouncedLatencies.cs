using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// What peers are told of how far away the relays are: the nearest that this node can use, in whole milliseconds. It stays as it was told until
/// it makes a difference, so that both ends of a pair reckon with the same numbers.
/// </summary>
internal sealed class AnnouncedLatencies(NodeContext context, RegionLatencies measured)
{
    /// <summary>
    /// A latency is told anew where it differs by more than both: what is less decides between no two relays, of which one must be better by twice as much.
    /// </summary>
    private const int NewsMilliseconds = 5;
    private const double NewsShare = 0.075;

    private int _rounds;

    /// <summary>Looks at what was measured, where that or the regions that can be used may have changed.</summary>
    /// <returns>True where peers are to hear of it.</returns>
    public bool Update(Instant now)
    {
        if (_rounds == measured.Rounds && !context.HaveRoutesChanged) return false;
        _rounds = measured.Rounds;
        RegionLatency[] present = [.. Present(now)];
        if (!IsNews(present)) return false;
        context.Latencies = present;
        return true;
    }

    private IEnumerable<RegionLatency> Present(Instant now) => measured.Rounds == 0 ? [] : measured.Measured()
        .Where(region => context.Map.Find(region.Key) is { } known && context.MayUse(known, now))
        .Select(region => new RegionLatency(region.Key, ToMilliseconds(region.Value)))
        .OrderBy(region => region.Milliseconds).ThenBy(region => region.RegionId)
        .Take(RegionLatency.MaxRegions);

    private bool IsNews(RegionLatency[] present)
    {
        Dictionary<int, int> told = context.Latencies.ToDictionary(region => region.RegionId, region => region.Milliseconds);
        return told.Count != present.Length || present.Any(region => !told.TryGetValue(region.RegionId, out int before) || IsNews(before, region.Milliseconds));
    }

    private static bool IsNews(int before, int after) => Math.Abs(after - before) > Math.Max(NewsMilliseconds, NewsShare * before);

    private static int ToMilliseconds(TimeSpan latency) => (int)Math.Clamp(Math.Round(latency.TotalMilliseconds), 0, RegionLatency.MaxMilliseconds);
}
