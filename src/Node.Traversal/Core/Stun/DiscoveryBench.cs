using System.Net.Sockets;
using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>A socket that the discovery had opened.</summary>
/// <param name="Id">Its name.</param>
/// <param name="Local">Its local address, as packets to the server carry it.</param>
internal sealed record DiscoverySocket(SocketId Id, TransportAddress Local);

/// <summary>
/// What the tests of a discovery work with: sockets with fresh local ports, requests, pauses. Each takes what is to be done next, so that a
/// test reads in the order in which it happens.
/// </summary>
internal sealed class DiscoveryBench(EntropySource entropy)
{
    /// <summary>The most sockets of one discovery.</summary>
    public const int MaxSockets = 32;

    private const int MaxRequestLength = 64;

    private readonly Dictionary<SocketId, Action<DiscoverySocket, Instant>> _opening = [];
    private readonly Dictionary<TransactionId, Action<StunOutcome, Instant>> _asked = [];
    private readonly List<(Instant Due, Action<Instant> Next)> _pauses = [];
    private readonly Queue<SocketId> _wanted = new();
    private readonly Queue<Transmit> _sent = new();
    private readonly Dictionary<TransactionId, (SocketId Sender, Action<SocketId, TransportAddress, Instant> Arrived)> _knocks = [];
    private readonly List<NatNote> _notes = [];
    private int _socketCount;
    private bool _isClosed;

    public StunTransactions Transactions { get; } = new();

    public IReadOnlyList<NatNote> Notes => _notes;

    /// <summary>The lowest round trip so far: the first ones of a program measure the program.</summary>
    public TimeSpan? LowestRtt { get; private set; }

    public Instant? NextTimeout
    {
        get
        {
            Instant next = Transactions.NextTimeout ?? Instant.Never;
            foreach ((Instant due, _) in _pauses) next = Instant.Min(next, due);
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>Asks for a socket on a local port that was not used before, and goes on when it is there.</summary>
    public void Open(Action<DiscoverySocket, Instant> next)
    {
        if (_socketCount == MaxSockets) throw new InvalidOperationException($"A discovery needs no more than {MaxSockets} sockets.");
        SocketId id = new(_socketCount++);
        _opening.Add(id, next);
        _wanted.Enqueue(id);
    }

    /// <summary>Asks the server, and goes on with what came of it.</summary>
    public TransactionId Ask(SocketId socket, TransportAddress destination, StunRetransmission schedule, Action<StunOutcome, Instant> next, Instant now) =>
        Begin(socket, destination, destination, Write(StunBindingRequest.Write), schedule, next, now);

    /// <summary>Asks the server to answer from another of its addresses (RFC 5780 §7.2), and goes on with what came of it.</summary>
    public TransactionId AskFrom(
        TransportAddress answerFrom, SocketId socket, TransportAddress destination, StunRetransmission schedule, Action<StunOutcome, Instant> next, Instant now)
    {
        ChangeRequest change = new(answerFrom.Bits != destination.Bits, answerFrom.Port != destination.Port);
        return Begin(socket, destination, answerFrom, Write((buffer, id) => WriteChange(buffer, id, change)), schedule, next, now);
    }

    /// <summary>Asks the server to answer to the public port of another socket (RESPONSE-PORT, RFC 5780 §7.5), and goes on with what came of it.</summary>
    public TransactionId AskTo(
        SocketId answerTo, ushort publicPort, SocketId socket, TransportAddress destination, StunRetransmission schedule, Action<StunOutcome, Instant> next, Instant now)
    {
        (TransactionId id, byte[] message) = Write((buffer, id) => WriteResponsePort(buffer, id, publicPort));
        return Begin(new StunRequest(id, socket, destination, destination, message) { AnswerTo = answerTo }, schedule, next, now);
    }

    /// <summary>Sends a request that nobody is to answer, and tells when it arrives at another socket of this discovery.</summary>
    public void Knock(SocketId socket, TransportAddress destination, Action<SocketId, TransportAddress, Instant> arrived)
    {
        (TransactionId id, byte[] message) = Write(StunBindingRequest.Write);
        _knocks.Add(id, (socket, arrived));
        _sent.Enqueue(Transmit.ByUdp(socket, destination, message));
    }

    /// <summary>Goes on after a while.</summary>
    public void Pause(TimeSpan pause, Action<Instant> next, Instant now) => _pauses.Add((now + pause, next));

    /// <summary>Does not wait for an answer any longer.</summary>
    public void Cancel(TransactionId id)
    {
        Transactions.Cancel(id);
        _asked.Remove(id);
    }

    public void Note(NatAspect aspect, string text) => _notes.Add(new NatNote(aspect, text));

    /// <summary>Ends everything: nothing goes on from here.</summary>
    public void Close()
    {
        _isClosed = true;
        foreach (TransactionId id in _asked.Keys) Transactions.Cancel(id);
        _asked.Clear();
        _opening.Clear();
        _pauses.Clear();
        _knocks.Clear();
        _wanted.Clear();
    }

    public void HandleSocket(SocketId id, TransportAddress local, Instant now)
    {
        if (_opening.Remove(id, out Action<DiscoverySocket, Instant>? next)) next(new DiscoverySocket(id, local), now);
    }

    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (_isClosed) return;
        if (StunHeader.TryRead(datagram, out StunHeader header) && header.Type == StunMessageType.BindingRequest
            && _knocks.TryGetValue(header.TransactionId, out var knock) && knock.Sender != socket)
        {
            knock.Arrived(socket, source, now);
            return;
        }

        Transactions.HandleDatagram(socket, source, datagram, now);
        GoOn(now);
    }

    public void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now)
    {
        Transactions.HandleProblem(socket, destination, problem, isFinal, now);
        GoOn(now);
    }

