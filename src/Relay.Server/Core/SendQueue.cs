using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <summary>
/// What waits to be sent to one client, in three lanes: the relay's own frames, then disco and WireGuard handshakes, then data. The latter
/// two are shared fairly among their senders. Each lane is bounded, none can push out what waits in another, and none can starve another.
/// </summary>
internal sealed class SendQueue(RelayCounters counters, QueueMemory memory)
{
    /// <summary>The most bytes of data that wait: about 20 ms at 100 Mbit/s, a burst of 180 full packets.</summary>
    public const int MaxDataBytes = 256 << 10;

    /// <summary>The most bytes of disco and handshakes: a quarter of the whole, for anyone can write the disco magic.</summary>
    public const int MaxDiscoBytes = MaxDataBytes / 4;

    /// <summary>The most packets of disco and handshakes of one sender.</summary>
    public const int MaxDiscoPackets = 32;

    /// <summary>The most bytes of the relay's own frames: hundreds of notices, which nobody else can cause without limit.</summary>
    public const int MaxControlBytes = 16 << 10;

    /// <summary>How long data may wait: what is older, its sender has given up or sent again.</summary>
    public static readonly TimeSpan MaxDataWait = TimeSpan.FromSeconds(1);

    // While data waits too, disco and handshakes get a quarter of the bytes, and at first no more than this ahead of it.
    private const int DiscoShare = 3;
    private const int MaxDiscoCredit = 16 << 10;

    private static readonly LaneLimits DiscoLimits = new(MaxDiscoBytes, MaxDiscoPackets, MaxWait: TimeSpan.FromSeconds(5), IsAged: false); // 5 s: then WireGuard begins anew.
    private static readonly LaneLimits DataLimits = new(MaxDataBytes, MaxFramesPerSender: int.MaxValue, MaxDataWait, IsAged: true);

    private readonly Lock _lock = new();
    private readonly FrameRing _control = new(MaxControlBytes);
    private FairScheduler? _disco; // Most clients are idle: a lane is made when first needed.
    private FairScheduler? _data;
    private byte[]? _pong;
    private int _discoCredit = MaxDiscoCredit;
    private PresenceFeed? _feed;
    private bool _hasPong;
    private bool _isClosed;

    /// <summary>What a watcher is to hear of others' coming and going, behind the relay's own frames; null for all who do not watch.</summary>
    public PresenceFeed? Feed
    {
        get => Volatile.Read(ref _feed);
        set => Volatile.Write(ref _feed, value);
    }

    /// <summary>Counts for the client alone; null where nobody asks.</summary>
    public ClientTraffic? Traffic { get; init; }

