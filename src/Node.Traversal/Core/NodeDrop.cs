namespace Node.Traversal.Core;

/// <summary>Why the core let a control packet go.</summary>
internal enum NodeDrop
{
    /// <summary>Sealed by a key that belongs to no configured peer, or is not known yet.</summary>
    UnknownKey,

    /// <summary>The box did not open: forged, damaged, or sealed for an earlier start of ours.</summary>
    NotOpened,

    /// <summary>Opened, but not a message we can read.</summary>
    Malformed,

    /// <summary>Not newer than what we have: replayed, or overtaken.</summary>
    Stale,

    /// <summary>Names another sender or receiver than the keys that sealed it.</summary>
    WrongParty,

    /// <summary>Came another way than it may: a call-me-maybe not by relay, or from a peer that has not echoed us.</summary>
    WrongWay,

    /// <summary>Came from an address that leads through the tunnel or to no peer.</summary>
    RefusedSource,

    /// <summary>A link-local address where none may be told: in a call-me-maybe, among other candidates, or of a link that we are not on. What came with it counts.</summary>
    WrongLink,

    /// <summary>An answer to no check in flight.</summary>
    UnmatchedPong,

    /// <summary>A STUN answer to no request in flight, from another source, or with an address that cannot be ours.</summary>
    UnmatchedStun,

    /// <summary>More than the peer may ask in a while.</summary>
    TooOften,

    /// <summary>A type of message that we do not know.</summary>
    UnknownType,
}

/// <summary>Counts control packets let go, by reason.</summary>
internal sealed class NodeDropCounters
{
    private readonly long[] _counts = new long[Enum.GetValues<NodeDrop>().Length];

    /// <summary>How many were let go for <paramref name="reason"/>. May be read from any thread.</summary>
    public long this[NodeDrop reason] => Volatile.Read(ref _counts[(int)reason]);

    /// <summary>Counts one.</summary>
    public void Count(NodeDrop reason) => Interlocked.Increment(ref _counts[(int)reason]);
}
