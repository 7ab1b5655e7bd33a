using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>Chooses from two NAT profiles what may make a hole where mutual checks have not.</summary>
internal static class PunchPlanner
{
    /// <summary>The last stage: with 64 512 ports to choose from, 504 sockets and 504 ports meet in 98 of 100 attempts, and leave room for the usual checks.</summary>
    public const int MostAtOnce = PunchBudget.MaxUnanswered - PunchBudget.Reserve;

    /// <summary>Odds below this are not worth the load on the routers.</summary>
    public const double LeastOdds = 0.3;

    /// <summary>Ports taken where a sequence is predicted at both ends: what the NATs give to others meanwhile must fit in.</summary>
    public const int SequenceLength = 16;

    /// <summary>Which of these, from 0, the other end sends to: so many may others take meanwhile, and three the NAT may fall behind.</summary>
    public const int SequenceAim = 12;

    /// <summary>After so many failures of a prediction, chance and prediction are tried by turns: it may have been but the asking for ports that has failed.</summary>
    private const int Predictions = 2;

    private const int FirstStage = 64;
    private const int SmallestStage = 16;
    private const double GoodEnough = 0.98;

    /// <summary>What to try, with at most <paramref name="size"/> new mappings at either router.</summary>
    public static PunchStrategy Choose(NatProfile own, NatProfile peer, int size = MostAtOnce)
    {
        if (own.Udp == UdpReach.Blocked || peer.Udp == UdpReach.Blocked) return PunchStrategy.None;
        if (own.IsHard && peer.IsHard) return ChooseForTwo(own, peer, size);

        // A mapping that is not known may be hard: hundreds of mappings are not bet on its being easy.
        bool isGuess = own.Mapping == NatMapping.Unknown || peer.Mapping == NatMapping.Unknown;
        if (isGuess || (!own.IsHard && !peer.IsHard)) return new PunchStrategy(PunchingMethod.FreshPorts, 1);

        NatProfile hard = own.IsHard ? own : peer;
        NatProfile easy = own.IsHard ? peer : own;
        if (LetsStrangersIn(hard) || easy.Filtering is NatFiltering.EndpointIndependent or NatFiltering.AddressDependent) return new PunchStrategy(PunchingMethod.FreshPorts, 1) { IsHardHere = own.IsHard };
        if (IsSequential(hard)) return new PunchStrategy(PunchingMethod.Window, 1) { IsHardHere = own.IsHard };
        return Birthday(hard.PortRange, size) with { IsHardHere = own.IsHard };
    }

    /// <summary>As <see cref="Choose"/>, after so many failures: where prediction has failed, chance, and where that could do nothing, the prediction again.</summary>
    public static PunchStrategy ChooseAfter(int failures, NatProfile own, NatProfile peer, int size) =>
        failures >= Predictions && failures % 2 == 0 && ChooseWithoutPrediction(own, peer, size) is { Method: not PunchingMethod.None } other ? other : Choose(own, peer, size);

    /// <summary>How a hard NAT chooses ports is worth a moment, where it is not known yet: foretelling them takes a handful of mappings, and chance hundreds.</summary>
    public static bool IsWorthAwaiting(NatProfile profile) => profile.IsHard && profile.Allocation == NatPortAllocation.Unknown;

    /// <summary>The strategy for what the peer has proposed; None where it means nothing for these two NATs.</summary>
    public static PunchStrategy For(PunchingPlan plan, NatProfile own, NatProfile peer, int size)
    {
        PunchStrategy strategy = For(plan.Method, own, peer, size);
        return strategy.IsEither ? strategy with { IsHardHere = !plan.IsSenderHard } : strategy;
    }

    /// <summary>The strategy for a method; None where it means nothing for these two NATs.</summary>
    public static PunchStrategy For(PunchingMethod method, NatProfile own, NatProfile peer, int size)
    {
        PunchStrategy strategy = Choose(own, peer, size);
        if (strategy.Method != method) strategy = ChooseWithoutPrediction(own, peer, size);
        return strategy.Method == method ? strategy : PunchStrategy.None;
    }

