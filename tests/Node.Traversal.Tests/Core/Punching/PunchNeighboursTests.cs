using Node.Traversal.Core;
using Node.Traversal.Core.Punching;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchNeighboursTests
{
    private static readonly NodeKey Far = Keys(9).PublicKey;
    private static readonly NodeKey Neighbour = Keys(2).PublicKey;
    private static readonly UInt128 Router = Address("198.18.2.2:0").Bits;
    private static readonly PunchStrategy Birthday = new(PunchingMethod.Birthday, 0.98) { Stages = [64, PunchPlanner.MostAtOnce] };

    private readonly NodeContext _context = Context(1, Map(900));

    private PunchNeighbours Neighbours => _context.Neighbours;

    [Fact]
    public void A_neighbours_punch_puts_ours_off_until_what_it_has_made_expires()
    {
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start);
        Assert.Equal(0, SizeAt(Start));

        Instant over = Start + TimeSpan.FromSeconds(6);
        Tell(400, isOver: true, over);

        Assert.Equal(0, SizeAt(over));
        Assert.Equal(PunchPlanner.MostAtOnce, SizeAt(over + PunchBudget.MappingLifetime));
    }

    [Fact]
    public void A_neighbour_that_has_made_few_leaves_room()
    {
        Tell(100, isOver: true, Start);

        Assert.Equal(PunchPlanner.MostAtOnce - 100, SizeAt(Start));
    }

    [Fact]
    public void A_neighbour_that_goes_without_a_word_is_waited_for_no_longer_than_its_mappings_live()
    {
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start);

        Assert.Equal(PunchPlanner.MostAtOnce, SizeAt(Start + PunchNeighbours.LongestPunch + PunchBudget.MappingLifetime));
    }

    [Fact]
    public void A_liar_puts_a_punch_off_no_longer_than_two_turns_take()
    {
        Instant now = Start;
        int size = 0;
        for (; size == 0; now += TimeSpan.FromSeconds(1))
        {
            Tell(ushort.MaxValue, isOver: false, now);
            size = SizeAt(now);
        }

        Assert.Equal(PunchPlanner.MostAtOnce, size);
        Assert.InRange(now - Start, TimeSpan.Zero, PunchNeighbours.MostPatience + TimeSpan.FromSeconds(2));
        Assert.True(Neighbours.TryTake(Far, Birthday, now));
        Assert.False(Neighbours.MustGiveWay(Birthday, now)); // Whose key is the lower one: it has waited, and goes.
    }

    [Fact]
    public void Of_two_that_begin_at_once_the_lower_key_goes_first()
    {
        Neighbours.TryTake(Far, Birthday, Start);
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start);

        Assert.Equal(!_context.Precedes(Neighbour), Neighbours.MustGiveWay(Birthday, Start));
        Assert.False(Neighbours.MustGiveWay(new PunchStrategy(PunchingMethod.FreshPorts, 1), Start));
    }

    private int SizeAt(Instant now) => Neighbours.SizeFor(Far, Router, ushort.MaxValue, now);

    private void Tell(int size, bool isOver, Instant now) => Neighbours.HandleNotice(Neighbour, new PunchingPlan
    {
        Sender = Neighbour,
        Receiver = _context.OwnKey,
        Counter = 1,
        Step = PunchingStep.Notice,
        Round = 0,
        Method = PunchingMethod.Birthday,
        Size = size,
        IsOver = isOver,
    }, now);
}
