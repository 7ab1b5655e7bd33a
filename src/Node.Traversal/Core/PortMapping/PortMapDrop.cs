namespace Node.Traversal.Core.PortMapping;

/// <summary>Why a datagram of a gateway, or of one that would be it, was let go.</summary>
internal enum PortMapDrop
{
    /// <summary>Not from the gateway, or not from its port 5351.</summary>
    WrongSource,

    /// <summary>Not spelled as its protocol is, or cut short.</summary>
    Malformed,

    /// <summary>Another nonce than our mapping's.</summary>
    WrongNonce,

    /// <summary>A mapping of another port or protocol than ours.</summary>
    WrongMapping,

    /// <summary>Nothing was asked that it would answer.</summary>
    Unasked,

    /// <summary>A router's URL that leads out of the LAN, to this machine, or to a name.</summary>
    HostileUrl,

    /// <summary>More came than is taken: it waits in front of a queue that is full.</summary>
    Flood,

    /// <summary>A fault of this program came to light with it.</summary>
    Faulted,
}

/// <summary>Counts them. One thread counts; any may read.</summary>
internal sealed class PortMapDrops
{
    private readonly long[] _counts = new long[Enum.GetValues<PortMapDrop>().Length];

    public long this[PortMapDrop reason] => Volatile.Read(ref _counts[(int)reason]);

    public void Count(PortMapDrop reason) => Interlocked.Increment(ref _counts[(int)reason]);
}
