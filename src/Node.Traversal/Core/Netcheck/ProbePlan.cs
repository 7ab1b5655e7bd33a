namespace Node.Traversal.Core.Netcheck;

/// <summary>Which STUN servers one cycle asks, and when, as data: <see cref="ProbeCycle"/> carries it out.</summary>
/// <param name="IsFull">Says that every region is measured, not just the nearest.</param>
/// <param name="Sets">The servers.</param>
internal sealed record ProbePlan(bool IsFull, IReadOnlyList<ProbeSet> Sets)
{
    /// <summary>The most servers asked in a cycle: enough for most maps, and no flood for a hostile one. Of a larger map, regions take turns.</summary>
    public const int MaxSets = 64;

    /// <summary>Of a map that does not fit into a cycle, so many regions are in every full one, and home: the nearest known.</summary>
    public const int KeptRegions = 8;

    /// <summary>And so many take their turn: what is left of the limit, in one family, beside the others in both and the servers that tell the NAT.</summary>
    public const int RegionsInTurn = MaxSets - 2 * (KeptRegions + 1) - 2 * ServersOfFamilyInFull;

    /// <summary>A family is asked of so many servers where there are so many: three that agree outvote one that lies, and one may be down.</summary>
    private const int ServersOfFamilyInFull = 4;
    private const int ServersOfFamilyInIncremental = 3;

    private const int NearestRegions = 3;
    private const int SurestRegions = 2; // Those of the nearest that are asked twice, and in both families.
    private const int TriesOfHome = 4;
    private const int TriesOfSurest = 2;

    /// <summary>Where no latency is known: RFC 8489 §6.2.1's doubling, from a shorter start.</summary>
    private static readonly TimeSpan[] FullTries = [TimeSpan.Zero, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(600)];

    private static readonly TimeSpan UnknownLatency = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan RetrySlack = TimeSpan.FromMilliseconds(50);
    private const double RetryPerLatency = 1.2; // A try waits for the answer to the one before a little longer than that usually takes.

    /// <summary>How long the last try is waited for.</summary>
    private static readonly TimeSpan AnswerWait = TimeSpan.FromMilliseconds(900);

    /// <summary>The longest cycle: no try comes so late that it could not be answered within.</summary>
    private static readonly TimeSpan LongestCycle = TimeSpan.FromSeconds(3);

    /// <summary>The cycle ends this long after its start: what has not answered by then does not.</summary>
    public TimeSpan Length { get; } = Sets.Select(set => set.Tries[^1]).Append(FullTries[^1]).Max() + AnswerWait;

    /// <summary>The regions asked.</summary>
    public int Regions { get; } = Sets.Select(set => set.Server.RegionId).Distinct().Count();

    /// <summary>Full cycles until every region has been asked: one, or as many as there are turns in a large map.</summary>
    public static int FullCyclesFor(ProbeKnowledge known) => FitsWhole(known) ? 1 : (known.MeasuredRegions.Count() + RegionsInTurn - 1) / RegionsInTurn;

    /// <summary>Measures every region that may be home in both families, those of a large map in turns, and asks enough servers to tell the NAT.</summary>
    public static ProbePlan Full(ProbeKnowledge known)
    {
        Draft draft = new(known);
        bool isWhole = FitsWhole(known);
        foreach (int region in isWhole ? known.MeasuredRegions : KeptOf(known))
        {
            draft.Add(region, isIpv4: true, FullTries);
            draft.Add(region, isIpv4: false, FullTries);
        }

        if (!isWhole)
        {
            foreach (int region in InTurn(known)) draft.AddInOneFamily(region, FullTries);
        }

        draft.Fill(ServersOfFamilyInFull, FullTries);
        return new ProbePlan(IsFull: true, draft.Sets);
    }

