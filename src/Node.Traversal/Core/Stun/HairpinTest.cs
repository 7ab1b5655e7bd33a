using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>
/// Tells whether two sockets behind one NAT reach each other by their public addresses (RFC 5780 §4.5, RFC 4787 §6). Both send, so that a
/// filter between them is open.
/// </summary>
/// <param name="bench">What it works with.</param>
/// <param name="one">A socket, and where it was seen.</param>
/// <param name="other">Another one.</param>
/// <param name="done">What comes next.</param>
internal sealed class HairpinTest(
    DiscoveryBench bench, (DiscoverySocket Socket, TransportAddress Mapped) one, (DiscoverySocket Socket, TransportAddress Mapped) other, Action<Instant> done)
{
    private const int MaxKnocks = 3;

    private int _knocks;

    public bool? Result { get; private set; }

    public void Start(Instant now)
    {
        Knock(now);
    }

    private void Knock(Instant now)
    {
        if (Result == true) return;
        if (_knocks == MaxKnocks)
        {
            Result = false;
            done(now);
            return;
        }

        _knocks++;
        bench.Knock(one.Socket.Id, other.Mapped, HandleArrival);
        bench.Knock(other.Socket.Id, one.Mapped, HandleArrival);
        bench.Pause(DiscoverySchedules.BetweenKnocks, Knock, now);
    }

    private void HandleArrival(SocketId socket, TransportAddress source, Instant now)
    {
        if (Result is not null) return;
        Result = true;
        // A source that is not the public one breaks who waits for that (RFC 4787, REQ-9).
        bool isPublic = source.Bits == one.Mapped.Bits || source.Bits == other.Mapped.Bits;
        if (!isPublic) bench.Note(NatAspect.Hairpinning, $"what comes back carries the local source address {source}, not the public one (RFC 4787, REQ-9)");
        done(now);
    }
}
