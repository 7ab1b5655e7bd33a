using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchBudgetTests
{
    private static readonly NodeKey First = Keys(1).PublicKey;
    private static readonly NodeKey Second = Keys(2).PublicKey;
    private static readonly UInt128 Router = Address("198.18.2.2:0").Bits;

    private readonly PunchBudget _budget = new();

    [Fact]
    public void One_punch_goes_on_at_a_time()
    {
        Assert.True(_budget.TryTake(First));

        Assert.False(_budget.TryTake(Second));
        Assert.Equal(0, _budget.SizeFor(Second, Router, ushort.MaxValue, Start));

        _budget.Return(Second, Router, 0, Start); // Not its to return.
        Assert.False(_budget.TryTake(Second));
        _budget.Return(First, Router, 0, Start);
        Assert.True(_budget.TryTake(Second));
    }

    [Fact]
    public void What_one_punch_has_left_at_our_router_the_next_one_lacks_until_it_expires()
    {
        _budget.TryTake(First);
        _budget.Return(First, Router, 200, Start);

        Assert.Equal(PunchPlanner.MostAtOnce - 200, _budget.SizeFor(Second, Address("203.0.113.1:0").Bits, ushort.MaxValue, Start));
        Assert.Equal(PunchPlanner.MostAtOnce, _budget.SizeFor(Second, Router, ushort.MaxValue, Start + PunchBudget.MappingLifetime));
    }

    [Fact]
    public void Too_little_is_nothing()
    {
        _budget.TryTake(First);
        _budget.Return(First, Router, 300, Start);

        Assert.Equal(0, _budget.SizeFor(First, Router, ushort.MaxValue, Start));
    }

    [Fact]
    public void While_more_than_half_of_what_it_may_take_of_a_small_block_is_taken_there_is_no_other_punch()
    {
        _budget.TryTake(First);
        _budget.Return(First, Router, 49, Start);

        Assert.Equal(0, _budget.SizeFor(First, Router, 96, Start));
        Assert.Equal(PunchPlanner.MostAtOnce - 49, _budget.SizeFor(First, Router, 98, Start));
        Assert.Equal(PunchPlanner.MostAtOnce, _budget.SizeFor(First, Router, 96, Start + PunchBudget.MappingLifetime));
    }

    [Fact]
    public void Another_network_of_ours_does_not_relieve_the_peers_router()
    {
        _budget.TryTake(First);
        _budget.Return(First, Router, 300, Start);

        _budget.HandleNetworkChange();

        Assert.Equal(0, _budget.SizeFor(Second, Router, ushort.MaxValue, Start)); // Behind the same router as the first.
        Assert.Equal(PunchPlanner.MostAtOnce, _budget.SizeFor(Second, Address("203.0.113.1:0").Bits, ushort.MaxValue, Start));
    }
}
