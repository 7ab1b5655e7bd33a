using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>
/// Keys that have left, and whom to tell: those they have sent to. A few are told at once; a key that has sent to many has the rest told in
/// steps, so that nobody's packets wait for it. Any thread may add and tell.
/// </summary>
internal sealed class Departures(RelayCounters counters)
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

    /// <summary>As many are remembered no more.</summary>
    public void CountForgotten(int receivers) => Interlocked.Add(ref _remembered, -receivers);

    /// <summary>A key has left the region; the receivers are those it has sent to, each counted as remembered.</summary>
    public void Add(NodeKey gone, Tenant tenant, IReadOnlyCollection<ClientSet> receivers, HashSet<ClientConnection> woken)
    {
        if (receivers.Count > 0) Tell(new Departure(gone, tenant, receivers), woken);
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
        departure.Tell(counters, woken);
        if (departure.IsOver)
        {
            CountForgotten(departure.Count);
            return;
        }

        lock (_lock) _waiting.Enqueue(departure); // Behind the others: a key with many does not hold up one with few.
    }

    private sealed class Departure(NodeKey gone, Tenant tenant, IReadOnlyCollection<ClientSet> receivers)
    {
        private readonly IEnumerator<ClientSet> _rest = receivers.GetEnumerator();

        public int Count => receivers.Count;

        public bool IsOver { get; private set; }

        public void Tell(RelayCounters counters, HashSet<ClientConnection> woken)
        {
            Span<byte> frame = stackalloc byte[PeerGoneFrame.Length];
            PeerGoneFrame.Write(frame, gone, PeerGoneReason.Disconnected);
            for (int i = 0; i < StepLength; i++)
            {
                // A key that is back meanwhile has not left.
                IsOver = tenant.Find(gone) is not null || tenant.FindRemote(gone) is not null || !_rest.MoveNext();
                if (IsOver) return;
                if (_rest.Current.Active is not { } active) continue; // Who has left, and perhaps come again, is another client.
                active.Queue.EnqueueControl(frame);
                counters.CountPeerGone(PeerGoneReason.Disconnected);
                woken.Add(active);
            }
        }
    }
}
