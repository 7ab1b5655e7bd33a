using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>What two NAT profiles leave to try.</summary>
/// <param name="Method">How; None where nothing could succeed.</param>
/// <param name="Probability">How likely it succeeds, 0 to 1, where nothing is lost, nobody else asks the NATs for ports, and none within these gives fewer.</param>
internal sealed record PunchStrategy(PunchingMethod Method, double Probability)
{
    /// <summary>Says that ours is the NAT whose ports are not known: we open the sockets, and the peer tries the ports.</summary>
    public bool IsHardHere { get; init; }

    /// <summary>Says that either end could open the sockets: the one that proposes decides.</summary>
    public bool IsEither { get; init; }

    /// <summary>This end's sockets or ports, stage by stage, each stage keeping those before; empty where they are few.</summary>
    public IReadOnlyList<int> Stages { get; init; } = [];

    /// <summary>The other end's.</summary>
    public IReadOnlyList<int> PeerStages { get; init; } = [];

    /// <summary>How many hops the openers of both ends go.</summary>
    public byte OpenerHops { get; init; } = Punching.OpenerHops.Usual;

    /// <summary>Says that this loads routers: one at a time, and within the budget.</summary>
    public bool IsHardPunch => Method is PunchingMethod.Birthday or PunchingMethod.Window or PunchingMethod.Sequence or PunchingMethod.Blocks;

    /// <summary>Says that the two ends do not do the same.</summary>
    public bool IsOneSided => Method is PunchingMethod.Birthday or PunchingMethod.Window;

    /// <summary>Says that this end samples a window: the hard one, once it knows where to send.</summary>
    public bool IsSampledHere => IsHardHere && Method == PunchingMethod.Window;

    /// <summary>The most mappings it makes at this end's router.</summary>
    public int MostMappings => Method switch
    {
        PunchingMethod.Window => PunchWords.LongestWindow,
        PunchingMethod.Sequence => PunchPlanner.SequenceLength,
        _ => Stages.Count > 0 ? Stages[^1] : 1,
    };

    /// <summary>Nothing to try.</summary>
    public static PunchStrategy None { get; } = new(PunchingMethod.None, 0);

    /// <summary>Nothing to try, for what there is would succeed that seldom.</summary>
    public static PunchStrategy NotWorth(double odds) => new(PunchingMethod.None, odds);
}
