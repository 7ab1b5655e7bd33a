using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>
/// Keys that have left, and whom to tell: those they have sent to. A few are told at once; a key that has sent to many has the rest told in
/// steps, so that nobody's packets wait for it. Any thread may add and tell.
/// </summary>
internal sealed class Departures
{
    /// <summary>The most that are told in one step.</summary>
    public const int StepLength = 512;

    /// <summary>Receivers remembered by all keys together, about 90 MiB; each key may use up to a share of what is left.</summary>
    public const int MaxRemembered = 1 << 20;

    private const int ShareDivisor = 16; // Sixteen keys can fill their own bound before any is cut.

    private readonly Lock _lock = new();
    private readonly Queue<Departure> _waiting = new();
    private int _remembered;

    /// <summary>Receivers that are remembered at present.</summary>
    public int Remembered => Volatile.Read(ref _remembered);

    /// <summary>The most receivers one key may remember now.</summary>
    public int Share => (MaxRemembered - Remembered) / ShareDivisor;

    /// <summary>Says whether somebody has still to be told.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _waiting.Count == 0;
        }
    }

    /// <summary>A key remembers one more.</summary>
    public void CountRemembered() => Interlocked.Increment(ref _remembered);

    /// <summary>A key has left for good.</summary>
    public void Add(ClientSet set, HashSet<ClientConnection> woken)
    {
        if (set.SentTo.Count == 0) return;
        Departure departure = new(set);
        Tell(departure, woken);
    }

    /// <summary>Tells the next few. Called now and then, for as long as it is not empty.</summary>
    public void Step(HashSet<ClientConnection> woken)
    {
        Departure? departure;
        lock (_lock)
        {
            if (!_waiting.TryDequeue(out departure)) return;
        }

        Tell(departure, woken);
    }

    private void Tell(Departure departure, HashSet<ClientConnection> woken)
    {
        departure.Tell(woken);
        if (departure.IsOver)
        {
            Interlocked.Add(ref _remembered, -departure.Count);
            return;
        }

        lock (_lock) _waiting.Enqueue(departure); // Behind the others: a key with many does not hold up one with few.
    }

    private sealed class Departure(ClientSet set)
    {
        private readonly IEnumerator<NodeKey> _rest = set.SentTo.GetEnumerator();

        public int Count => set.SentTo.Count;

        public bool IsOver { get; private set; }

        public void Tell(HashSet<ClientConnection> woken)
        {
            Span<byte> gone = stackalloc byte[PeerGoneFrame.Length];
            PeerGoneFrame.Write(gone, set.Key, PeerGoneReason.Disconnected);
            for (int i = 0; i < StepLength; i++)
            {
                // A key that is back meanwhile has not left.
                IsOver = set.Tenant.Find(set.Key) is not null || !_rest.MoveNext();
                if (IsOver) return;
                if (set.Tenant.Find(_rest.Current)?.Active is not { } active) continue;
                active.Queue.EnqueueControl(gone);
                woken.Add(active);
            }
        }
    }
}
