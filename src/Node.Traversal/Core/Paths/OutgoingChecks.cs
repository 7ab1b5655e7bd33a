using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// The checks that go out, each under a name of its own: none too soon after the one before on its pair, and the first to an address that nothing
/// was heard from as an opener, which dies before it gets there.
/// </summary>
internal sealed class OutgoingChecks(PathTraffic traffic, EntropySource entropy)
{
    /// <summary>No pair is checked more often than this, whatever the peer sends.</summary>
    private static readonly TimeSpan MinGap = TimeSpan.FromMilliseconds(40);

    private readonly Queue<PathCheck> _checks = [];

    /// <summary>Says that the first check to an address that nothing was heard from only opens our own side, and that the next one follows soon.</summary>
    public bool OpensFirst { get; set; }

    /// <summary>When that next one is due; null = no opener was sent.</summary>
    public Instant? NextAfterOpener { get; private set; }

    /// <summary>Takes the next one to send.</summary>
    public bool TryDequeue(out PathCheck check) => _checks.TryDequeue(out check);

    /// <summary>Checks a pair.</summary>
    /// <param name="pair">The pair.</param>
    /// <param name="isSelected">Says that it is the one in use: its way is open.</param>
    /// <param name="now">The present.</param>
    /// <returns>False where it was checked a moment ago.</returns>
    public bool TryCheck(CandidatePair pair, bool isSelected, Instant now)
    {
        if (pair.LastCheck is { } last && now - last < MinGap) return false;

        PingId id = NewId();
        pair.NoteCheck(id, traffic.SentDirect, now);
        bool isOpener = OpensFirst && !pair.IsOpened && !isSelected;
        pair.IsOpened = true;
        if (isOpener) NextAfterOpener ??= now + PunchTiming.OpenerLead;
        _checks.Enqueue(new PathCheck(pair.Id, id) { Ttl = isOpener ? OpenerHops.Usual : (byte)0 });
        return true;
    }

    /// <summary>What follows the openers is being sent.</summary>
    public void TakeAfterOpener() => NextAfterOpener = null;

    /// <summary>Sends a check as long as that packet, in bytes. It is not noted with the pair: going unanswered, it says nothing of whether the path lives.</summary>
    public void AddPadded(PairId pair, PingId id, int packetLength) => _checks.Enqueue(new PathCheck(pair, id) { PacketLength = packetLength });

    /// <summary>A new check's name.</summary>
    public PingId NewId()
    {
        Span<byte> random = stackalloc byte[PingId.Length];
        entropy(random);
        return PingId.Read(random);
    }
}
