using Relay.Protocol;
using Relay.Protocol.Frames;

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
    public void Note(ClientSet receiver)
    {
        lock (_lock)
        {
            _receivers ??= [];
            if (_receivers.Count >= _sweepAt) Sweep(_receivers);
            if (_receivers.Count < MaxReceivers) _receivers.Add(receiver);
        }
    }

    /// <summary>The key has left: tells all who are still here, and forgets them.</summary>
    public void Tell(NodeKey gone, RelayCounters counters, HashSet<ClientConnection> woken)
    {
        Span<byte> frame = stackalloc byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(frame, gone, PeerGoneReason.Disconnected);
        foreach (ClientSet receiver in TakeAll())
        {
            if (receiver.Active is not { } active) continue;
            active.Queue.EnqueueControl(frame);
            counters.CountPeerGone(PeerGoneReason.Disconnected);
            woken.Add(active);
        }
    }

    /// <summary>The key can be reached another way now: who was to hear of its leaving still is.</summary>
    public void MoveTo(PeerGoneTracker other)
    {
        foreach (ClientSet receiver in TakeAll()) other.Note(receiver);
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
    private void Sweep(HashSet<ClientSet> receivers)
    {
        receivers.RemoveWhere(static receiver => receiver.Active is null);
        _sweepAt = Math.Max(FirstSweep, 2 * receivers.Count);
    }
}
