using Addresses;
using Relay.Protocol.Disco;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// Asks STUN servers, from a socket that has sent nothing yet, which public ports it has: half of them before and half after whatever is sent
/// in between. What two agree on is believed: of three servers or more, one that lies or is deaf changes nothing. Where no two agree, what there
/// is must do when patience ends; each round begins with other servers, so that it is not the same one's word again.
/// </summary>
/// <param name="context">The node.</param>
/// <param name="socket">The socket that asks.</param>
/// <param name="foretells">Says that the ports are to tell where a sequence goes on; else they are to be one and the same.</param>
/// <param name="round">The round, from 1.</param>
internal sealed class PortSampler(NodeContext context, SocketId socket, bool foretells, long round)
{
    /// <summary>Servers asked in a round: each of a hard NAT's answers costs it a mapping, and of four two are right although one lies and one is deaf.</summary>
    private const int MostServers = 4;

    private static readonly TimeSpan[] RequestOffsets = [TimeSpan.Zero, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(600)];
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(1500);

    private readonly TransportAddress[] _servers = ServersOf(context.StunServers, round);
    private readonly Dictionary<TransactionId, int> _requests = [];
    private readonly TransportAddress[] _seen = new TransportAddress[Math.Min(MostServers, context.StunServers.Count)]; // By server; not valid = no answer yet.
    private Instant _start;
    private int _asked;

    /// <summary>Which socket asks.</summary>
    public SocketId Socket => socket;

    /// <summary>Where the socket is seen: the last port before what is sent in between; not valid = not known.</summary>
    public TransportAddress First { get; private set; }

    /// <summary>The first port after what is sent in between, where ports are to tell how a sequence goes on; not valid = not known.</summary>
    public TransportAddress Second { get; private set; }

    /// <summary>The last of the ports in sequence that are known; not valid = none is.</summary>
    public TransportAddress Last => Second.IsValid ? Second : First;

    /// <summary>Says that nothing more is waited for: two agree, or nobody else will answer.</summary>
    public bool IsDone { get; private set; }

    /// <summary>When something is due; never once it is done.</summary>
    public Instant NextTimeout => IsDone ? Instant.Never : _start + (_asked < RequestOffsets.Length ? RequestOffsets[_asked] : Patience);

    /// <summary>Servers asked before what is sent in between.</summary>
    private int Before => (_servers.Length + 1) / 2;

    /// <summary>Says whether there is anybody to ask.</summary>
    public static bool IsPossible(NodeContext context) => context.StunServers.Count > 0;

    /// <summary>Says whether what was learnt will do for that method. A discovery may have found out meanwhile that there is no sequence.</summary>
    public bool Serves(PunchingMethod method) => method switch
    {
        PunchingMethod.FreshPorts => First.IsValid,
        PunchingMethod.Sequence => Last.IsValid && context.Nat.PortStep != 0,
        _ => First.IsValid && context.Nat.PortStep != 0,
    };

    /// <summary>Asks the servers that come first; what is sent now, before <see cref="AskSecond"/>, lies in between.</summary>
    public void AskFirst(Instant now)
    {
        _start = now;
        for (int server = 0; server < Before; server++) Ask(server);
    }

    /// <summary>Asks the others.</summary>
    public void AskSecond()
    {
        _asked = 1;
        for (int server = Before; server < _servers.Length; server++) Ask(server);
    }

    /// <summary>Asks again whoever has not answered, or is content with what there is.</summary>
    public void HandleTimeout(Instant now)
    {
        if (NextTimeout > now) return;
        if (_asked == RequestOffsets.Length)
        {
            Settle();
            return;
        }

        _asked++;
        for (int server = 0; server < _servers.Length; server++)
        {
            if (!_seen[server].IsValid) Ask(server);
        }
    }

    /// <summary>Takes an answer; false where it is none to a request of ours, or says what cannot be. Once all is known that was asked for, it stays.</summary>
    public bool HandleResponse(TransportAddress source, ReadOnlySpan<byte> datagram)
    {
        if (!StunBindingResponse.TryRead(datagram, out TransactionId id, out TransportAddress mapped)
            || !_requests.TryGetValue(id, out int server)
            || _servers[server] != source
            || !mapped.IsIpv4
            || !context.Filter.IsAllowed(mapped))
        {
            return false;
        }

        if (IsDone || _seen[server].IsValid) return true;
        _seen[server] = mapped;
        bool isAgreed = foretells ? TryAgreeOnSequence() : TryAgreeOnPort();
        if (isAgreed) IsDone = true;
        else if (_seen.All(seen => seen.IsValid)) Settle();
        return true;
    }

    private static TransportAddress[] ServersOf(IReadOnlyList<TransportAddress> all, long round)
    {
        int asked = Math.Min(MostServers, all.Count);
        if (asked == 0) return [];
        int shift = Math.Max(1, asked - 1); // Never a whole turn, so that few servers are asked in another order at least.
        int first = (int)(unchecked((ulong)(round - 1) * (ulong)shift) % (ulong)all.Count);
        return [.. Enumerable.Range(first, asked).Select(index => all[index % all.Count])];
    }

    /// <summary>One port for all of them, as an easy NAT gives it; a hard one's differ, and there any will do.</summary>
    private bool TryAgreeOnPort()
    {
        IGrouping<TransportAddress, TransportAddress> most = _seen.Where(seen => seen.IsValid).GroupBy(seen => seen).MaxBy(same => same.Count())!;
        First = most.Key;
        return most.Count() > 1 || context.Nat.IsHard;
    }

    /// <summary>One port before and one after, as near to each other as any two that a sequence can have.</summary>
    private bool TryAgreeOnSequence()
    {
        int nearest = int.MaxValue;
        for (int before = 0; before < Before; before++)
        {
            for (int after = Before; after < _servers.Length; after++)
            {
                if (StepsBetween(_seen[before], _seen[after]) is not { } steps || steps >= nearest) continue;
                nearest = steps;
                (First, Second) = (_seen[before], _seen[after]);
            }
        }

        return nearest < int.MaxValue;
    }

    /// <summary>Patience has ended, or everybody has answered: what two on one side agree on, or else what one says.</summary>
    private void Settle()
    {
        IsDone = true;
        if (!foretells) return;
        First = LikeliestOf(0, Before);
        Second = LikeliestOf(Before, _servers.Length);
    }

    private TransportAddress LikeliestOf(int from, int to)
    {
        for (int later = to - 1; later > from; later--)
        {
            if (StepsBetween(_seen[later - 1], _seen[later]) is not null) return _seen[later];
        }

        return _seen[from..to].FirstOrDefault(seen => seen.IsValid);
    }

    /// <summary>How many ports on the later one is; null where the two cannot be of one sequence, or not near enough for it to tell anything.</summary>
    private int? StepsBetween(TransportAddress earlier, TransportAddress later)
    {
        int step = context.Nat.PortStep;
        if (step == 0 || !earlier.IsValid || !later.IsValid || earlier.Bits != later.Bits) return null;
        int steps = (later.Port - earlier.Port) / step;
        return steps is > 0 and <= PunchWords.LongestWindow + 1 ? steps : null;
    }

    private void Ask(int server)
    {
        Span<byte> random = stackalloc byte[TransactionId.Length];
        context.Options.Entropy(random);
        TransactionId id = TransactionId.Read(random);
        byte[] request = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(request, id);
        _requests.Add(id, server);
        context.Send(Transmit.ByUdp(socket, _servers[server], request));
    }
}
