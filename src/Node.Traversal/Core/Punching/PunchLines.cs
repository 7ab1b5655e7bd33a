using Addresses;
using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>Which sockets and which of the peer's ports the lines of a round have, one after the other.</summary>
internal sealed class PunchLines
{
    private readonly Func<int, PairId> _lines;

    private PunchLines(PunchSchedule schedule, Func<int, PairId> lines)
    {
        Schedule = schedule;
        _lines = lines;
    }

    /// <summary>When they are opened.</summary>
    public PunchSchedule Schedule { get; }

    /// <summary>The line at that index, from 0 to the schedule's total.</summary>
    public PairId this[int index] => _lines(index);

    /// <summary>The lines of a strategy at this end; null where it lacks what it needs.</summary>
    /// <param name="strategy">What was agreed on.</param>
    /// <param name="theirs">The other end's last plan.</param>
    /// <param name="target">Where that plan has us send.</param>
    /// <param name="peer">The other end's NAT.</param>
    /// <param name="sockets">This end's sockets.</param>
    /// <param name="sampler">The socket whose ports were asked for; null = none was.</param>
    /// <param name="entropy">Draws the ports.</param>
    public static PunchLines? For(PunchStrategy strategy, PunchingPlan theirs, TransportAddress target, NatProfile peer, PunchSockets sockets, PortSampler? sampler, EntropySource entropy)
    {
        if (!target.IsValid) return null;
        switch (strategy.Method)
        {
            case PunchingMethod.Birthday when strategy.IsHardHere:
                return Opening(strategy, target, sockets.OpenOrOwn);
            case PunchingMethod.Birthday:
                return Trying(strategy, target, peer, entropy);
            case PunchingMethod.Blocks:
                return Blocks(strategy.Stages[^1], target, peer, entropy, sockets.OpenOrOwn);
            case PunchingMethod.Window when strategy.IsHardHere:
                return Few(sockets.Open, target);
            case PunchingMethod.Window when Predicted(theirs, target, PunchWords.LongestWindow) is { Count: > 0 } window:
                return Few(SocketId.Ipv4, window);
            case PunchingMethod.Sequence when Aim(theirs, target) is { IsValid: true } aim:
                return Few(Enumerable.Range(0, PunchPlanner.SequenceLength).Select(_ => sockets.OpenOrOwn()).ToList(), aim);
            case PunchingMethod.FreshPorts when sampler is not null:
                return Few(sampler.Socket, [target]);
            default:
                return null;
        }
    }

    /// <summary>Every line a new socket, all to one address.</summary>
    private static PunchLines Opening(PunchStrategy strategy, TransportAddress target, Func<SocketId> open) =>
        new(PunchSchedule.Opening(strategy.Stages, tried: strategy.PeerStages), _ => new PairId(open(), target));

    /// <summary>Every line another port of one address, all from one socket; the ports drawn from the block that is known, or from all. A block of fewer is gone through again.</summary>
    private static PunchLines Trying(PunchStrategy strategy, TransportAddress target, NatProfile peer, EntropySource entropy)
    {
        ushort[] ports = Draw(peer, strategy.Stages[^1], entropy);
        return new PunchLines(PunchSchedule.Trying(strategy.Stages, opened: strategy.PeerStages), index => new PairId(SocketId.Ipv4, target.WithPort(ports[index % ports.Length])));
    }

    /// <summary>From one socket to a few addresses, again and again.</summary>
    private static PunchLines Few(SocketId socket, List<TransportAddress> targets) =>
        new(PunchSchedule.Few(targets.Count, passes: 6), index => new PairId(socket, targets[index]));

    /// <summary>From a few sockets to one address, again and again.</summary>
    private static PunchLines Few(IReadOnlyList<SocketId> sockets, TransportAddress target) =>
        new(PunchSchedule.Few(sockets.Count, passes: 6), index => new PairId(sockets[index], target));

    /// <summary>Ports of the peer's block, from as many sockets as it takes: every line makes a mapping of its own here too.</summary>
    private static PunchLines Blocks(int lines, TransportAddress target, NatProfile peer, EntropySource entropy, Func<SocketId> open)
    {
        List<SocketId> sockets = [];
        List<ushort> ports = [];
        return new PunchLines(PunchSchedule.Many(lines), index =>
        {
            if (index >= ports.Count)
            {
                sockets.Add(open());
                ports.AddRange(Draw(peer, Math.Min(peer.PortRange, lines - ports.Count), entropy));
            }

            return new PairId(sockets[^1], target.WithPort(ports[index]));
        });
    }

    private static List<TransportAddress> Predicted(PunchingPlan theirs, TransportAddress target, int most) =>
        theirs.PortStep == 0 ? [] : Sequence(target, theirs.FirstPort, theirs.PortStep, Math.Min(theirs.PortCount, most));

    /// <summary>
    /// The one port that all our sockets send to where both ends' NATs give ports in sequence; not valid where it is none that may be tried. What
    /// is foretold comes true a few ports late at either end. Were each line to send to another port, both ends would have to be right about
    /// both delays at once; so the peer's NAT has but to come past this port, and ours past the one that the peer has chosen.
    /// </summary>
    private static TransportAddress Aim(PunchingPlan theirs, TransportAddress target) =>
        theirs.PortStep == 0 ? default : Sequence(target, theirs.FirstPort + theirs.PortStep * PunchPlanner.SequenceAim, theirs.PortStep, 1).FirstOrDefault();

    /// <summary>Ports in sequence from <paramref name="first"/> on, as far as they are ports that may be tried.</summary>
    private static List<TransportAddress> Sequence(TransportAddress address, int first, int step, int count)
    {
        List<TransportAddress> targets = [];
        for (int port = first; targets.Count < count && port is >= NatProfile.LowestUsablePort and <= ushort.MaxValue; port += step) targets.Add(address.WithPort((ushort)port));
        return targets;
    }

    /// <summary>Draws different ports at random.</summary>
    private static ushort[] Draw(NatProfile peer, int count, EntropySource entropy)
    {
        int lowest = peer.HighestPort != 0 ? peer.LowestPort : NatProfile.LowestUsablePort;
        int range = peer.PortRange;
        ushort[] ports = new ushort[Math.Min(count, range)];
        HashSet<int> taken = [];
        Span<byte> random = stackalloc byte[sizeof(uint)];
        for (int i = 0; i < ports.Length; i++)
        {
            int port;
            do
            {
                entropy(random);
                port = lowest + (int)(BitConverter.ToUInt32(random) % (uint)range);
            }
            while (!taken.Add(port));
            ports[i] = (ushort)port;
        }

        return ports;
    }
}
