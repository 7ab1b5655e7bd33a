using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>What this end makes of a round that the peer offers.</summary>
/// <param name="Strategy">This end's part in it; <see cref="PunchStrategy.None"/> where it means nothing for these two NATs.</param>
/// <param name="Size">How many mappings at either router both ends can spare; 0 = none at present.</param>
/// <param name="IsSame">Says that both ends see the pair alike; else one of them does not know yet what the other's NAT is.</param>
internal readonly record struct OfferedPunch(PunchStrategy Strategy, int Size, bool IsSame)
{
    /// <summary>Says that this end can take part.</summary>
    public bool CanBe => IsSame && Strategy.Method != PunchingMethod.None && Size > 0;

    /// <summary>Judges an offer.</summary>
    /// <param name="plan">The offer.</param>
    /// <param name="own">Our NAT.</param>
    /// <param name="peer">The peer's.</param>
    /// <param name="spare">How many mappings may be made at either router for a punch of that strategy, as this end knows.</param>
    public static OfferedPunch Of(PunchingPlan plan, NatProfile own, NatProfile peer, Func<PunchStrategy, int> spare)
    {
        PunchStrategy strategy = PunchPlanner.For(plan, own, peer, PunchPlanner.MostAtOnce);
        bool isSame = strategy.Method == plan.Method && (!strategy.IsOneSided || strategy.IsHardHere != plan.IsSenderHard);
        int size = strategy.IsHardPunch ? Math.Min(plan.Size, spare(strategy)) : PunchPlanner.MostAtOnce;
        return new OfferedPunch(PunchPlanner.For(plan, own, peer, size), size, isSame); // Of what both can spare.
    }
}