    private static PunchStrategy ChooseWithoutPrediction(NatProfile own, NatProfile peer, int size) =>
        Choose(own with { Allocation = NatPortAllocation.Unknown }, peer with { Allocation = NatPortAllocation.Unknown }, size);

    /// <summary>
    /// Two hard NATs. Where one lets in every port of an address that was sent to, only its own port must be found: it is as if the other end
    /// were easy, but that all the finding is that end's, and so with all sockets open from the start.
    /// </summary>
    private static PunchStrategy ChooseForTwo(NatProfile own, NatProfile peer, int size)
    {
        if (LetsStrangersIn(own) || LetsStrangersIn(peer)) return new PunchStrategy(PunchingMethod.FreshPorts, 1);
        if (IsSequential(own) && IsSequential(peer)) return new PunchStrategy(PunchingMethod.Sequence, 1);

        PunchStrategy here = MeetAt(own, peer, isOpenHere: true, size), there = MeetAt(peer, own, isOpenHere: false, size);
        PunchStrategy better = (here.Probability >= there.Probability ? here : there) with { IsEither = here.Probability == there.Probability };
        if (better.Method != PunchingMethod.None) return better;

        int sentHere = PortShare.OfPackets(own, size), sentThere = PortShare.OfPackets(peer, size);
        double odds = PunchOdds.BothSides(own.PortRange, peer.PortRange, sentHere, sentThere);
        return odds >= LeastOdds ? new PunchStrategy(PunchingMethod.Blocks, odds) { Stages = [sentHere] } : PunchStrategy.NotWorth(Math.Max(odds, better.Probability));
    }

    /// <summary>One hard NAT opens ports to the other's address, and lets that one's packets in wherever there they come from.</summary>
    private static PunchStrategy MeetAt(NatProfile opens, NatProfile tries, bool isOpenHere, int size)
    {
        if (opens.Filtering != NatFiltering.AddressDependent) return PunchStrategy.None;
        if (IsSequential(opens)) return new PunchStrategy(PunchingMethod.Window, 1) { IsHardHere = isOpenHere };
        for (int stage = SmallestStage; ; stage *= 2)
        {
            int opened = Math.Min(Math.Min(stage, size), PortShare.Of(opens));
            int tried = Math.Min(PortShare.OfPackets(tries, Math.Min(stage, size)), opens.PortRange);
            double odds = PunchOdds.OneSide(opens.PortRange, opened, tried);
            if (stage < size && odds < GoodEnough) continue;
            return odds >= LeastOdds ? new PunchStrategy(PunchingMethod.Birthday, odds) { IsHardHere = isOpenHere, Stages = [isOpenHere ? opened : tried], PeerStages = [isOpenHere ? tried : opened] } : PunchStrategy.NotWorth(odds);
        }
    }

    /// <summary>Equal numbers at both ends, doubled until it is likely enough: the sum for given odds is least where both are equal.</summary>
    private static PunchStrategy Birthday(int range, int size)
    {
        List<int> stages = [];
        int stage = Math.Clamp(range / SmallestStage, SmallestStage, FirstStage);
        while (true)
        {
            stages.Add(Math.Min(stage, size));
            double odds = PunchOdds.OneSide(range, stages[^1], stages[^1]);
            if (stage >= size || odds >= GoodEnough) return odds >= LeastOdds ? new PunchStrategy(PunchingMethod.Birthday, odds) { Stages = stages, PeerStages = stages } : PunchStrategy.NotWorth(odds);
            stage *= 2;
        }
    }

    private static bool LetsStrangersIn(NatProfile profile) => profile.Filtering == NatFiltering.EndpointIndependent;

    private static bool IsSequential(NatProfile profile) => profile.Allocation == NatPortAllocation.Sequential && profile.PortStep != 0;
}
