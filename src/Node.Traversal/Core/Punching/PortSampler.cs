using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// Asks two STUN servers, from a socket that has sent nothing yet, which public ports it has: the one before and the one after whatever is
/// sent between the two. Each round asks the next two of the servers there are: one that lies, or is deaf, spoils one round and not all.
/// </summary>
/// <param name="context">The node.</param>
/// <param name="socket">The socket that asks.</param>
/// <param name="needsBoth">Says that one answer does not do.</param>
/// <param name="round">The round, from 1.</param>
internal sealed class PortSampler(NodeContext context, SocketId socket, bool needsBoth, long round)
{
    private static readonly TimeSpan[] RequestOffsets = [TimeSpan.Zero, TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(600)];
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(1500);

    private readonly TransportAddress[] _servers = ServersOf(context.StunServers, round);
    private readonly Dictionary<TransactionId, int> _requests = [];
    private readonly TransportAddress[] _seen = new TransportAddress[2];
    private Instant _start;
    private int _round;

    /// <summary>Which socket asks.</summary>
    public SocketId Socket => socket;

    /// <summary>What the first server has seen, or the only one that has answered; not valid = nothing yet.</summary>
    public TransportAddress First => _seen[0].IsValid ? _seen[0] : _seen[1];

    /// <summary>What the second server has seen.</summary>
    public TransportAddress Second => _seen[1];

    /// <summary>Says whether all that was asked for is known.</summary>
    public bool IsDone => needsBoth ? _seen[0].IsValid && _seen[1].IsValid : First.IsValid;

    /// <summary>When something is due.</summary>
    public Instant NextTimeout => _round < RequestOffsets.Length ? _start + RequestOffsets[_round] : _start + Patience;

    /// <summary>Says that no answer will come any more.</summary>
    public bool IsOver(Instant now) => now - _start >= Patience;

    /// <summary>Says whether there are servers enough.</summary>
    public static bool IsPossible(NodeContext context, bool needsBoth) => context.StunServers.Count >= (needsBoth ? 2 : 1);

    /// <summary>Asks the first server; what is sent now, before <see cref="AskSecond"/>, lies between the two.</summary>
    public void AskFirst(Instant now)
    {
        _start = now;
        Ask(0);
    }

    /// <summary>Asks the second server.</summary>
    public void AskSecond()
    {
        _round = 1;
        if (_servers.Length > 1) Ask(1);
    }

    /// <summary>Asks again whoever has not answered.</summary>
    public void HandleTimeout(Instant now)
    {
        if (_round >= RequestOffsets.Length || NextTimeout > now) return;
        _round++;
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

        if (!IsDone) _seen[server] = mapped;
        return true;
    }

    private static TransportAddress[] ServersOf(IReadOnlyList<TransportAddress> all, long round)
    {
        int asked = Math.Min(2, all.Count);
        int first = all.Count == 0 ? 0 : (int)(unchecked((ulong)(round - 1) * 2) % (ulong)all.Count);
        return [.. Enumerable.Range(first, asked).Select(index => all[index % all.Count])];
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
