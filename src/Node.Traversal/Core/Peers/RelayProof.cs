using Node.Traversal.Core.Paths;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>
/// Says whether the relay is known to reach the peer since something was wrong. What ended a direct path may have ended a relay connection
/// too, here or at the peer, and neither end is told: until the peer is heard by relay, copies of what goes are held.
/// </summary>
internal sealed class RelayProof(PathTraffic traffic)
{
    /// <summary>How long a peer that is not heard is waited for: it may notice late, and connects again. One that has nothing to say costs copies for no longer.</summary>
    public static readonly TimeSpan WaitsFor = TimeSpan.FromSeconds(5);

    private bool _wasWell;
    private Instant? _doubtedAt;

    /// <summary>Something may be wrong with the way by relay.</summary>
    public void Doubt(Instant now) => _doubtedAt = now;

    /// <summary>The peer was heard by relay.</summary>
    public void HandleHeard() => _doubtedAt = null;

    /// <summary>Takes how the direct path stands: one that was well and is not any more is a reason to doubt.</summary>
    public void Update(bool isDirectWell, Instant now)
    {
        if (isDirectWell) _doubtedAt = null;
        else if (_wasWell) _doubtedAt = now;
        _wasWell = isDirectWell;
    }

    /// <summary>Says that the peer is yet to be heard.</summary>
    public bool IsAwaited(Instant now) => _doubtedAt is { } since && now - since < WaitsFor && !(traffic.LastReceivedByRelay >= since);
}
