using Relay.Protocol;
using Timing;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// What hard punches may cost the routers: one at a time here, and never more than <see cref="MaxUnanswered"/> mappings that nothing has
/// answered alive at a router, ours or a peer's. A router is known by its public address, so peers behind one share what it can bear.
/// </summary>
internal sealed class PunchBudget
{
    /// <summary>Mappings without an answer that a router is made to keep at once: a tenth of what has been seen to break home routers.</summary>
    public const int MaxUnanswered = 512;

    /// <summary>Of these, those left to the checks of candidates, which nobody may answer either.</summary>
    public const int Reserve = 8;

    /// <summary>A punch that could not have at least so many is put off.</summary>
    public const int LeastSize = 256;

    /// <summary>How long a NAT keeps a mapping that nothing has answered (30 s on Linux), and a bit.</summary>
    public static readonly TimeSpan MappingLifetime = TimeSpan.FromSeconds(32);

    private static readonly UInt128 Own = UInt128.Zero;

    private readonly List<(UInt128 Router, int Count, Instant Until)> _open = [];
    private NodeKey? _holder;

    /// <summary>Says whether a hard punch is going on.</summary>
    public bool IsTaken => _holder is not null;

    /// <summary>Says how many mappings a punch with that peer's router may make now; 0 = none, another is going on, or too many are alive.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="peerRouter">The public address of its router.</param>
    /// <param name="ports">The ports that a punch may take of either NAT: while more than half of these are taken there is no other.</param>
    /// <param name="now">The present.</param>
    public int SizeFor(NodeKey peer, UInt128 peerRouter, int ports, Instant now)
    {
        if (_holder is { } holder && holder != peer) return 0;
        _open.RemoveAll(entry => entry.Until <= now);
        int alive = Math.Max(AliveAt(Own), AliveAt(peerRouter));
        if (alive > ports / 2) return 0;
        int size = MaxUnanswered - Reserve - alive;
        return size >= LeastSize ? size : 0;
    }

    /// <summary>Takes the one place for a peer; false where another has it.</summary>
    public bool TryTake(NodeKey peer)
    {
        if (_holder is { } holder && holder != peer) return false;
        _holder = peer;
        return true;
    }

    /// <summary>The peer's punch is over; so many mappings stay at both routers until they expire.</summary>
    /// <returns>False where it has none.</returns>
    public bool Return(NodeKey peer, UInt128 peerRouter, int opened, Instant now)
    {
        if (_holder != peer) return false;
        _holder = null;
        if (opened == 0) return true;
        _open.Add((Own, opened, now + MappingLifetime));
        _open.Add((peerRouter, opened, now + MappingLifetime));
        return true;
    }

    /// <summary>We are behind another router: what the one before keeps is no concern of ours.</summary>
    public void HandleNetworkChange() => _open.RemoveAll(entry => entry.Router == Own);

    private int AliveAt(UInt128 router)
    {
        int alive = 0;
        foreach ((UInt128 at, int count, _) in _open) alive += at == router ? count : 0;
        return alive;
    }
}
