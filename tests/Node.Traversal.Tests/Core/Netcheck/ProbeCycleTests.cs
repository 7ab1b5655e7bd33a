using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class ProbeCycleTests
{
    [Fact]
    public void It_is_over_soon_after_three_regions_have_answered()
    {
        ProbeCycle cycle = Begin(regions: 5);
        Answer(cycle, 1, 20);
        Answer(cycle, 2, 40);
        Assert.Equal(Start + Milliseconds(200), cycle.NextTimeout);

        Answer(cycle, 3, 60);

        Assert.Equal(Start + Milliseconds(180), cycle.NextTimeout); // Twice the slowest of them, for a full plan.
        Assert.False(cycle.IsOver(Start + Milliseconds(179)));
        Assert.True(cycle.IsOver(Start + Milliseconds(180)));
    }

    [Fact]
    public void It_is_over_at_once_when_all_have_answered()
    {
        ProbeCycle cycle = Begin(regions: 2);
        Answer(cycle, 1, 20);
        Answer(cycle, 2, 40);

        Assert.True(cycle.IsOver(Start + Milliseconds(40)));
    }

    [Fact]
    public void Where_fewer_regions_answered_last_time_fewer_are_enough()
    {
        ProbeCycle cycle = Begin(regions: 5, regionsLastTime: 2);
        Answer(cycle, 1, 20);
        Answer(cycle, 2, 40);

        Assert.Equal(Start + Milliseconds(120), cycle.NextTimeout);
    }

    [Fact]
    public void A_family_with_one_answer_of_several_servers_is_waited_for()
    {
        StunServerAddress[] servers = [Server(1), Server(2), Server(3), Server6(1), Server6(2)];
        ProbeCycle cycle = new(ProbePlan.Full(new ProbeKnowledge(servers)), Start, 0);
        cycle.TakeDue(Start);
        for (int region = 1; region <= 3; region++) Answer(cycle, region, 10);
        Assert.Equal(Start + Milliseconds(30), cycle.NextTimeout); // Nobody has answered over IPv6: it is not waited for.

        cycle.HandleAnswer(Server6(1), Milliseconds(20), Start + Milliseconds(20));

        Assert.Equal(Start + Milliseconds(30), cycle.NextTimeout); // The end stays where it was.
    }

    [Fact]
    public void One_address_of_a_NAT_is_not_enough_to_tell_it()
    {
        ProbeCycle cycle = new(ProbePlan.Full(new ProbeKnowledge([Server(1), new StunServerAddress(1, Address("203.0.113.200:3478"))])), Start, 0);
        cycle.TakeDue(Start);

        Answer(cycle, 1, 10);

        Assert.Equal(Start + Milliseconds(200), cycle.NextTimeout); // The other server's next try.
    }

    [Fact]
    public void The_silent_are_asked_at_the_times_of_the_plan_and_the_others_no_more()
    {
        ProbeCycle cycle = Begin(regions: 2);
        Answer(cycle, 1, 20);

        Assert.Empty(cycle.TakeDue(Start + Milliseconds(199)));
        Assert.Equal([Server(2)], cycle.TakeDue(Start + Milliseconds(200)));
        Assert.Equal([Server(2)], cycle.TakeDue(Start + Milliseconds(600)));
        Assert.Equal(Start + Milliseconds(1500), cycle.NextTimeout);
        Assert.True(cycle.IsOver(Start + Milliseconds(1500)));
        Assert.Equal(1, cycle.Regions);
    }

    [Fact]
    public void A_family_is_silent_only_where_the_other_is_not()
    {
        ProbeCycle cycle = new(ProbePlan.Full(new ProbeKnowledge([Server(1), Server6(1)])), Start, 0);
        Assert.False(cycle.IsSilentInOne(isIpv4: false));

        Answer(cycle, 1, 10);

        Assert.True(cycle.IsSilentInOne(isIpv4: false));
        Assert.False(cycle.IsSilentInOne(isIpv4: true));
    }

    private static ProbeCycle Begin(int regions, int regionsLastTime = 0)
    {
        ProbeCycle cycle = new(ProbePlan.Full(new ProbeKnowledge([.. Enumerable.Range(1, regions).Select(Server)])), Start, regionsLastTime);
        Assert.Equal(regions, cycle.TakeDue(Start).Count);
        return cycle;
    }

    private static void Answer(ProbeCycle cycle, int region, double after) => cycle.HandleAnswer(Server(region), Milliseconds(after), Start + Milliseconds(after));

    private static StunServerAddress Server(int region) => new(region, Address($"203.0.113.{region}:3478"));

    private static StunServerAddress Server6(int region) => new(region, Address($"[2001:db8::{region}]:3478"));
}
