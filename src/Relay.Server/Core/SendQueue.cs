using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>
/// What waits to be sent to one client, in three lanes: the relay's own frames, then disco and WireGuard handshakes, then data. Each lane
/// is bounded and drops its own oldest: fresh packets are worth more, and no lane can starve the one before it.
/// </summary>
internal sealed class SendQueue(RelayCounters counters)
{
    /// <summary>The most bytes of data that wait: about 20 ms at 100 Mbit/s, a burst of 180 full packets.</summary>
    public const int MaxDataBytes = 256 << 10;

    /// <summary>The most bytes of disco and handshakes: a quarter of the whole, for anyone can write the disco magic.</summary>
    public const int MaxDiscoBytes = MaxDataBytes / 4;

    /// <summary>The most packets of disco and handshakes.</summary>
    public const int MaxDiscoPackets = 32;

    /// <summary>The most bytes of the relay's own frames: hundreds of notices, which nobody else can cause without limit.</summary>
    public const int MaxControlBytes = 16 << 10;

    private readonly Lock _lock = new();
    private readonly FrameRing _control = new(MaxControlBytes);
    private readonly FrameRing _disco = new(MaxDiscoBytes);
    private readonly FrameRing _data = new(MaxDataBytes + PacketFrame.PrefixLength);
    private readonly byte[] _pong = new byte[PingFrame.Length];
    private bool _hasPong;
    private bool _isClosed;

    /// <summary>Says whether nothing waits.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _control.Length + _disco.Length + _data.Length == 0 && !_hasPong;
        }
    }

    /// <summary>Appends one of the relay's own frames.</summary>
    public void EnqueueControl(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_isClosed) return;
            while (!_control.TryAppend(frame)) _control.DropOldest();
        }
    }

    /// <summary>Leaves the answer to a Ping, unless one waits already: whoever pings faster than it reads is answered less.</summary>
    public void EnqueuePong(ReadOnlySpan<byte> data)
    {
        lock (_lock)
        {
            if (_hasPong) return;
            PingFrame.Write(_pong, FrameType.Pong, data);
            _hasPong = true;
        }
    }

    /// <summary>Appends a RecvPacket frame to the lane of its kind, at the cost of that lane's oldest where it is full.</summary>
    public void EnqueuePacket(ReadOnlySpan<byte> frame, PacketKind kind)
    {
        lock (_lock) Append(frame, kind);
    }

    /// <summary>Appends a run of RecvPacket frames of one kind and one sender, one behind the other, as <see cref="EnqueuePacket"/> does with each.</summary>
    public void EnqueuePackets(ReadOnlySpan<byte> frames, PacketKind kind)
    {
        lock (_lock)
        {
            while (FrameHeader.TryRead(frames, out FrameHeader header))
            {
                int length = FrameHeader.Length + (int)header.BodyLength;
                Append(frames[..length], kind);
                frames = frames[length..];
            }
        }
    }

    /// <summary>Moves whole frames to <paramref name="destination"/>, lane by lane, as many as fit.</summary>
    /// <returns>The bytes moved; 0 = nothing waits.</returns>
    public int Take(Span<byte> destination)
    {
        lock (_lock)
        {
            int taken = TakePong(destination);
            taken += _control.Take(destination[taken..]);
            if (_control.Count > 0) return taken;
            taken += _disco.Take(destination[taken..]);
            if (_disco.Count > 0) return taken;
            return taken + _data.Take(destination[taken..]);
        }
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
            counters.CountDrop(DropReason.Disconnected, PacketKind.Disco, _disco.Clear());
            counters.CountDrop(DropReason.Disconnected, PacketKind.Data, _data.Clear());
        }
    }

    private void Append(ReadOnlySpan<byte> frame, PacketKind kind)
    {
        FrameRing lane = kind == PacketKind.Data ? _data : _disco;
        int maxCount = kind == PacketKind.Data ? int.MaxValue : MaxDiscoPackets;
        if (_isClosed || frame.Length > lane.MaxBytes)
        {
            counters.CountDrop(_isClosed ? DropReason.Disconnected : DropReason.TooLong, kind);
            return;
        }

        int dropped = 0;
        while (lane.Count >= maxCount || !lane.TryAppend(frame))
        {
            lane.DropOldest();
            dropped++;
        }

        if (dropped > 0) counters.CountDrop(DropReason.QueueFull, kind, dropped);
        counters.CountOut(1, frame.Length - PacketFrame.PrefixLength);
    }

    private int TakePong(Span<byte> destination)
    {
        if (!_hasPong || destination.Length < _pong.Length) return 0;
        _hasPong = false;
        _pong.CopyTo(destination);
        return _pong.Length;
    }
}
