using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// Says when the regions are to be measured by HTTPS: where no STUN server answers, or there is none. The shell measures, and hands back
/// what it has found.
/// </summary>
internal sealed class HttpsLatencies(NodeContext context)
{
    /// <summary>
    /// The most regions measured at a time: each costs a TLS handshake. Of a larger map the nearest known (<see cref="ProbePlan.KeptRegions"/>) and
    /// home are measured each time, and the others take turns.
    /// </summary>
    public const int MaxRegions = 32;

    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(5);

    /// <summary>From one time to the next while no relay answers, or regions of a large map have not had their first turn.</summary>
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(30);

    private Instant? _next;
    private int _round;
    private bool _isMeasuring;
    private int _turnsGiven; // To regions of a large map in this network.

    /// <summary>When <see cref="Update"/> is due; null = only after another input.</summary>
    public Instant? NextTimeout { get; private set; }

    /// <summary>Asks for a measurement where one is due.</summary>
    public void Update(StunProber stun, Instant now)
    {
        if (stun.Profile.Udp == UdpReach.Works) context.CaptivePortal = null; // No portal lets UDP through.
        NextTimeout = null;
        if (_isMeasuring || !stun.IsSilent) return;
        if (_next > now)
        {
            NextTimeout = _next;
            return;
        }

        int[] regions = Choose(stun);
        if (regions.Length == 0) return;
        _isMeasuring = true;
        context.Raise(new NodeEvent.HttpsLatencyWanted(++_round, regions));
    }

    /// <summary>Takes what was measured.</summary>
    /// <returns>False where it is of before a change of network, and counts no more.</returns>
    public bool TryEnd(int round, bool hasAny, Instant now)
    {
        if (!_isMeasuring || round != _round) return false;
        _isMeasuring = false;
        int count = context.Map.Regions.Count(region => region.MayBeHome);
        bool isExplored = count <= MaxRegions || _turnsGiven >= count;
        _next = now + (hasAny && isExplored ? Interval : RetryInterval);
        return true;
    }

    /// <summary>Takes whether a captive portal was found meanwhile, also after the round has ended.</summary>
    public void HandleCaptivePortal(int round, bool? isCaptive)
    {
        if (round == _round) context.CaptivePortal = isCaptive;
    }

    /// <summary>What goes on is of the network before: it is measured anew.</summary>
    public void HandleNetworkChange()
    {
        _round++;
        _isMeasuring = false;
        context.CaptivePortal = null;
        _next = null;
        _turnsGiven = 0;
    }

    /// <summary>The regions of the next measurement, the nearest known first. Turns are taken round a ring of all regions, whatever is known of them, so none is passed over as distances change.</summary>
    private int[] Choose(StunProber stun)
    {
        int[] ranked = [.. context.Map.Regions.Where(region => region.MayBeHome).Select(region => region.Id).OrderBy(id => stun.LatencyOf(id) ?? TimeSpan.MaxValue)];
        if (ranked.Length <= MaxRegions) return ranked;

        int[] kept = [.. ranked.Where(id => stun.LatencyOf(id) is not null).Take(ProbePlan.KeptRegions).Union(ranked.Where(id => id == context.HomeRegion))];
        int[] ring = [.. ranked.Order()];
        int first = _turnsGiven % ring.Length;
        int turns = MaxRegions - kept.Length;
        _turnsGiven += turns;
        return [.. kept.Union(Enumerable.Range(first, turns).Select(place => ring[place % ring.Length]))];
    }
}