    public void HandleTimeout(Instant now)
    {
        Transactions.HandleTimeout(now);
        GoOn(now);
        foreach ((Instant Due, Action<Instant> Next) pause in _pauses.Where(pause => pause.Due <= now).ToArray())
        {
            if (_pauses.Remove(pause)) pause.Next(now);
        }
    }

    public bool TryDequeueSocket(out SocketId wanted) => _wanted.TryDequeue(out wanted);

    public bool TryDequeueTransmit(out Transmit transmit) => Transactions.TryDequeueTransmit(out transmit) || _sent.TryDequeue(out transmit);

    private TransactionId Begin(
        SocketId socket, TransportAddress destination, TransportAddress answerFrom, (TransactionId Id, byte[] Message) request,
        StunRetransmission schedule, Action<StunOutcome, Instant> next, Instant now) =>
        Begin(new StunRequest(request.Id, socket, destination, answerFrom, request.Message), schedule, next, now);

    private TransactionId Begin(StunRequest request, StunRetransmission schedule, Action<StunOutcome, Instant> next, Instant now)
    {
        _asked.Add(request.Id, next);
        Transactions.Begin(request, schedule, now);
        return request.Id;
    }

    private void GoOn(Instant now)
    {
        while (Transactions.TryDequeueEvent(out StunOutcome? outcome))
        {
            if (outcome?.Rtt is { } rtt && !(LowestRtt <= rtt)) LowestRtt = rtt;
            if (outcome is not null && _asked.Remove(outcome.Id, out Action<StunOutcome, Instant>? next)) next(outcome, now);
        }
    }

    private (TransactionId Id, byte[] Message) Write(Func<Span<byte>, TransactionId, int> write)
    {
        Span<byte> buffer = stackalloc byte[MaxRequestLength];
        entropy(buffer[..TransactionId.Length]);
        TransactionId id = TransactionId.Read(buffer);
        return (id, buffer[..write(buffer, id)].ToArray());
    }

    private static int WriteResponsePort(Span<byte> buffer, TransactionId id, ushort port)
    {
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingRequest, id);
        ResponsePort.AddTo(ref writer, port);
        writer.AddFingerprint();
        return writer.Length;
    }

    private static int WriteChange(Span<byte> buffer, TransactionId id, ChangeRequest change)
    {
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingRequest, id);
        change.AddTo(ref writer);
        writer.AddFingerprint();
        return writer.Length;
    }
}
