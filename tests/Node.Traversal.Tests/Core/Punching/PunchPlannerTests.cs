using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchPlannerTests
{
    private static readonly NatProfile Easy = new(NatMapping.EndpointIndependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent };
    private static readonly NatProfile Hard = new(NatMapping.AddressAndPortDependent, UdpReach.Works) { Filtering = NatFiltering.AddressAndPortDependent, Allocation = NatPortAllocation.Random };
    private static readonly NatProfile Sequential = Hard with { Allocation = NatPortAllocation.Sequential, PortStep = 2 };

    /// <summary>The published arithmetic, in percent.</summary>
    [Theory]
    [InlineData(64512, 64, 64, 6)]
    [InlineData(64512, 128, 128, 22)]
    [InlineData(64512, 256, 256, 64)]
    [InlineData(64512, 256, 1024, 98.4)]
    [InlineData(64512, 512, 512, 98.3)]
    [InlineData(1024, 64, 64, 98.6)]
    [InlineData(512, 32, 32, 88)]
    public void One_hard_side_meets_as_often_as_the_formula_says(int range, int opened, int tried, double percent) =>
        Assert.Equal(percent, PunchOdds.OneSide(range, opened, tried) * 100, tolerance: 0.6);

    [Theory]
    [InlineData(128, 256, 98)]
    [InlineData(256, 256, 63)]
    [InlineData(512, 512, 63)]
    [InlineData(1024, 512, 22)]
    public void Two_hard_sides_meet_as_often_as_the_formula_says(int block, int sent, double percent) =>
        Assert.Equal(percent, PunchOdds.BothSides(block, block, sent, sent) * 100, tolerance: 0.6);

    [Fact]
    public void A_port_dependent_filter_is_met_by_chance_in_balanced_stages()
    {
        PunchStrategy here = PunchPlanner.Choose(Hard, Easy);
        PunchStrategy there = PunchPlanner.Choose(Easy, Hard);

        Assert.Equal(PunchingMethod.Birthday, here.Method);
        Assert.Equal([64, 128, 256, PunchPlanner.MostAtOnce], here.Stages);
        Assert.True(here.IsHardHere);
        Assert.False(there.IsHardHere);
        Assert.Equal(there.Stages, here.Stages);
        Assert.InRange(here.Probability, 0.975, 0.985);
    }

    [Theory]
    [InlineData(NatFiltering.EndpointIndependent)]
    [InlineData(NatFiltering.AddressDependent)]
    public void Where_the_filter_lets_the_hard_side_in_nothing_is_bet_on(NatFiltering filtering) =>
        Assert.Equal(PunchingMethod.FreshPorts, PunchPlanner.Choose(Hard, Easy with { Filtering = filtering }).Method);

    [Fact]
    public void A_filter_that_is_not_known_is_taken_for_the_closest() =>
        Assert.Equal(PunchingMethod.Birthday, PunchPlanner.Choose(Hard, Easy with { Filtering = NatFiltering.Unknown }).Method);

    [Fact]
    public void A_mapping_of_which_only_the_hardness_is_known_is_taken_for_the_hardest() =>
        Assert.Equal(PunchingMethod.Birthday, PunchPlanner.Choose(new NatProfile(NatMapping.EndpointDependent, UdpReach.Works), Easy).Method);

    [Fact]
    public void Nothing_is_bet_on_a_mapping_that_is_not_known()
    {
        NatProfile unknown = Easy with { Mapping = NatMapping.Unknown };

        Assert.Equal(PunchingMethod.FreshPorts, PunchPlanner.Choose(Hard, unknown).Method);
        Assert.Equal(PunchingMethod.FreshPorts, PunchPlanner.Choose(unknown, Hard).Method);
    }

    [Fact]
    public void A_known_block_takes_few()
    {
        PunchStrategy strategy = PunchPlanner.Choose(Hard with { LowestPort = 20480, HighestPort = 21503 }, Easy);

        Assert.Equal([64], strategy.Stages);
        Assert.InRange(strategy.Probability, 0.98, 0.99);
    }

    [Fact]
    public void Ports_in_sequence_are_foretold_until_that_has_failed()
    {
        Assert.Equal(PunchingMethod.Window, PunchPlanner.Choose(Sequential, Easy).Method);
        Assert.Equal(PunchingMethod.Birthday, PunchPlanner.ChooseAfter(2, Sequential, Easy, PunchPlanner.MostAtOnce).Method);
        Assert.Equal(PunchingMethod.Sequence, PunchPlanner.ChooseAfter(2, Sequential, Sequential, PunchPlanner.MostAtOnce).Method); // There is nothing else.
        Assert.Equal(PunchingMethod.Sequence, PunchPlanner.Choose(Sequential, Sequential).Method);
        Assert.Equal(PunchingMethod.None, PunchPlanner.Choose(Sequential, Hard).Method);
    }

    [Fact]
    public void Two_hard_sides_are_tried_only_where_both_blocks_are_small()
    {
        NatProfile small = Hard with { LowestPort = 20480, HighestPort = 20735 };

        Assert.Equal(PunchingMethod.None, PunchPlanner.Choose(Hard, Hard).Method);
        Assert.Equal(PunchingMethod.None, PunchPlanner.Choose(small, Hard).Method);
        Assert.Equal(PunchingMethod.Blocks, PunchPlanner.Choose(small, small).Method);
    }

    [Fact]
    public void Of_two_hard_sides_one_that_lets_in_every_port_of_an_address_opens_and_the_other_tries()
    {
        NatProfile open = Hard with { Filtering = NatFiltering.AddressDependent };

        PunchStrategy here = PunchPlanner.Choose(open, Hard), there = PunchPlanner.Choose(Hard, open);

        Assert.Equal((PunchingMethod.Birthday, true, false), (here.Method, here.IsHardHere, there.IsHardHere));
        Assert.Equal([PunchPlanner.MostAtOnce], here.Stages); // All at once: its own packets find nothing.
        Assert.InRange(here.Probability, 0.98, 0.985);
        Assert.Equal(here.Probability, there.Probability);
        Assert.Equal(PunchingMethod.Window, PunchPlanner.Choose(Sequential with { Filtering = NatFiltering.AddressDependent }, Hard).Method);
    }

    [Fact]
    public void Where_either_could_open_the_one_that_proposes_does()
    {
        NatProfile open = Hard with { Filtering = NatFiltering.AddressDependent };
        PunchingPlan offer = new() { Sender = default, Receiver = default, Counter = 0, Step = PunchingStep.Offer, Round = 1, Method = PunchingMethod.Birthday, IsSenderHard = PunchPlanner.Choose(open, open).IsHardHere };

        Assert.True(offer.IsSenderHard);
        Assert.False(PunchPlanner.For(offer, open, open, PunchPlanner.MostAtOnce).IsHardHere);
    }

    [Fact]
    public void A_quarter_of_a_small_block_is_left_to_others_and_the_odds_are_those_of_the_rest()
    {
        NatProfile small = Hard with { LowestPort = 20480, HighestPort = 20607 };

        PunchStrategy strategy = PunchPlanner.Choose(small, small);

        Assert.Equal([96], strategy.Stages);
        Assert.InRange(strategy.Probability, 0.42, 0.44);
        Assert.Equal([PunchPlanner.MostAtOnce], PunchPlanner.Choose(small with { Mapping = NatMapping.AddressDependent }, small).Stages); // All from a few ports.
        Assert.InRange(PunchPlanner.Choose(Hard with { Filtering = NatFiltering.AddressDependent }, small).Probability, 0.52, 0.54);
        Assert.True(PunchPlanner.Choose(small, Easy).Stages[^1] <= 96);
    }

    [Fact]
    public void Without_UDP_there_is_nothing_to_try() =>
        Assert.Equal(PunchingMethod.None, PunchPlanner.Choose(Easy with { Udp = UdpReach.Blocked }, Easy).Method);

    [Fact]
    public void What_the_peer_proposes_must_mean_something_here()
    {
        Assert.Equal(PunchingMethod.Birthday, PunchPlanner.For(PunchingMethod.Birthday, Easy, Sequential, 256).Method);
        Assert.Equal(PunchingMethod.None, PunchPlanner.For(PunchingMethod.Birthday, Easy, Easy, 256).Method);
        Assert.Equal([64, 128, 256], PunchPlanner.For(PunchingMethod.Birthday, Easy, Hard, 256).Stages);
    }
}