    /// <summary>Says whether nothing waits.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _control.Count + CountOf(_disco) + CountOf(_data) == 0 && !_hasPong && (Feed?.IsEmpty ?? true);
        }
    }

    /// <summary>The bytes that wait.</summary>
    public int Length
    {
        get
        {
            lock (_lock) return LengthLocked;
        }
    }

    private int LengthLocked => _control.Length + (_disco?.Length ?? 0) + (_data?.Length ?? 0);

    /// <summary>Appends one of the relay's own frames; where their lane is full the new one is dropped, so that the first frame stays the first.</summary>
    public void EnqueueControl(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_isClosed || _control.TryAppend(frame)) return;
        }

        counters.CountNoticeDropped();
    }

    /// <summary>Leaves the answer to a Ping, unless one waits already: whoever pings faster than it reads is answered less.</summary>
    public void EnqueuePong(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (_hasPong) return;
            _pong ??= new byte[PingFrame.Length];
            PingFrame.Write(_pong, FrameType.Pong, data);
            _hasPong = true;
        }
    }

    /// <summary>Appends a RecvPacket frame to the lane of its kind.</summary>
    public void EnqueuePacket(ReadOnlySpan<byte> frame, PacketKind kind, Instant now) => EnqueuePackets(frame, kind, now);

    /// <summary>Appends RecvPacket frames, one behind the other, to the lane of their kind: at the cost of the lane's longest sender where it is full.</summary>
    /// <param name="run">Whole frames of one sender and one kind.</param>
    /// <param name="kind">Their kind; disco and handshakes are one lane, so may be one run.</param>
    /// <param name="now">The present.</param>
    public void EnqueuePackets(ReadOnlySpan<byte> run, PacketKind kind, Instant now)
    {
        NodeKey sender = new(run.Slice(FrameHeader.Length, NodeKey.Length));
        int frames;
        lock (_lock)
        {
            if (_isClosed)
            {
                counters.CountDrop(DropReason.Disconnected, kind, FairScheduler.CountFrames(run));
                return;
            }

            FairScheduler lane = kind == PacketKind.Data ? _data ??= new FairScheduler(counters, memory, DataLimits) : _disco ??= new FairScheduler(counters, memory, DiscoLimits);
            frames = lane.Append(run, sender, now);
        }

        counters.CountOut(frames, run.Length - frames * PacketFrame.PrefixLength);
        Traffic?.CountOut(frames, run.Length - frames * PacketFrame.PrefixLength);
    }

    /// <summary>Moves whole frames to <paramref name="destination"/>, lane by lane, as many as fit.</summary>
    /// <param name="destination">Where they go; where it has room for the longest frame, something is always moved.</param>
    /// <param name="now">The present.</param>
    /// <param name="enough">The bytes after which no further frame is taken: what waits here is shared fairly, what has been taken is not.</param>
    /// <returns>The bytes moved; 0 = nothing waits.</returns>
    public int Take(Span<byte> destination, Instant now, int enough = int.MaxValue)
    {
        QueueWaits waits = default;
        int taken;
        int waiting;
        lock (_lock)
        {
            waiting = LengthLocked;
            taken = TakePong(destination);
            taken += _control.Take(destination[taken..]);
            if (_control.Count == 0 && Feed is { } feed) taken += feed.Take(destination[taken..]);
            if (_control.Count == 0) taken += TakePackets(destination[taken..], enough - taken, now, ref waits);
        }

        counters.CountWaits(waits);
        if (waiting > 0) counters.QueueLengths.Count(waiting);
        return taken;
    }

    /// <summary>The client has left: what waits is dropped, and nothing more is taken.</summary>
    public void Close()
    {
        lock (_lock)
        {
            if (_isClosed) return;
            _isClosed = true;
            _hasPong = false;
            _control.Clear();
            _disco?.Clear(DropReason.Disconnected);
            _data?.Clear(DropReason.Disconnected);
        }
    }

    /// <summary>Disco and handshakes first. Where data waits too, they pay for it with credit, which data that is sent earns them.</summary>
    private int TakePackets(Span<byte> destination, int enough, Instant now, ref QueueWaits waits)
    {
        int taken = 0;
        while (taken < enough)
        {
            bool hasData = CountOf(_data) > 0;
            FairScheduler? lane = CountOf(_disco) > 0 && (!hasData || _discoCredit > 0) ? _disco : hasData ? _data : null;
            if (lane is null) break;

            int turn = enough - taken;
            if (lane == _disco && hasData) turn = Math.Min(turn, _discoCredit);
            if (lane == _data && CountOf(_disco) > 0) turn = Math.Min(turn, FairScheduler.Quantum);
            int moved = lane.Take(destination[taken..], turn, now, ref waits);
            if (moved == 0 && lane.Count > 0) break; // The next does not fit.

            taken += moved;
            if (lane == _data) _discoCredit = Math.Min(MaxDiscoCredit, _discoCredit + moved / DiscoShare);
            else if (hasData) _discoCredit -= moved;
        }

        return taken;
    }

    private int TakePong(Span<byte> destination)
    {
        if (!_hasPong || destination.Length < PingFrame.Length) return 0;
        _hasPong = false;
        _pong.CopyTo(destination);
        return PingFrame.Length;
    }

    private static int CountOf(FairScheduler? lane) => lane?.Count ?? 0;
}
