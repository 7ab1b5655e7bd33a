using Addresses;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Peers;

/// <summary>The latest checks of a peer and where each came from first. The network may double a check; it does not give it another source.</summary>
internal sealed class SeenChecks
{
    /// <summary>The most checks remembered: several seconds of the fastest punching. An older capture counts once more, and then is in here again.</summary>
    public const int MaxChecks = 1024;

    private readonly Dictionary<PingId, TransportAddress> _sources = [];
    private readonly Queue<PingId> _order = [];

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
