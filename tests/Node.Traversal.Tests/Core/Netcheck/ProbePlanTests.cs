using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class ProbePlanTests
{
    private static readonly Dictionary<int, TimeSpan> Latencies = new() { [1] = Milliseconds(50), [2] = Milliseconds(10), [3] = Milliseconds(30), [4] = Milliseconds(20), [5] = Milliseconds(90) };

    [Fact]
    public void A_full_plan_asks_every_region_in_both_families_three_times()
    {
        ProbePlan plan = ProbePlan.Full(Known(regions: 6));

        Assert.True(plan.IsFull);
        Assert.Equal(6, plan.Regions);
        Assert.Equal(12, plan.Sets.Count);
        Assert.All(plan.Sets, set => Assert.Equal([0, 200, 600], Tries(set)));
        Assert.Equal(Milliseconds(1500), plan.Length);
    }

    [Fact]
    public void A_map_of_one_region_is_asked_of_all_its_servers_so_that_the_NAT_shows()
    {
        StunServerAddress[] servers = [Server(900, 1), Server(900, 2), Server(900, 3)];

        Assert.Equal(servers, ProbePlan.Full(new ProbeKnowledge(servers)).Sets.Select(set => set.Server));
        Assert.Equal(servers, ProbePlan.Incremental(new ProbeKnowledge(servers)).Sets.Select(set => set.Server));
    }

    [Fact]
    public void An_incremental_plan_asks_the_nearest_three_and_home_as_hard_as_each_deserves()
    {
        ProbePlan plan = ProbePlan.Incremental(Known(regions: 6) with { HomeRegion = 5 });

        Assert.False(plan.IsFull);
        Assert.Equal([0, 12], Tries(Of(plan, 2, isIpv4: true)));
        Assert.Equal([0, 12], Tries(Of(plan, 2, isIpv4: false)));
        Assert.Equal([0, 24], Tries(Of(plan, 4, isIpv4: true)));
        Assert.Equal([0, 24], Tries(Of(plan, 4, isIpv4: false)));
        Assert.Equal([0], Tries(Of(plan, 3, isIpv4: true))); // The third: the families take turns.
        Assert.DoesNotContain(plan.Sets, set => set.Server.RegionId == 3 && set.Server.Address.IsIpv6);
        Assert.Equal([0, 108, 316, 474], Tries(Of(plan, 5, isIpv4: true))); // n · 1.2 · 90 ms, and n · 50 ms from the second retry on.
        Assert.Equal(4, Tries(Of(plan, 5, isIpv4: false)).Length);
        Assert.DoesNotContain(plan.Sets, set => set.Server.RegionId is 1 or 6);
    }

    [Fact]
    public void A_family_in_which_nobody_answered_is_only_tried_where_an_answer_is_surest()
    {
        ProbePlan plan = ProbePlan.Incremental(Known(regions: 6) with { HomeRegion = 5, HasSeenIpv6 = false });

        ProbeSet[] ipv6 = [.. plan.Sets.Where(set => set.Server.Address.IsIpv6)];
        Assert.Equal([2, 4, 5], ipv6.Select(set => set.Server.RegionId).Order());
        Assert.All(ipv6, set => Assert.Single(set.Tries));
    }

    [Fact]
    public void Where_one_family_is_all_there_is_it_has_every_turn()
    {
        ProbeKnowledge known = Known(regions: 6);

        ProbePlan plan = ProbePlan.Incremental(known with { Servers = [.. known.Servers.Where(server => server.Address.IsIpv6)] });

        Assert.Equal([2, 3, 4], plan.Sets.Select(set => set.Server.RegionId).Order());
    }

    [Fact]
    public void A_slow_home_is_not_asked_when_it_could_not_answer_in_time()
    {
        ProbePlan plan = ProbePlan.Incremental(new ProbeKnowledge([Server(900, 1)]) { HomeRegion = 900, LatencyOf = _ => TimeSpan.FromSeconds(1) });

        Assert.Equal([0, 1200], Tries(plan.Sets[0]));
        Assert.Equal(Milliseconds(2100), plan.Length);
    }

    [Fact]
    public void Servers_of_a_region_take_turns()
    {
        StunServerAddress[] servers = [.. Enumerable.Range(1, 5).SelectMany(region => new[] { Server(region, 1), Server(region, 2) })];

        ProbePlan even = ProbePlan.Full(new ProbeKnowledge(servers) { Turn = 2 });
        ProbePlan odd = ProbePlan.Full(new ProbeKnowledge(servers) { Turn = 3 });

        Assert.All(even.Sets, set => Assert.Equal(Server(set.Server.RegionId, 1), set.Server));
        Assert.All(odd.Sets, set => Assert.Equal(Server(set.Server.RegionId, 2), set.Server));
    }

    [Fact]
    public void A_region_that_may_not_be_home_serves_only_to_tell_the_NAT()
    {
        StunServerAddress[] servers = [Server(1, 1), Server(2, 1), Server(3, 1)];
        ProbeKnowledge known = new(servers) { MayBeHome = region => region == 3 };
        Assert.Equal([3, 1, 2], ProbePlan.Full(known).Sets.Select(set => set.Server.RegionId));

        StunServerAddress[] many = [.. servers, .. Enumerable.Range(4, 4).Select(region => Server(region, 1))];
        Assert.DoesNotContain(ProbePlan.Full(new ProbeKnowledge(many) { MayBeHome = region => region > 2 }).Sets, set => set.Server.RegionId is 1 or 2);
    }

    [Fact]
    public void No_map_makes_a_plan_longer_than_the_limit()
    {
        ProbeKnowledge known = Known(regions: 200);

        Assert.InRange(ProbePlan.Full(known).Sets.Count, ProbePlan.RegionsInTurn, ProbePlan.MaxSets);
        Assert.InRange(ProbePlan.Incremental(known).Sets.Count, 1, 8);
        Assert.Empty(ProbePlan.Full(new ProbeKnowledge([])).Sets);
    }

    [Fact]
    public void Of_a_large_map_the_nearest_and_home_are_in_every_full_plan_and_all_others_take_their_turn()
    {
        ProbeKnowledge known = Known(regions: 500) with { HomeRegion = 333 };
        int cycles = ProbePlan.FullCyclesFor(known);
        Assert.Equal(14, cycles);

        HashSet<int> asked = [];
        for (int turn = 7; turn < 7 + cycles; turn++) // From wherever the turn is.
        {
            ProbePlan plan = ProbePlan.Full(known with { FullTurn = turn });
            Assert.InRange(plan.Sets.Count, 1, ProbePlan.MaxSets);
            Assert.All(Latencies.Keys.Append(333), region => Assert.Equal(2, plan.Sets.Count(set => set.Server.RegionId == region)));
            asked.UnionWith(plan.Sets.Select(set => set.Server.RegionId));
        }

        Assert.Equal(500, asked.Count);
    }

    [Fact]
    public void A_region_in_turn_is_asked_in_the_family_that_answers_or_in_the_only_one_it_has()
    {
        ProbeKnowledge known = Known(regions: 200);
        StunServerAddress onlyIpv4 = Server(201, 1);

        Assert.Contains(ProbePlan.Full(known with { FullTurn = 1 }).Sets, set => set.Server.RegionId == 60 && set.Server.Address.IsIpv4);
        Assert.Contains(ProbePlan.Full(known with { FullTurn = 1, HasSeenIpv4 = false }).Sets, set => set.Server.RegionId == 60 && set.Server.Address.IsIpv6);
        Assert.Contains(ProbePlan.Full(known with { FullTurn = 5, HasSeenIpv4 = false, Servers = [.. known.Servers, onlyIpv4] }).Sets, set => set.Server == onlyIpv4);
    }

    [Fact]
    public void A_map_that_fits_is_asked_as_a_whole_every_time() => Assert.Equal(1, ProbePlan.FullCyclesFor(Known(regions: 32)));

    private static ProbeKnowledge Known(int regions) =>
        new([.. Enumerable.Range(1, regions).SelectMany(region => new[] { Server(region, 1), new StunServerAddress(region, Address($"[2001:db8:{region:x}::1]:3478")) })])
        {
            LatencyOf = region => Latencies.TryGetValue(region, out TimeSpan latency) ? latency : null,
        };

    private static StunServerAddress Server(int region, int number) => new(region, Address($"203.0.{region % 250}.{number}:3478"));

    private static ProbeSet Of(ProbePlan plan, int region, bool isIpv4) => plan.Sets.Single(set => set.Server.RegionId == region && set.Server.Address.IsIpv4 == isIpv4);

    private static double[] Tries(ProbeSet set) => [.. set.Tries.Select(at => Math.Round(at.TotalMilliseconds))];
}
