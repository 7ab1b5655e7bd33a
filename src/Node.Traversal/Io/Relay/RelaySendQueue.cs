using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Io.Relay;

/// <summary>What waits to be sent to one relay: control first, then data; each lane is bounded and drops its own oldest.</summary>
internal sealed class RelaySendQueue(TraversalCounters counters)
{
    /// <summary>The most bytes of data that wait: about 20 ms at 100 Mbit/s. More would only arrive late.</summary>
    public const int MaxDataBytes = 256 << 10;

    /// <summary>The most bytes of greetings, candidates and notices that wait.</summary>
    public const int MaxControlBytes = 64 << 10;

    private readonly Lock _lock = new();
    private readonly FrameRing _control = new(MaxControlBytes);
    private readonly FrameRing _data = new(MaxDataBytes);
    private readonly byte[] _frame = new byte[PacketFrame.PrefixLength + RelayLimits.MaxPacketLength];
    private TokenBucket? _limit;

    /// <summary>Takes the limit that the relay has told us; null = none.</summary>
    public void SetLimit(TokenBucket? limit)
    {
        lock (_lock) _limit = limit;
    }

    /// <summary>Appends a control frame as it is.</summary>
    public void EnqueueFrame(ReadOnlySpan<byte> frame)
    {
        lock (_lock) Append(_control, frame);
    }

    /// <summary>Appends a packet for a peer.</summary>
    public void EnqueuePacket(NodeKey peer, ReadOnlySpan<byte> packet, bool isControl, Instant now)
    {
        if (packet.Length > RelayLimits.MaxPacketLength)
        {
            counters.Count(TraversalDrop.TooLong);
            return;
        }

        lock (_lock)
        {
            int length = PacketFrame.PrefixLength + packet.Length;
            if (_limit is { } limit)
            {
                bool isWithin = limit.TryTake(length, now);
                _limit = limit;
                if (!isWithin)
                {
                    counters.Count(TraversalDrop.RelayLimit);
                    return;
                }
            }

            PacketFrame.WritePrefix(_frame, FrameType.SendPacket, peer, packet.Length);
            packet.CopyTo(_frame.AsSpan(PacketFrame.PrefixLength));
            Append(isControl ? _control : _data, _frame.AsSpan(0, length));
        }
    }

    /// <summary>Moves whole frames to <paramref name="destination"/>, as many as fit; 0 = nothing waits.</summary>
    public int Take(Span<byte> destination)
    {
        lock (_lock)
        {
            int taken = _control.Take(destination);
            return _control.Count > 0 ? taken : taken + _data.Take(destination[taken..]);
        }
    }

    /// <summary>The connection is gone, and with it what waited.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _control.Clear();
            counters.Count(TraversalDrop.RelayGone, _data.Clear());
        }
    }

    private void Append(FrameRing lane, ReadOnlySpan<byte> frame)
    {
        if (frame.Length > lane.MaxBytes)
        {
            counters.Count(TraversalDrop.TooLong); // Only a control packet can be, and none of ours is.
            return;
        }

        while (!lane.TryAppend(frame))
        {
            lane.DropOldest();
            counters.Count(TraversalDrop.RelayQueueFull);
        }
    }
}
