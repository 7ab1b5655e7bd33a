using Node.Traversal.Core.Peers;
using Node.Traversal.Core.RelayMaps;
using Timing;

namespace Node.Traversal.Core;

/// <summary>
/// Says which regions to be connected to: home and where it is to be, where we are met, and where our peers are. A region that is not needed
/// any more is kept for a while, for peers go to and fro.
/// </summary>
internal sealed class RelayWants(NodeContext context)
{
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(60);

    /// <summary>Regions connected to for the sake of relayed pairs alone: those that are there already first, then those of the most pairs. The others go as they went.</summary>
    private const int MaxPairRelays = 2;

    private readonly Dictionary<int, Instant> _wanted = []; // Region → needed last.

    /// <summary>When <see cref="Update"/> may come to another result; null = only after another input.</summary>
    public Instant? NextTimeout { get; private set; }

    /// <summary>Works out what is wanted now, and says what has changed.</summary>
    public void Update(IEnumerable<PeerSession> peers, Instant now)
    {
        if (!context.HaveRoutesChanged && !(NextTimeout <= now)) return;

        context.HaveRoutesChanged = false;
        HashSet<int> needed = [];
        if (context.HomeRegion != 0) needed.Add(context.HomeRegion);
        if (context.NextHome != 0) needed.Add(context.NextHome);
        AddMeeting(needed, now);
        foreach (PeerSession peer in peers) needed.UnionWith(peer.Route.Wanted(now));
        needed.UnionWith(context.Moves.Successors);
        AddPairRelays(needed, peers);
        needed.RemoveWhere(context.Moves.HasLeft);

        foreach (int region in needed)
        {
            if (_wanted.TryAdd(region, now)) context.Raise(new NodeEvent.RelayWanted(region));
            _wanted[region] = now;
        }

        foreach ((int region, Instant last) in _wanted.ToArray())
        {
            bool isGoneFromMap = context.Map.Find(region) is null;
            if (needed.Contains(region) && !isGoneFromMap) continue;
            if (!isGoneFromMap && !context.Moves.HasLeft(region) && now - last < KeepFor) continue;
            _wanted.Remove(region);
            context.HandleUnwanted(region);
            context.Raise(new NodeEvent.RelayUnwanted(region));
        }

        NextTimeout = Soonest(needed, now);
    }

    private void AddMeeting(HashSet<int> needed, Instant now)
    {
        foreach (int region in MeetingRegions.Rank(context.OwnKey, context.Map))
        {
            needed.Add(region);
            if (!context.IsUnreachable(region, now) && !context.Moves.IsLeaving(region)) return;
        }
    }

    /// <summary>Regions that shorten the way to relayed peers, or stand in for those that do: most are home to somebody, and needed anyway.</summary>
    private void AddPairRelays(HashSet<int> needed, IEnumerable<PeerSession> peers)
    {
        IEnumerable<int> more = peers.SelectMany(peer => peer.PairRelay.Wanted).Where(region => !needed.Contains(region))
            .GroupBy(region => region)
            .OrderByDescending(region => _wanted.ContainsKey(region.Key)).ThenByDescending(region => region.Count()).ThenBy(region => region.Key)
            .Select(region => region.Key)
            .Take(MaxPairRelays);
        needed.UnionWith([.. more]);
    }

    /// <summary>The next moment at which a kept region is let go, or a failing one counts as unreachable.</summary>
    private Instant? Soonest(HashSet<int> needed, Instant now)
    {
        Instant soonest = Instant.Never;
        foreach ((int region, Instant last) in _wanted)
        {
            if (!needed.Contains(region)) soonest = Instant.Min(soonest, last + KeepFor);
            if (context.Link(region).FailingSince is { } since && since + NodeContext.UnreachableAfter > now)
            {
                soonest = Instant.Min(soonest, since + NodeContext.UnreachableAfter);
            }
        }

        return soonest == Instant.Never ? null : soonest;
    }
}
