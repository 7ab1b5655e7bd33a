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

    private Memory? _memory; // Most clients are idle.

    /// <summary>Receivers remembered at present; some may have left.</summary>
    public int Count
    {
        get
        {
            if (Volatile.Read(ref _memory) is not { } memory) return 0;
            lock (memory.Lock) return memory.Receivers.Count;
        }
    }

    /// <summary>Notes that the key has sent something to <paramref name="receiver"/>.</summary>
    public void Note(ClientSet receiver, Departures departures)
    {
        Memory memory = LazyInitializer.EnsureInitialized(ref _memory);
        lock (memory.Lock)
        {
            if (memory.Receivers.Count >= memory.SweepAt) Sweep(memory, departures);
            if (memory.Receivers.Count < Math.Min(MaxReceivers, departures.Share) && memory.Receivers.Add(receiver)) departures.CountRemembered();
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
        if (Volatile.Read(ref _memory) is not { } memory) return [];
        lock (memory.Lock)
        {
            HashSet<ClientSet> receivers = memory.Receivers;
            memory.Receivers = [];
            memory.SweepAt = FirstSweep;
            return receivers;
        }
    }

    /// <summary>Forgets who has left: at each doubling, so that a note costs the same on average however many there are.</summary>
    private static void Sweep(Memory memory, Departures departures)
    {
        departures.CountForgotten(memory.Receivers.RemoveWhere(static receiver => receiver.Active is null));
        memory.SweepAt = Math.Max(FirstSweep, 2 * memory.Receivers.Count);
    }

    private sealed class Memory
    {
        public Lock Lock { get; } = new();

        public HashSet<ClientSet> Receivers { get; set; } = [];

        public int SweepAt { get; set; } = FirstSweep;
    }
}
