using Node.Traversal.Core.RelayMaps;
using Relay.Protocol;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// Which relay reaches a peer: its home where that is known, else the relay it was last heard through, else its meeting region. A relay
/// that says the peer is gone is passed over for a while, as long as another may do.
/// </summary>
internal sealed class PeerRoute(NodeContext context, NodeKey peer)
{
    /// <summary>A relay's word that a peer is not there counts this long: longer than the pause between two Hellos, which renew it.</summary>
    public static readonly TimeSpan GoneFor = TimeSpan.FromSeconds(30);

    /// <summary>Of the peer's meeting regions so many are asked: the first one that we can reach, and the next in case the peer cannot.</summary>
    private const int MaxMeetingRegions = 2;

    private readonly Dictionary<int, Instant> _goneSince = [];
    private readonly Dictionary<int, Instant> _heardAt = []; // Region → the peer was last heard by it, and has not gone from there since.
    private int[] _meetingRegions = MeetingRegions.Rank(peer, context.Map);

    /// <summary>The peer's home; 0 = unknown.</summary>
    public int HomeRegion { get; private set; }

    /// <summary>The region the peer was last heard through; 0 = none.</summary>
    public int LastHeardRegion => _heardAt.Count == 0 ? 0 : _heardAt.MaxBy(heard => heard.Value).Key;

    /// <summary>The peer is at home there now.</summary>
    public void MoveHome(int regionId)
    {
        HomeRegion = regionId;
        context.HaveRoutesChanged = true;
    }

    /// <summary>The relay map has changed.</summary>
    public void HandleRelayMap()
    {
        _meetingRegions = MeetingRegions.Rank(peer, context.Map);
        if (context.Map.Find(HomeRegion) is null) HomeRegion = 0;
    }

    /// <summary>The peer was heard through this region, so it is there.</summary>
    public void HandleHeard(int regionId, Instant now)
    {
        context.HaveRoutesChanged |= LastHeardRegion != regionId;
        _heardAt[regionId] = now;
        _goneSince.Remove(regionId);
    }

    /// <summary>The relay says that the peer is not there.</summary>
    public void HandleGone(int regionId, Instant now)
    {
        _goneSince[regionId] = now;
        context.HaveRoutesChanged = true;
        _heardAt.Remove(regionId);
    }

    /// <summary>We have come back to this relay: what it said before means nothing now.</summary>
    public void HandleReconnected(int regionId) => _goneSince.Remove(regionId);

    /// <summary>Says that the peer is at home in this region and was last heard through another: it does not know yet that we are here too.</summary>
    public bool HasFollowed(int regionId) => HomeRegion == regionId && LastHeardRegion != 0 && LastHeardRegion != regionId;

    /// <summary>The connected relay to send through; 0 = none is connected.</summary>
    public int Choose(Instant now)
    {
        int fallback = 0;
        foreach (int region in Preferred(now))
        {
            if (!context.IsConnected(region)) continue;
            if (!_goneSince.TryGetValue(region, out Instant since) || now - since >= GoneFor) return region;

            // It may come back at any moment, and a packet too many costs nothing: each is asked in its turn.
            if (fallback == 0 || since < _goneSince[fallback]) fallback = region;
        }

        return fallback;
    }

    /// <summary>Says whether every connected relay where the peer should be says that it is not there.</summary>
    public bool IsGoneEverywhere(Instant now)
    {
        int region = Choose(now);
        return region != 0 && IsGone(region, now);
    }

    /// <summary>The regions to be connected to for this peer's sake.</summary>
    public IEnumerable<int> Wanted(Instant now) => Preferred(now).Where(region => !_heardAt.ContainsKey(region) || region == HomeRegion || _meetingRegions.Contains(region));

    private bool IsGone(int region, Instant now) => _goneSince.TryGetValue(region, out Instant since) && now - since < GoneFor;

    private IEnumerable<int> Preferred(Instant now)
    {
        if (HomeRegion != 0)
        {
            yield return HomeRegion;
            if (context.IsConnected(HomeRegion) && !IsGone(HomeRegion, now)) yield break;
        }

        foreach ((int region, _) in _heardAt.OrderByDescending(heard => heard.Value)) yield return region;

        int met = 0;
        bool isOneOutOfReach = HomeRegion != 0 && context.IsUnreachable(HomeRegion, now);
        foreach (int region in _meetingRegions)
        {
            yield return region;
            bool isUnreachable = context.IsUnreachable(region, now);
            isOneOutOfReach |= isUnreachable;
            if (isUnreachable) continue; // So it may be for the peer.
            if (++met == MaxMeetingRegions || !IsGone(region, now)) break; // Where the peer is not met, it may be out of the peer's reach.
        }

        // A peer that knows us is connected where we are at home, for our sake.
        if (isOneOutOfReach && context.HomeRegion != 0) yield return context.HomeRegion;
    }
}
