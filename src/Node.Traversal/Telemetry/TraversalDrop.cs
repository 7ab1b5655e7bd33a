namespace Node.Traversal;

/// <summary>Why the shell let a packet go.</summary>
public enum TraversalDrop
{
    /// <summary>Data from an address that is no peer's.</summary>
    UnknownAddress,

    /// <summary>A relayed packet from a key that is no peer's.</summary>
    UnknownKey,

    /// <summary>Held for a way to the peer for too long, or pushed out by newer ones.</summary>
    HeldTooLong,

    /// <summary>The queue to a relay was full: its oldest made room.</summary>
    RelayQueueFull,

    /// <summary>The relay it should have gone through was no longer connected.</summary>
    RelayGone,

    /// <summary>More than the relay allows us a second.</summary>
    RelayLimit,

    /// <summary>The system refused to send it and no relay could take it.</summary>
    SendFailed,

    /// <summary>Longer than the batches it passes through; cut off on receive.</summary>
    TooLong,

    /// <summary>Control packets came faster than the loop could handle them.</summary>
    LoopBusy,

    /// <summary>Nobody took what the peer sent: the embedder's queue was full.</summary>
    NotReceived,

    /// <summary>A padded check for the path's MTU was longer than the link it would have left by takes in one piece.</summary>
    ProbeTooLong,

    /// <summary>What a fault of this program, or of what its embedder has handed it, has cost: an input to the loop, or a turn of another task.</summary>
    Faulted,
}

/// <summary>What the shell counts. Any thread may count, and any may read.</summary>
internal sealed class TraversalCounters
{
    private readonly long[] _drops = new long[Enum.GetValues<TraversalDrop>().Length];
    private long _tooLongForPath;
    private long _longerThanMtu;

    /// <summary>Packets dropped for that reason.</summary>
    public long this[TraversalDrop reason] => Volatile.Read(ref _drops[(int)reason]);

    /// <summary>Packets too long for a direct path, which went by relay.</summary>
    public long TooLongForPath => Volatile.Read(ref _tooLongForPath);

    /// <summary>Datagrams sent directly that are longer than the path was found to carry whole: they go in fragments.</summary>
    public long LongerThanMtu => Volatile.Read(ref _longerThanMtu);

    public void Count(TraversalDrop reason, int packets = 1) => Interlocked.Add(ref _drops[(int)reason], packets);

    public void CountTooLongForPath() => Interlocked.Increment(ref _tooLongForPath);

    public void CountLongerThanMtu() => Interlocked.Increment(ref _longerThanMtu);
}
