using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>Why a packet went no further.</summary>
internal enum DropReason
{
    /// <summary>Nobody with the destination's key is connected here.</summary>
    UnknownDestination,

    /// <summary>Another relay of the region sent it on to us, and its destination is not here.</summary>
    UnknownDestinationOnForward,

    /// <summary>The destination's queue was full: the oldest of the sender with most in that lane made room.</summary>
    QueueFull,

    /// <summary>It had waited for its destination too long to be worth sending.</summary>
    Aged,

    /// <summary>The queues of all clients together had used up their memory.</summary>
    MemoryFull,

    /// <summary>It was longer than a lane of its destination's queue may ever hold.</summary>
    TooLong,

    /// <summary>Its sender was refused and is kept in quarantine.</summary>
    Quarantined,

    /// <summary>The destination left with packets in its queue.</summary>
    Disconnected,
}

/// <summary>Counts what has passed and what was dropped. Any thread may count, and any may read.</summary>
internal sealed class RelayCounters
{
    private static readonly int Kinds = Enum.GetValues<PacketKind>().Length;

    private readonly long[] _dropped = new long[Enum.GetValues<DropReason>().Length * Kinds];
    private readonly long[] _closed = new long[Enum.GetValues<CloseReason>().Length];
    private readonly long[] _logins = new long[Enum.GetValues<AdmissionSource>().Length];
    private readonly long[] _refused = new long[Enum.GetValues<RefusalReason>().Length];
    private long _packetsIn;
    private long _bytesIn;
    private long _packetsOut;
    private long _bytesOut;
    private readonly long[] _waits = new long[QueueWaits.Buckets];
    private long _waitTicks;
    private long _noticesDropped;
    private long _clientPauses;
    private long _tenantPauses;
    private long _writes;
    private long _pings;
    private long _homesMade;
    private long _homesLeft;
    private long _forwardedOut;
    private long _forwardedIn;
    private long _forwardedInBytes;
    private readonly long[] _peerGone = new long[Enum.GetValues<PeerGoneReason>().Length];
    private long _stalls;
    private long _tls12;
    private long _tls13;

    /// <summary>The lengths of packets taken from clients, in bytes.</summary>
    public BucketCounts PacketLengths { get; } = new([64, 128, 256, 512, 1024, 1280, 1500, 4096, 16384, 65536]);

    /// <summary>What waited for a client when some of it was taken to be sent, in bytes.</summary>
    public BucketCounts QueueLengths { get; } = new([1024, 4096, 16384, 65536, 131072, 262144]);

    /// <summary>The time from the acceptance of a connection to its client's login, in seconds.</summary>
    public BucketCounts LoginTimes { get; } = new([0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]);

    /// <summary>Round-trip times of clients' connections, sampled, in seconds.</summary>
    public BucketCounts Rtts { get; } = new([0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5]);

    /// <summary>Times that a connection did not take what was to be sent at once.</summary>
    public long Stalls => Volatile.Read(ref _stalls);

    /// <summary>TLS handshakes done, by version.</summary>
    public (long Tls12, long Tls13) TlsHandshakes => (Volatile.Read(ref _tls12), Volatile.Read(ref _tls13));

    /// <summary>Packets and bytes taken from clients, keys and headers not counted.</summary>
    public (long Packets, long Bytes) In => (Volatile.Read(ref _packetsIn), Volatile.Read(ref _bytesIn));

    /// <summary>Packets and bytes put into the queues of clients.</summary>
    public (long Packets, long Bytes) Out => (Volatile.Read(ref _packetsOut), Volatile.Read(ref _bytesOut));

    /// <summary>Writes to connections: packets out divided by this is how well they merge.</summary>
    public long Writes => Volatile.Read(ref _writes);

    /// <summary>Frames of the relay's own that found their lane full: the client hears of fewer peers that have gone.</summary>
    public long NoticesDropped => Volatile.Read(ref _noticesDropped);

    /// <summary>Times a client was not read from for a while, for its own rate and for its tenant's.</summary>
    public (long Clients, long Tenants) Pauses => (Volatile.Read(ref _clientPauses), Volatile.Read(ref _tenantPauses));

    /// <summary>The time that all packets sent have waited in queues, added up.</summary>
    public TimeSpan WaitTotal => new(Volatile.Read(ref _waitTicks));

