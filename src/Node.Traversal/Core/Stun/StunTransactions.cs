using System.Diagnostics;
using System.Net.Sockets;
using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>One binding request, as it is to be sent.</summary>
/// <param name="Id">Drawn at random: what an answer must repeat.</param>
/// <param name="Socket">The socket to send from.</param>
/// <param name="Destination">Whom to ask.</param>
/// <param name="AnswerFrom">From where the answer must come: the destination, unless CHANGE-REQUEST asks for another address.</param>
/// <param name="Message">The bytes; the same each time it is sent.</param>
internal sealed record StunRequest(TransactionId Id, SocketId Socket, TransportAddress Destination, TransportAddress AnswerFrom, byte[] Message)
{
    /// <summary>The socket where the answer counts: the one it is sent from, unless RESPONSE-PORT asks for another.</summary>
    public SocketId AnswerTo { get; init; } = Socket;
}

/// <summary>
/// The client side of STUN over UDP (RFC 8489 §6.2.1, §6.3): sends requests, again after growing pauses, and takes an answer only with the
/// id of a request in flight, on the socket that it is due on, from the address that it is due from. Whatever else comes is counted.
/// </summary>
internal sealed class StunTransactions
{
    /// <summary>The most requests in flight at once. Who would begin more has a bug.</summary>
    public const int MaxInFlight = 64;

    /// <summary>How many ended transactions are remembered, to tell a late answer from a forged one.</summary>
    private const int MaxEnded = 128;

    private readonly Dictionary<TransactionId, InFlight> _inFlight = [];
    private readonly Queue<TransactionId> _ended = new();
    private readonly Queue<Transmit> _transmits = new();
    private readonly Queue<StunOutcome> _outcomes = new();

    /// <summary>What came and did not count.</summary>
    public StunIgnored Ignored { get; } = new();

    /// <summary>How many requests were sent, and how many of them were sent again.</summary>
    public (int Sent, int SentAgain) Requests { get; private set; }

    /// <summary>When <see cref="HandleTimeout"/> is due; null = nothing is in flight.</summary>
    public Instant? NextTimeout => _inFlight.Count == 0 ? null : _inFlight.Values.Min(request => request.Due);

    /// <summary>Sends a request, and begins to wait for its answer.</summary>
    public void Begin(StunRequest request, StunRetransmission schedule, Instant now)
    {
        Debug.Assert(_inFlight.Count < MaxInFlight, "Nobody asks that much at once.");
        InFlight started = new(request, schedule, now);
        _inFlight.Add(request.Id, started);
        Send(started);
    }

    /// <summary>Forgets a transaction; its answer, if it still comes, is a late one.</summary>
    public void Cancel(TransactionId id)
    {
        if (_inFlight.ContainsKey(id)) End(id);
    }

    /// <summary>Takes a datagram that arrived on one of the sockets.</summary>
    public void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!StunHeader.TryRead(datagram, out StunHeader header) || header.Type is not (StunMessageType.BindingSuccess or StunMessageType.BindingError))
        {
            Ignored.NotAnswers++;
            return;
        }

        if (!_inFlight.TryGetValue(header.TransactionId, out InFlight? request))
        {
            if (_ended.Contains(header.TransactionId)) Ignored.Late++;
            else Ignored.Forged++;
            return;
        }

        // Who refuses to answer from elsewhere, or to elsewhere, says so from where it was asked to who has asked.
        bool isDue = source == request.Request.AnswerFrom && socket == request.Request.AnswerTo;
        bool isRefusal = header.Type == StunMessageType.BindingError && source == request.Request.Destination && socket == request.Request.Socket;
        if (!isDue && !isRefusal)
        {
            Ignored.FromElsewhere++;
            request.Elsewhere = source;
            return;
        }

        switch (StunAnswerReader.Read(datagram, header, out StunAnswer? answer, out StunErrorCode error))
        {
            case StunAnswerKind.Success:
                Finish(request, StunOutcomeKind.Answered, now, answer, error);
                break;
            case StunAnswerKind.Error:
                Finish(request, StunOutcomeKind.Refused, now, answer, error);
                break;
            case StunAnswerKind.NotUnderstood:
                Finish(request, StunOutcomeKind.NotUnderstood, now, answer, error);
                break;
            default:
                Ignored.Damaged++; // A good one may still come.
                break;
        }
    }

    /// <summary>
    /// Takes what the network reports of datagrams from <paramref name="socket"/> to <paramref name="destination"/>. That nobody listens
    /// there, or that there is no way to send, ends the transaction; that some router knows no way may pass, and is only kept to be told.
    /// </summary>
    public void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now)
    {
        foreach (InFlight request in _inFlight.Values.Where(request => request.Request.Socket == socket && request.Request.Destination == destination).ToArray())
        {
            request.Problem = problem;
            if (isFinal) Finish(request, StunOutcomeKind.Unreachable, now);
        }
    }

    /// <summary>Sends again what is due, and gives up what has waited long enough.</summary>
    public void HandleTimeout(Instant now)
    {
        foreach (InFlight request in _inFlight.Values.Where(request => request.Due <= now).ToArray())
        {
            if (request.Transmissions < request.Schedule.Rc) Send(request);
            else Finish(request, StunOutcomeKind.TimedOut, now);
        }
    }

    public bool TryDequeueTransmit(out Transmit transmit) => _transmits.TryDequeue(out transmit);

    public bool TryDequeueEvent(out StunOutcome? outcome) => _outcomes.TryDequeue(out outcome);

    private void Send(InFlight request)
    {
        Requests = (Requests.Sent + 1, Requests.SentAgain + (request.Transmissions > 0 ? 1 : 0));
        request.Transmissions++;
        _transmits.Enqueue(Transmit.ByUdp(request.Request.Socket, request.Request.Destination, request.Request.Message));
    }

    private void Finish(InFlight request, StunOutcomeKind kind, Instant now, StunAnswer? answer = null, StunErrorCode error = default)
    {
        End(request.Request.Id);
        _outcomes.Enqueue(new StunOutcome(request.Request.Id, kind, request.Transmissions)
        {
            Answer = answer,
            Error = error,
            Problem = request.Problem,
            Rtt = request.Transmissions == 1 && answer is not null ? now - request.StartedAt : null,
            Elsewhere = request.Elsewhere,
        });
    }

    private void End(TransactionId id)
    {
        _inFlight.Remove(id);
        if (_ended.Count == MaxEnded) _ended.Dequeue();
        _ended.Enqueue(id);
    }

    private sealed class InFlight(StunRequest request, StunRetransmission schedule, Instant startedAt)
    {
        public StunRequest Request => request;

        public StunRetransmission Schedule => schedule;

        public Instant StartedAt => startedAt;

        public int Transmissions { get; set; }

        public TransportAddress Elsewhere { get; set; }

        public SocketError Problem { get; set; }

        public Instant Due => startedAt + schedule.NextAfter(Transmissions);
    }
}

/// <summary>Counts the datagrams that came to a client and did not count.</summary>
internal sealed class StunIgnored
{
    /// <summary>Answers to transactions that had ended: late ones and doubles.</summary>
    public int Late { get; set; }

    /// <summary>Answers to nothing that was asked.</summary>
    public int Forged { get; set; }

    /// <summary>Answers with the right id from an address that was not asked, or on another socket.</summary>
    public int FromElsewhere { get; set; }

    /// <summary>Answers that are damaged, have a wrong FINGERPRINT, or hold no address.</summary>
    public int Damaged { get; set; }

    /// <summary>Whatever is no answer at all.</summary>
    public int NotAnswers { get; set; }
}
