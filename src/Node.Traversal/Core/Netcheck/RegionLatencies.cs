using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>
/// How far away the regions are: the lowest of what was measured over the last minutes, for a single measurement is mostly too slow by
/// what happened to be in its way. Measured round by round; only a round that has ended counts as a whole.
/// </summary>
internal sealed class RegionLatencies
{
    /// <summary>How long a measurement counts: a little longer than an idle node goes without another.</summary>
    public static readonly TimeSpan Memory = TimeSpan.FromSeconds(305);

    /// <summary>Rounds remembered: more than an active node's fit into <see cref="Memory"/>. The oldest makes room.</summary>
    private const int MaxRounds = 32;

    private readonly Queue<(Instant At, Dictionary<int, TimeSpan> Latencies)> _rounds = [];
    private IReadOnlyDictionary<int, TimeSpan> _known = new Dictionary<int, TimeSpan>();
    private Dictionary<int, TimeSpan> _present = [];
    private Dictionary<int, TimeSpan> _last = [];
    private Dictionary<int, TimeSpan> _best = []; // Of all that is remembered: it is asked for after every packet, of every region.

    /// <summary>Rounds with an answer that have ended since the start, or since the network has changed.</summary>
    public int Rounds { get; private set; }

    /// <summary>The lowest latency of a region over the last minutes, the round that goes on included; null = not measured.</summary>
    public TimeSpan? BestOf(int regionId)
    {
        if (_best.TryGetValue(regionId, out TimeSpan best)) return best;
        return Rounds == 0 && _known.TryGetValue(regionId, out TimeSpan known) ? known : null;
    }

    /// <summary>Takes what was measured when the node was last in this network: it counts until a round has ended.</summary>
    public void Recall(IReadOnlyDictionary<int, TimeSpan> known) => _known = known;

    /// <summary>All that was measured over the last minutes, by region.</summary>
    public Dictionary<int, TimeSpan> Measured() =>
        _rounds.SelectMany(round => round.Latencies).Concat(_present).GroupBy(region => region.Key, region => region.Value).ToDictionary(region => region.Key, region => region.Min());

    /// <summary>Says whether a region was measured in the last round that had an answer at all.</summary>
    public bool IsInLastRound(int regionId) => _last.ContainsKey(regionId);

    /// <summary>Takes a measurement of the round that goes on.</summary>
    public void Note(int regionId, TimeSpan latency)
    {
        NoteIn(_present, regionId, latency);
        NoteIn(_best, regionId, latency);
    }

    /// <summary>The round has ended.</summary>
    public void EndRound(Instant now)
    {
        while (_rounds.TryPeek(out (Instant At, Dictionary<int, TimeSpan>) oldest) && (now - oldest.At > Memory || _rounds.Count >= MaxRounds)) _rounds.Dequeue();
        _best = Measured();
        if (_present.Count == 0) return; // Silence of all is the network's, and tells nothing of a region.
        _rounds.Enqueue((now, _present));
        _last = _present;
        _present = [];
        Rounds++;
    }

    /// <summary>The network is another: nothing of before counts.</summary>
    public void Clear()
    {
        _rounds.Clear();
        _known = new Dictionary<int, TimeSpan>();
        _present = [];
        _last = [];
        _best = [];
        Rounds = 0;
    }

    private static void NoteIn(Dictionary<int, TimeSpan> latencies, int regionId, TimeSpan latency)
    {
        if (!latencies.TryGetValue(regionId, out TimeSpan known) || latency < known) latencies[regionId] = latency;
    }
}
