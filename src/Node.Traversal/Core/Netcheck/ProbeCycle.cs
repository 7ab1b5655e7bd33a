using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>One <see cref="ProbePlan"/> being carried out: which tries are due, who has answered, and when it is over.</summary>
/// <param name="plan">The plan.</param>
/// <param name="start">When the cycle has begun.</param>
/// <param name="regionsLastTime">How many regions answered in the cycle before; 0 = none, or there was none.</param>
internal sealed class ProbeCycle(ProbePlan plan, Instant start, int regionsLastTime)
{
    /// <summary>Once so many regions have answered, the nearest are among them: slower ones are not worth the wait.</summary>
    private const int EnoughRegions = 3;

    /// <summary>Two servers tell whether the mapping depends on the destination: a family is not left with one.</summary>
    private const int EnoughServersOfFamily = 2;

    private readonly int[] _tries = new int[plan.Sets.Count];
    private readonly bool[] _answered = new bool[plan.Sets.Count];
    private readonly HashSet<int> _regions = [];
    private Instant _end = start + plan.Length;
    private TimeSpan _slowest;

    /// <summary>Says that every answer is waited for, however slow: a person wants to see it.</summary>
    public bool WaitsForAll { get; init; }

    /// <summary>The plan.</summary>
    public ProbePlan Plan => plan;

    /// <summary>The regions that have answered.</summary>
    public int Regions => _regions.Count;

    /// <summary>When the next try is due, or the cycle is over.</summary>
    public Instant NextTimeout
    {
        get
        {
            Instant next = _end;
            for (int i = 0; i < _tries.Length; i++)
            {
                if (!_answered[i] && _tries[i] < plan.Sets[i].Tries.Count) next = Instant.Min(next, start + plan.Sets[i].Tries[_tries[i]]);
            }

            return next;
        }
    }

    /// <summary>Says that nobody has answered in this family though somebody has in the other. Where nobody has in either, one is as good as the other.</summary>
    public bool IsSilentInOne(bool isIpv4) => plan.Sets.Any(set => set.Server.Address.IsIpv4 == isIpv4) && AnswersOf(isIpv4) == 0 && AnswersOf(!isIpv4) > 0;

    /// <summary>Says whether the cycle is over: all have answered, enough have, or the time has come.</summary>
    public bool IsOver(Instant now) => now >= _end || Array.TrueForAll(_answered, answered => answered);

    /// <summary>Takes the servers that are to be asked now.</summary>
    public List<StunServerAddress> TakeDue(Instant now)
    {
        List<StunServerAddress> due = [];
        for (int i = 0; i < _tries.Length; i++)
        {
            ProbeSet set = plan.Sets[i];
            if (_answered[i] || _tries[i] >= set.Tries.Count || now - start < set.Tries[_tries[i]]) continue;
            _tries[i]++;
            due.Add(set.Server);
        }

        return due;
    }

    /// <summary>A server has answered.</summary>
    public void HandleAnswer(StunServerAddress server, TimeSpan rtt, Instant now)
    {
        for (int i = 0; i < _answered.Length; i++)
        {
            if (plan.Sets[i].Server == server) _answered[i] = true;
        }

        _regions.Add(server.RegionId);
        if (rtt > _slowest) _slowest = rtt;
        if (!WaitsForAll && IsEnough()) _end = Instant.Min(_end, now + (plan.IsFull ? 2 * _slowest : _slowest));
    }

    private bool IsEnough()
    {
        int enough = Math.Min(EnoughRegions, regionsLastTime > 0 ? Math.Min(regionsLastTime, plan.Regions) : plan.Regions);
        return _regions.Count >= enough && IsFamilyTold(isIpv4: true) && IsFamilyTold(isIpv4: false);
    }

    /// <summary>A family in which nobody answers is not waited for.</summary>
    private bool IsFamilyTold(bool isIpv4) =>
        AnswersOf(isIpv4) is var answers && (answers == 0 || answers >= Math.Min(EnoughServersOfFamily, plan.Sets.Count(set => set.Server.Address.IsIpv4 == isIpv4)));

    private int AnswersOf(bool isIpv4)
    {
        int answers = 0;
        for (int i = 0; i < _answered.Length; i++)
        {
            if (_answered[i] && plan.Sets[i].Server.Address.IsIpv4 == isIpv4) answers++;
        }

        return answers;
    }
}
