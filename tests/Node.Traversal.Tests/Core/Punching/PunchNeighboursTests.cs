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
        Assert.False(Neighbours.TryGiveWay(Birthday, now)); // Whose key is the lower one: it has waited, and goes.
    }

    [Fact]
    public void A_liar_that_begins_whenever_we_do_puts_us_off_no_longer_and_has_us_offer_little()
    {
        int offers = 0;
        Instant now = Start;
        for (bool isPutOff = true; isPutOff; now += TimeSpan.FromSeconds(1))
        {
            Tell(0, isOver: true, now, Lower);
            Assert.InRange(now - Start, TimeSpan.Zero, PunchNeighbours.MostPatience + TimeSpan.FromSeconds(2));
            if (SizeAt(now) == 0) continue;

            offers++;
            Assert.True(Neighbours.TryTake(Far, Birthday, now));
            Tell(PunchPlanner.MostAtOnce, isOver: false, now, Lower);
            isPutOff = Neighbours.TryGiveWay(Birthday, now);
            if (isPutOff) Neighbours.Return(Far, Router, opened: 0, now);
        }

        Assert.InRange(offers, 1, 5); // The far end takes part in eight at once, and then in few.
    }

    [Fact]
    public void The_next_punch_of_ours_waits_its_own_turn()
    {
        Instant now = Start;
        for (; SizeAt(now) == 0 || now == Start; now += TimeSpan.FromSeconds(1)) Tell(PunchPlanner.MostAtOnce, isOver: false, now);
        Neighbours.TryTake(Far, Birthday, now);
        Neighbours.HandleRun();
        Neighbours.Return(Far, Router, opened: 0, now);

        Assert.Equal(0, SizeAt(now));
    }

    [Fact]
    public void Who_was_put_off_once_and_has_wanted_nothing_since_has_not_waited()
    {
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start);
        Assert.Equal(0, SizeAt(Start));
        Instant later = Start + TimeSpan.FromHours(1);
        Tell(PunchPlanner.MostAtOnce, isOver: false, later);

        Assert.Equal(0, SizeAt(later));
    }

    [Fact]
    public void After_a_tie_that_is_lost_the_winners_end_is_the_start_of_our_turn()
    {
        Neighbours.TryTake(Far, Birthday, Start);
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start, Lower);
        Assert.True(Neighbours.TryGiveWay(Birthday, Start));
        Neighbours.Return(Far, Router, opened: 0, Start);
        Assert.Equal(0, SizeAt(Start));

        Tell(64, isOver: true, Start + TimeSpan.FromSeconds(1), Lower); // It has met its peer at once.

        Assert.Equal(PunchPlanner.MostAtOnce - 64, SizeAt(Start + TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Of_three_that_begin_at_once_the_last_gives_way_to_both_together()
    {
        PunchStrategy half = Birthday with { Stages = [PunchBudget.LeastSize] };
        NodeKey[] lower = [.. LowerKeys.Take(2)];
        Neighbours.TryTake(Far, half, Start);
        Tell(PunchBudget.LeastSize, isOver: false, Start, lower[0]);
        Assert.False(Neighbours.TryGiveWay(half, Start));

        Tell(PunchBudget.LeastSize, isOver: false, Start, lower[1]);

        Assert.True(Neighbours.TryGiveWay(half, Start));
    }

    [Fact]
    public void Of_two_that_begin_at_once_the_lower_key_goes_first()
    {
        Neighbours.TryTake(Far, Birthday, Start);
        Tell(PunchPlanner.MostAtOnce, isOver: false, Start);

        Assert.Equal(!_context.Precedes(Neighbour), Neighbours.TryGiveWay(Birthday, Start));
        Assert.False(Neighbours.TryGiveWay(new PunchStrategy(PunchingMethod.FreshPorts, 1), Start));
    }

    private int SizeAt(Instant now) => Neighbours.SizeFor(Far, Router, ushort.MaxValue, now);

    private IEnumerable<NodeKey> LowerKeys => Enumerable.Range(2, 100).Select(seed => Keys((byte)seed).PublicKey).Where(key => !_context.Precedes(key) && key != Far);

    private NodeKey Lower => LowerKeys.First();

    private void Tell(int size, bool isOver, Instant now, NodeKey? neighbour = null) => Neighbours.HandleNotice(neighbour ?? Neighbour, new PunchingPlan
    {
        Sender = neighbour ?? Neighbour,
        Receiver = _context.OwnKey,
        Counter = 1,
        Step = PunchingStep.Notice,
        Round = 0,
        Method = PunchingMethod.Birthday,
        Size = size,
        IsOver = isOver,
    }, now);
}
