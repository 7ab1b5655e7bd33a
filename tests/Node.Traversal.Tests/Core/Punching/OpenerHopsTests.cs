using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Relay.Protocol.Disco;

namespace Node.Traversal.Tests.Core.Punching;

public class OpenerHopsTests
{
    private static readonly NatProfile Easy = new(NatMapping.EndpointIndependent, UdpReach.Works);
    private static readonly NatProfile Hard = new(NatMapping.AddressAndPortDependent, UdpReach.Works);

    [Fact]
    public void Each_attempt_goes_another_distance_beyond_the_routers_of_its_own_side()
    {
        Assert.Equal([4, 2, 3, 4], AfterEach(PunchingMethod.FreshPorts, Easy, 4));
        Assert.Equal([4, 3, 4, 3], AfterEach(PunchingMethod.FreshPorts, Easy with { IsNested = true }, 4));
    }

    [Fact]
    public void What_may_have_failed_by_chance_is_tried_twice_with_each() => Assert.Equal([4, 4, 2, 2, 3, 3, 4], AfterEach(PunchingMethod.Blocks, Hard, 7));

    [Fact]
    public void Where_one_end_sends_openers_alone_the_next_go_beyond_a_far_nat_of_a_carrier()
    {
        Assert.Equal([4, 8, 3, 2, 4], AfterEach(PunchingMethod.Birthday, Hard, 5));
        Assert.Equal([4, 8, 3, 4], AfterEach(PunchingMethod.Birthday, Hard with { IsNested = true }, 4));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(2, 2)]
    [InlineData(8, 8)]
    [InlineData(9, 4)]
    [InlineData(255, 4)]
    public void A_peer_asks_for_no_more_hops_than_are_ever_right(int asked, int done) => Assert.Equal(done, OpenerHops.Of(Plan(asked)));

    private static IEnumerable<int> AfterEach(PunchingMethod method, NatProfile own, int count) =>
        Enumerable.Range(0, count).Select(failures => (int)OpenerHops.After(failures, new PunchStrategy(method, 1), own, Easy));

    private static PunchingPlan Plan(int hops) => new()
    {
        Sender = new NodeKey(Enumerable.Repeat((byte)1, NodeKey.Length).ToArray()),
        Receiver = new NodeKey(Enumerable.Repeat((byte)2, NodeKey.Length).ToArray()),
        Counter = 0,
        Step = PunchingStep.Offer,
        Round = 1,
        Method = PunchingMethod.FreshPorts,
        OpenerHops = hops,
    };
}