    /// <summary>
    /// Measures the nearest regions and home, harder where it matters more. A family that nobody answered in last time is only tried where
    /// an answer is surest; beyond that, regions take turns between the families.
    /// </summary>
    public static ProbePlan Incremental(ProbeKnowledge known)
    {
        Draft draft = new(known);
        int[] ranked = [.. known.MeasuredRegions];
        for (int rank = 0; rank < ranked.Length; rank++)
        {
            int region = ranked[rank];
            bool isHome = region == known.HomeRegion;
            if (rank >= NearestRegions && !isHome) continue;

            bool isSure = isHome || rank < SurestRegions;
            TimeSpan[] tries = Tries(isHome ? TriesOfHome : isSure ? TriesOfSurest : 1, known.LatencyOf(region) ?? UnknownLatency);
            bool isTurnOfIpv4 = rank % 2 == 0 || !known.HasSeenIpv6;
            foreach (bool isIpv4 in (ReadOnlySpan<bool>)[true, false])
            {
                bool hasSeen = isIpv4 ? known.HasSeenIpv4 : known.HasSeenIpv6;
                if (isSure) draft.Add(region, isIpv4, hasSeen ? tries : tries[..1]);
                else if (isIpv4 == isTurnOfIpv4 || !known.HasServersOf(!isIpv4)) draft.Add(region, isIpv4, tries);
            }
        }

        draft.Fill(ServersOfFamilyInIncremental, Tries(TriesOfSurest, UnknownLatency));
        return new ProbePlan(IsFull: false, draft.Sets);
    }

    private static bool FitsWhole(ProbeKnowledge known)
    {
        HashSet<int> measured = [.. known.MeasuredRegions];
        return known.Servers.Where(server => measured.Contains(server.RegionId)).Select(server => (server.RegionId, server.Address.IsIpv4)).Distinct().Count() <= MaxSets;
    }

    private static IEnumerable<int> KeptOf(ProbeKnowledge known) =>
        known.MeasuredRegions.Where(region => known.LatencyOf(region) is not null).Take(KeptRegions).Union(known.MeasuredRegions.Where(region => region == known.HomeRegion));

    /// <summary>The next stretch of a ring of all regions, whatever else is known of them: so none is passed over as distances change.</summary>
    private static IEnumerable<int> InTurn(ProbeKnowledge known)
    {
        int[] ring = [.. known.MeasuredRegions.Order()];
        int first = known.FullTurn % FullCyclesFor(known) * RegionsInTurn;
        return Enumerable.Range(first, RegionsInTurn).Select(place => ring[place % ring.Length]);
    }

    private static TimeSpan[] Tries(int count, TimeSpan latency)
    {
        IEnumerable<TimeSpan> tries = Enumerable.Range(0, count).Select(n => RetryPerLatency * n * latency + (n > 1 ? n * RetrySlack : TimeSpan.Zero));
        return [.. tries.Where(at => at <= LongestCycle - AnswerWait)];
    }

    /// <summary>A plan that is being made: each server once, and no more than the limit.</summary>
    private sealed class Draft(ProbeKnowledge known)
    {
        private readonly HashSet<StunServerAddress> _taken = [];

        public List<ProbeSet> Sets { get; } = [];

        /// <summary>Adds the region's server whose turn it is.</summary>
        public void Add(int region, bool isIpv4, TimeSpan[] tries)
        {
            StunServerAddress[] servers = [.. known.Servers.Where(server => server.RegionId == region && server.Address.IsIpv4 == isIpv4)];
            if (servers.Length > 0) Add(servers[known.Turn % servers.Length], tries);
        }

        /// <summary>Adds the region's server whose turn it is in the family that is likelier to answer.</summary>
        public void AddInOneFamily(int region, TimeSpan[] tries)
        {
            bool hasIpv4 = known.Servers.Any(server => server.RegionId == region && server.Address.IsIpv4);
            bool hasIpv6 = known.Servers.Any(server => server.RegionId == region && server.Address.IsIpv6);
            Add(region, isIpv4: hasIpv4 && (known.HasSeenIpv4 || !hasIpv6), tries);
        }

        /// <summary>Adds servers until each family has enough: the nearest regions' first.</summary>
        public void Fill(int serversOfFamily, TimeSpan[] tries)
        {
            int[] regions = [.. known.MeasuredRegions];
            foreach (StunServerAddress server in known.Servers.OrderBy(server => Array.IndexOf(regions, server.RegionId) is var rank and >= 0 ? rank : int.MaxValue))
            {
                if (Sets.Count(set => set.Server.Address.IsIpv4 == server.Address.IsIpv4) < serversOfFamily) Add(server, tries);
            }
        }

        private void Add(StunServerAddress server, TimeSpan[] tries)
        {
            if (Sets.Count < MaxSets && _taken.Add(server)) Sets.Add(new ProbeSet(server, tries));
        }
    }
}

/// <summary>One server of a plan. It is asked no more once it has answered.</summary>
/// <param name="Server">The server.</param>
/// <param name="Tries">When it is asked, from the start of the cycle on; at least once.</param>
internal readonly record struct ProbeSet(StunServerAddress Server, IReadOnlyList<TimeSpan> Tries);
