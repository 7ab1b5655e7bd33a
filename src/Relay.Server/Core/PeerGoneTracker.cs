using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>
/// Whom a key has sent to: they hear of it, once, when the key has left the region. Who has left before, and come again, is another client
/// and hears nothing. Any thread may call.
/// </summary>
internal sealed class PeerGoneTracker
{
    /// <summary>The most receivers remembered; who sends to more is not announced to the rest when it leaves.</summary>
    public const int MaxReceivers = 1 << 16;

    private const int FirstSweep = 64;

    private readonly Lock _lock = new();
    private HashSet<ClientSet>? _receivers; // Most clients are idle.
    private int _sweepAt = FirstSweep;

    /// <summary>Receivers remembered at present; some may have left.</summary>
    public int Count
    {
        get
        {
            lock (_lock) return _receivers?.Count ?? 0;
        }
    }

    /// <summary>Notes that the key has sent something to <paramref name="receiver"/>.</summary>
    public void Note(ClientSet receiver, Departures departures)
    {
        lock (_lock)
        {
            _receivers ??= [];
            if (_receivers.Count >= _sweepAt) Sweep(_receivers, departures);
            if (_receivers.Count < Math.Min(MaxReceivers, departures.Share) && _receivers.Add(receiver)) departures.CountRemembered();
        }
    }

    /// <summary>The key has left: has all told who are still here, and forgets them.</summary>
    public void Tell(NodeKey gone, Tenant tenant, Departures departures, HashSet<ClientConnection> woken) => departures.Add(gone, tenant, TakeAll(), woken);

    /// <summary>The key can be reached another way now: who was to hear of its leaving still is.</summary>
    public void MoveTo(PeerGoneTracker other, Departures departures)
    {
        HashSet<ClientSet> receivers = TakeAll();
        departures.CountForgotten(receivers.Count);
        foreach (ClientSet receiver in receivers) other.Note(receiver, departures);
    }

    private HashSet<ClientSet> TakeAll()
    {
        lock (_lock)
        {
            HashSet<ClientSet> receivers = _receivers ?? [];
            _receivers = null;
            _sweepAt = FirstSweep;
            return receivers;
        }
    }

    /// <summary>Forgets who has left: at each doubling, so that a note costs the same on average however many there are.</summary>
    private void Sweep(HashSet<ClientSet> receivers, Departures departures)
    {
        departures.CountForgotten(receivers.RemoveWhere(static receiver => receiver.Active is null));
        _sweepAt = Math.Max(FirstSweep, 2 * receivers.Count);
    }
}
