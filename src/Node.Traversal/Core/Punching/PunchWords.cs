using Addresses;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>What a plan of ours says besides whom it is from and for: where this end's packets come from, or will.</summary>
/// <param name="Step">Which of the steps of an agreement.</param>
/// <param name="Method">What is agreed on.</param>
internal sealed record PunchWords(PunchingStep Step, PunchingMethod Method)
{
    /// <summary>The most ports of a window: with more, the NAT is too busy for its sequence to tell anything.</summary>
    public const int LongestWindow = 64;

    public IReadOnlyList<TransportAddress> Addresses { get; init; } = [];

    public int FirstPort { get; init; }

    public int PortStep { get; init; }

    public int PortCount { get; init; }

    /// <summary>Says that the punch of a notice is over, or, with a refusal, that this end's part has failed.</summary>
    public bool IsOver { get; init; }

    /// <summary>How long the plan that this answers was kept.</summary>
    public TimeSpan HeldFor { get; init; }

    /// <summary>What the other end must know of this one.</summary>
    /// <param name="step">The step.</param>
    /// <param name="method">The method.</param>
    /// <param name="own">How STUN sees the node's own port.</param>
    /// <param name="sampler">The ports of a new socket, where they were asked for.</param>
    /// <param name="portStep">From one port that our NAT gives to the next; not 0 where a method foretells ports and they were sampled.</param>
    public static PunchWords Of(PunchingStep step, PunchingMethod method, TransportAddress own, PortSampler? sampler, int portStep)
    {
        PunchWords words = new(step, method) { Addresses = [own] };
        if (sampler is not { IsDone: true }) return words;
        return method switch
        {
            PunchingMethod.FreshPorts => words with { Addresses = [sampler.First] },
            PunchingMethod.Sequence => words with
            {
                Addresses = [sampler.Last],
                FirstPort = sampler.Last.Port + portStep,
                PortStep = portStep,
                PortCount = PunchPlanner.SequenceLength,
            },
            _ => words with
            {
                Addresses = [sampler.First],
                FirstPort = sampler.First.Port + portStep,
                PortStep = portStep,
                PortCount = sampler.Second.IsValid && (sampler.Second.Port - sampler.First.Port) / portStep - 1 is > 0 and <= LongestWindow and int between ? between : LongestWindow / 4,
            },
        };
    }

    /// <summary>Says it to the peer, by relay.</summary>
    /// <param name="context">The node.</param>
    /// <param name="peer">The peer.</param>
    /// <param name="round">The round it is about.</param>
    /// <param name="strategy">What is being tried.</param>
    /// <param name="size">How many mappings our router may bear.</param>
    /// <param name="now">The present.</param>
    public void Say(NodeContext context, PeerSession peer, long round, PunchStrategy strategy, int size, Instant now) => peer.SendRelayed(
        new PunchingPlan
        {
            Sender = context.OwnKey,
            Receiver = peer.Key,
            Counter = context.NextPlanCounter++,
            Step = Step,
            Round = round,
            Method = Method,
            IsSenderHard = strategy.IsHardHere,
            Size = size,
            Addresses = [.. Addresses.Where(address => address.IsValid)],
            FirstPort = FirstPort is > 0 and <= ushort.MaxValue ? (ushort)FirstPort : (ushort)0,
            PortStep = (short)PortStep,
            PortCount = PortCount,
            HeldFor = HeldFor,
            OpenerHops = strategy.OpenerHops,
            IsOver = IsOver,
        }.ToMessage(),
        now);
}
