using System.Buffers.Binary;
using System.Diagnostics;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <summary>
/// What waits from one sender for one destination, in the order it came, each frame behind the instant it came at. The buffer is rented
/// while there is something in it. Not for two threads at once.
/// </summary>
internal sealed class SenderQueue(QueueMemory memory)
{
    private const int StampLength = sizeof(long); // The instant's ticks, in front of each frame.

    private byte[] _buffer = [];
    private int _head;
    private int _tail;
    private CoDel _aging;

    /// <summary>Whose frames these are; what all share who found no queue of their own is nobody's.</summary>
    public NodeKey Sender { get; private set; }

    /// <summary>The bytes of all frames.</summary>
    public int Length { get; private set; }

    /// <summary>The number of frames.</summary>
    public int Count { get; private set; }

    /// <summary>The bytes it may still send in its turn (deficit round robin); the scheduler's to count.</summary>
    public int Deficit { get; set; }

    /// <summary>The next in the scheduler's line.</summary>
    public SenderQueue? Next { get; set; }

    /// <summary>The frame that came first. There must be one.</summary>
    public ReadOnlySpan<byte> Front => _buffer.AsSpan(_head + StampLength, FrontLength());

    /// <summary>Begins anew, for another sender.</summary>
    public void Begin(NodeKey sender, int deficit)
    {
        Debug.Assert(Count == 0, "Only an empty queue changes hands.");
        Sender = sender;
        Deficit = deficit;
        Next = null;
        _aging = default;
    }

    /// <summary>Makes room for a frame about to be appended; false where the memory of all queues is used up.</summary>
    public bool TryReserve(int bytes)
    {
        int needed = bytes + StampLength;
        if (_tail + needed <= _buffer.Length) return true;

        int held = _tail - _head;
        if (held + needed <= _buffer.Length && _head >= _buffer.Length / 4) // So a byte is moved thrice at most, and a full queue stays within twice its length.
        {
            _buffer.AsSpan(_head, held).CopyTo(_buffer);
        }
        else
        {
            int wanted = Math.Max(held + needed, _buffer.Length + 1); // A buffer is of a power of two.
            if (memory.TryRent(wanted) is not { } larger) return false;
            _buffer.AsSpan(_head, held).CopyTo(larger);
            if (_buffer.Length > 0) memory.Return(_buffer);
            _buffer = larger;
        }

        _head = 0;
        _tail = held;
        return true;
    }

    /// <summary>Appends one whole frame, for which <see cref="TryReserve"/> has made room.</summary>
    public void Append(ReadOnlySpan<byte> frame, Instant now)
    {
        BinaryPrimitives.WriteInt64LittleEndian(_buffer.AsSpan(_tail), now.Ticks);
        frame.CopyTo(_buffer.AsSpan(_tail + StampLength));
        _tail += StampLength + frame.Length;
        Length += frame.Length;
        Count++;
    }

    /// <summary>How long the frame at the front has waited; never negative, for two threads may read the clock in one order and come in the other.</summary>
    public TimeSpan FrontWait(Instant now)
    {
        Instant since = new(BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(_head)));
        return now > since ? now - since : TimeSpan.Zero;
    }

    /// <summary>Says whether the frame at the front has waited too long to be sent. Asked when it is about to leave.</summary>
    public bool IsFrontStale(TimeSpan wait, Instant now) => _aging.ShouldDrop(wait, Length, now);

    /// <summary>Removes the frame at the front; with the last one goes the buffer.</summary>
    public void RemoveFront()
    {
        int length = FrontLength();
        _head += StampLength + length;
        Length -= length;
        Count--;
        if (Count == 0) Release();
    }

    private int FrontLength()
    {
        FrameHeader.TryRead(_buffer.AsSpan(_head + StampLength), out FrameHeader header);
        return FrameHeader.Length + (int)header.BodyLength;
    }

    private void Release()
    {
        _head = 0;
        _tail = 0;
        if (_buffer.Length == 0) return;
        memory.Return(_buffer);
        _buffer = [];
    }
}
