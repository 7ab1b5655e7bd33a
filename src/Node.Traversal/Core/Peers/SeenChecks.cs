using Addresses;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>The latest checks of a peer and where each came from first. The network may double a check; it does not give it another source.</summary>
internal sealed class SeenChecks(Instant now)
{
    /// <summary>
    /// Checks of a peer that are answered: the fastest punching with a search beside it, and room. Each may claim any source, and costs whoever
    /// is there an answer and a check of ours.
    /// </summary>
    public const double AnswersPerSecond = 400;
    private const double AnswerBurst = 600;

    /// <summary>The most checks remembered: several seconds of the fastest punching. An older capture counts once more, and then is in here again.</summary>
    public const int MaxChecks = 1024;

    private readonly Dictionary<PingId, TransportAddress> _sources = [];
    private readonly Queue<PingId> _order = [];
    private TokenBucket _answers = new(AnswersPerSecond, AnswerBurst, now);

    /// <summary>Says whether one more may be answered now.</summary>
    public bool TryAnswer(Instant now) => _answers.TryTake(1, now);

    /// <summary>Notes a check.</summary>
    /// <returns>False where the same one has come from another source before.</returns>
    public bool TryNote(PingId id, TransportAddress source)
    {
        if (_sources.TryGetValue(id, out TransportAddress first)) return first == source;
        if (_order.Count == MaxChecks) _sources.Remove(_order.Dequeue());
        _sources.Add(id, source);
        _order.Enqueue(id);
        return true;
    }
}
