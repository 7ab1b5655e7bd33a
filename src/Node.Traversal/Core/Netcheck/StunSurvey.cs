using Addresses;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Core.Netcheck;

/// <summary>Asks the STUN servers of one family once, by a full plan, and keeps every answer: for a report to a person. Sans-IO.</summary>
internal sealed class StunSurvey(ProbePlan plan, EntropySource entropy, Instant start)
{
    private readonly ProbeCycle _cycle = new(plan, start, 0) { WaitsForAll = true };
    private readonly Dictionary<TransactionId, (StunServerAddress Server, Instant SentAt)> _inFlight = [];
    private readonly Queue<Transmit> _transmits = [];
    private readonly List<StunSurveyAnswer> _answers = [];

    /// <summary>What has been answered, each server once.</summary>
    public IReadOnlyList<StunSurveyAnswer> Answers => _answers;

    /// <summary>When <see cref="HandleTimeout"/> is due.</summary>
    public Instant NextTimeout => _cycle.NextTimeout;

    /// <summary>Says whether all have answered, or their time is over.</summary>
    public bool IsOver(Instant now) => _cycle.IsOver(now);

    /// <summary>Asks who is to be asked now.</summary>
    public void HandleTimeout(Instant now)
    {
        Span<byte> random = stackalloc byte[TransactionId.Length];
        foreach (StunServerAddress server in _cycle.TakeDue(now))
        {
            entropy(random);
            TransactionId id = TransactionId.Read(random);
            byte[] request = new byte[StunBindingRequest.Length];
            StunBindingRequest.Write(request, id);
            _inFlight.Add(id, (server, now));
            _transmits.Enqueue(Transmit.ByUdp(SocketId.For(server.Address), server.Address, request));
        }
    }

    /// <summary>Takes a datagram. It counts only from the server that was asked, for a request in flight.</summary>
    public void HandleDatagram(TransportAddress source, ReadOnlySpan<byte> datagram, Instant now)
    {
        if (!StunBindingResponse.TryRead(datagram, out TransactionId id, out TransportAddress mapped) || mapped.Port == 0) return;
        if (!_inFlight.TryGetValue(id, out (StunServerAddress Server, Instant SentAt) request) || request.Server.Address != source) return;
        _inFlight.Remove(id);
        if (_answers.Exists(answer => answer.Server == request.Server)) return; // It answers the second try too.
        _answers.Add(new StunSurveyAnswer(request.Server, mapped, now - request.SentAt));
        _cycle.HandleAnswer(request.Server, now - request.SentAt, now);
    }

    /// <summary>Takes the next request to send.</summary>
    public bool TryDequeueTransmit(out Transmit transmit) => _transmits.TryDequeue(out transmit);
}

/// <summary>One server's answer.</summary>
/// <param name="Server">The server.</param>
/// <param name="Mapped">How it sees us.</param>
/// <param name="Rtt">The round trip.</param>
internal readonly record struct StunSurveyAnswer(StunServerAddress Server, TransportAddress Mapped, TimeSpan Rtt);

/// <summary>What came of a survey.</summary>
/// <param name="Udp">What UDP is worth.</param>
/// <param name="Answers">The answers.</param>
internal sealed record StunSurveyResult(UdpState Udp, IReadOnlyList<StunSurveyAnswer> Answers)
{
    /// <summary>The same answers, each with the shorter of its round trips: the first of a process also waits for code to be made.</summary>
    /// <param name="again">What came when these servers were asked again, from another socket.</param>
    public StunSurveyResult WithShorterOf(StunSurveyResult again)
    {
        Dictionary<StunServerAddress, TimeSpan> second = again.Answers.ToDictionary(answer => answer.Server, answer => answer.Rtt);
        return this with { Answers = [.. Answers.Select(answer => second.TryGetValue(answer.Server, out TimeSpan rtt) && rtt < answer.Rtt ? answer with { Rtt = rtt } : answer)] };
    }

    /// <summary>The lowest round trip to a region; null = it has not answered.</summary>
    public TimeSpan? LatencyOf(int regionId) => Answers.Where(answer => answer.Server.RegionId == regionId).Select(answer => (TimeSpan?)answer.Rtt).Min();
}
