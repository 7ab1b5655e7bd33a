using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells how public ports are chosen: asks the server from one fresh local port after the other, each when the one before is answered, so that
/// the order of the mappings is known.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="contact">The server, and the first port.</param>
/// <param name="done">What comes next.</param>
internal sealed class AllocationTest(DiscoveryBench bench, DiscoveryContact contact, Action<Instant> done)
{
    /// <summary>So many ports are asked at most.</summary>
    public const int MaxSamples = 12;

    /// <summary>So many kept ports are enough to believe that all are.</summary>
    private const int EnoughKept = 4;

    /// <summary>So many ports in sequence are enough.</summary>
    private const int EnoughInSequence = 8;

    private readonly List<PortSample> _samples = [];
    private readonly HashSet<TransportAddress> _public = [contact.Mapped.WithPort(0)];
    private TimeSpan _pause = DiscoverySchedules.BetweenMappings;
    private int _asked;

    public PortAllocation Result => PortAllocations.Of(_samples);

    /// <summary>The public addresses seen, without ports.</summary>
    public IReadOnlyCollection<TransportAddress> PublicAddresses => _public;

    /// <summary>The last socket, and where it was seen; null before the first answer.</summary>
    public (DiscoverySocket Socket, TransportAddress Mapped)? Last { get; private set; }

    public void Start(Instant now) => Next(now);

    private void Next(Instant now)
    {
        if (_asked == MaxSamples || IsClear())
        {
            done(now);
            return;
        }

        _asked++;
        bench.Open((socket, at) => bench.Ask(socket.Id, contact.Server, DiscoverySchedules.Further, (outcome, then) => Handle(socket, outcome, then), at));
    }

    private void Handle(DiscoverySocket socket, StunOutcome outcome, Instant now)
    {
        if (outcome.Answer is { } answer)
        {
            _samples.Add(new PortSample(socket.Local.Port, answer.Mapped.Port));
            _public.Add(answer.Mapped.WithPort(0));
            Last = (socket, answer.Mapped);
        }

        // What was lost may have been dropped for coming too fast.
        if (outcome.Transmissions > 1) _pause = _pause * 2 < DiscoverySchedules.LongestPause ? _pause * 2 : DiscoverySchedules.LongestPause;
        if (outcome.Kind == StunOutcomeKind.TimedOut && _samples.Count == 0) _asked = MaxSamples; // A server that has gone silent is not asked a dozen times.
        bench.Pause(_pause, Next, now);
    }

    private bool IsClear() => Result.Pattern switch
    {
        PortAllocationPattern.Preserving => _samples.Count >= EnoughKept,
        PortAllocationPattern.Sequential => _samples.Count >= EnoughInSequence,
        _ => false,
    };
}