    /// <summary>Packets that have waited up to the bound of this bucket and over that of the one before (<see cref="QueueWaits.Bounds"/>).</summary>
    public long Waited(int bucket) => Volatile.Read(ref _waits[bucket]);

    /// <summary>Packets sent on to other relays of the region.</summary>
    public long ForwardedOut => Volatile.Read(ref _forwardedOut);

    /// <summary>Packets and bytes that other relays of the region have sent on to us.</summary>
    public (long Packets, long Bytes) ForwardedIn => (Volatile.Read(ref _forwardedIn), Volatile.Read(ref _forwardedInBytes));

    /// <summary>Ping frames of clients, each answered, or dropped where the client's lane was full.</summary>
    public long Pings => Volatile.Read(ref _pings);

    /// <summary>Times that a client has made this relay its home, and times that one has moved away.</summary>
    public (long Made, long Left) HomeChanges => (Volatile.Read(ref _homesMade), Volatile.Read(ref _homesLeft));

    /// <summary>PeerGone frames queued for clients.</summary>
    public long PeerGone(PeerGoneReason reason) => Volatile.Read(ref _peerGone[(int)reason]);

    public long Dropped(DropReason reason, PacketKind kind) => Volatile.Read(ref _dropped[(int)reason * Kinds + (int)kind]);

    /// <summary>Clients let in, by what has let them in.</summary>
    public long LoggedIn(AdmissionSource source) => Volatile.Read(ref _logins[(int)source]);

    /// <summary>Logins and tokens refused.</summary>
    public long Refused(RefusalReason reason) => Volatile.Read(ref _refused[(int)reason]);

    public long Closed(CloseReason reason) => Volatile.Read(ref _closed[(int)reason]);

    public void CountIn(int packets, long bytes)
    {
        Interlocked.Add(ref _packetsIn, packets);
        Interlocked.Add(ref _bytesIn, bytes);
    }

    public void CountOut(int packets, long bytes)
    {
        Interlocked.Add(ref _packetsOut, packets);
        Interlocked.Add(ref _bytesOut, bytes);
    }

    /// <summary>Adds what one take from a queue has counted for itself.</summary>
    public void CountWaits(in QueueWaits waits)
    {
        for (int bucket = 0; bucket < QueueWaits.Buckets; bucket++)
        {
            if (waits[bucket] > 0) Interlocked.Add(ref _waits[bucket], waits[bucket]);
        }

        if (waits.TotalTicks > 0) Interlocked.Add(ref _waitTicks, waits.TotalTicks);
    }

    /// <summary>Counts packets that went out without waiting in any queue.</summary>
    public void CountNoWait(int packets) => Interlocked.Add(ref _waits[0], packets);

    /// <summary>Counts that a client was not read from for a while, because it, or its tenant, had sent more than it may.</summary>
    public void CountPause(bool isTenants) => Interlocked.Increment(ref isTenants ? ref _tenantPauses : ref _clientPauses);

    public void CountNoticeDropped() => Interlocked.Increment(ref _noticesDropped);

    public void CountForwardedOut() => Interlocked.Increment(ref _forwardedOut);

    public void CountForwardedIn(int bytes)
    {
        Interlocked.Increment(ref _forwardedIn);
        Interlocked.Add(ref _forwardedInBytes, bytes);
    }

    public void CountPing() => Interlocked.Increment(ref _pings);

    public void CountHomeChange(bool isHome) => Interlocked.Increment(ref isHome ? ref _homesMade : ref _homesLeft);

    public void CountPeerGone(PeerGoneReason reason) => Interlocked.Increment(ref _peerGone[(int)reason]);

    public void CountWrite() => Interlocked.Increment(ref _writes);

    public void CountDrop(DropReason reason, PacketKind kind, int packets = 1) => Interlocked.Add(ref _dropped[(int)reason * Kinds + (int)kind], packets);

    public void CountStall() => Interlocked.Increment(ref _stalls);

    public void CountTls(bool is13)
    {
        if (is13) Interlocked.Increment(ref _tls13);
        else Interlocked.Increment(ref _tls12);
    }

    public void CountLogin(AdmissionSource source) => Interlocked.Increment(ref _logins[(int)source]);

    public void CountRefusal(RefusalReason reason) => Interlocked.Increment(ref _refused[(int)reason]);

    public void CountClose(CloseReason reason) => Interlocked.Increment(ref _closed[(int)reason]);
}
