using System.Diagnostics;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Relay.Server.Core;

/// <summary>What one lane of a destination may hold.</summary>
/// <param name="MaxBytes">The most bytes of frames in all.</param>
/// <param name="MaxFramesPerSender">The most frames of one sender.</param>
/// <param name="MaxWait">How long a frame may wait; over it, it is dropped rather than sent.</param>
/// <param name="IsAged">Says whether long queues lose frames before they are full (<see cref="CoDel"/>).</param>
internal sealed record LaneLimits(int MaxBytes, int MaxFramesPerSender, TimeSpan MaxWait, bool IsAged);

/// <summary>
/// One lane of a destination's queue, shared among its senders by deficit round robin: a queue a sender, those that had nothing waiting
/// first (RFC 8290 §4), each aged on its own. A lane that is full drops from the head of the longest. Not for two threads at once.
/// </summary>
internal sealed class FairScheduler(RelayCounters counters, QueueMemory memory, LaneLimits limits)
{
    /// <summary>Senders with a queue of their own: at the lane's bound each has about one full packet. All others share one more.</summary>
    public const int MaxSenders = 128;

    /// <summary>What a sender may send in its turn, in bytes: one full packet (RFC 8290 §5.2.3).</summary>
    public const int Quantum = 1514;

    private const int FirstSenders = 4;

    private SenderQueue?[] _senders = [];
    private int[] _hashes = []; // Of their keys, in the same order.
    private int _senderCount;
    private SenderQueue? _last; // Frames come in runs.
    private SenderQueue? _rest; // Of all senders who found no queue of their own.
    private SenderQueue? _spare; // The usual case is one sender, who comes and goes with each round.
    private Line _new;
    private Line _old;

    /// <summary>The bytes of all frames.</summary>
    public int Length { get; private set; }

    /// <summary>The number of frames.</summary>
    public int Count { get; private set; }

    /// <summary>Appends whole frames of one sender, at the cost of the oldest of whoever has most where the lane is full.</summary>
    /// <returns>The frames there were.</returns>
    public int Append(ReadOnlySpan<byte> run, NodeKey sender, Instant now)
    {
        SenderQueue queue = Find(sender) ?? Begin(sender);
        Reserve(queue, run.Length); // For all at once: it grows once or twice.
        int frames = 0;
        while (!run.IsEmpty)
        {
            FrameHeader.TryRead(run, out FrameHeader header);
            int length = FrameHeader.Length + (int)header.BodyLength;
            Append(queue, run[..length], now);
            run = run[length..];
            frames++;
        }

        if (Count == 0) Reset();
        return frames;
    }

    /// <summary>The whole frames in a run.</summary>
    public static int CountFrames(ReadOnlySpan<byte> run)
    {
        int frames = 0;
        for (; FrameHeader.TryRead(run, out FrameHeader header); frames++) run = run[(FrameHeader.Length + (int)header.BodyLength)..];
        return frames;
    }

    /// <summary>Moves whole frames to <paramref name="destination"/>, in turns, as many as fit or until there are <paramref name="enough"/> bytes.</summary>
    /// <param name="destination">Where they go.</param>
    /// <param name="enough">The bytes after which no further frame is taken.</param>
    /// <param name="now">The present.</param>
    /// <param name="waits">Takes how long they have waited.</param>
    /// <returns>The bytes moved.</returns>
    public int Take(Span<byte> destination, int enough, Instant now, ref QueueWaits waits)
    {
        int taken = 0;
        while (Count > 0 && taken < enough)
        {
            bool isNew = _new.First is not null;
            SenderQueue queue = (isNew ? _new.First : _old.First) ?? throw new UnreachableException("Frames wait, but no sender is in line.");
            bool isAlone = queue.Next is null && (isNew ? _old : _new).First is null;
            if (queue.Deficit <= 0 && !isAlone)
            {
                queue.Deficit += Quantum;
                Requeue(isNew);
                continue;
            }

            if (!DropStale(queue, now, out TimeSpan wait))
            {
                Retire(isNew);
                continue;
            }

            ReadOnlySpan<byte> frame = queue.Front;
            if (frame.Length > destination.Length - taken) break;
            frame.CopyTo(destination[taken..]);
            taken += frame.Length;
            waits.Count(wait);
            queue.Deficit = isAlone ? Quantum : queue.Deficit - frame.Length;
            Remove(queue, frame.Length);
        }

        if (Count == 0) Reset();
        return taken;
    }

    /// <summary>Drops all there is, counting it, and gives all buffers back.</summary>
    public void Clear(DropReason reason)
    {
        for (int i = 0; i < _senderCount; i++) DropAll(_senders[i]!, reason);
        if (_rest is not null) DropAll(_rest, reason);
        Reset();
    }

    private void Append(SenderQueue queue, ReadOnlySpan<byte> frame, Instant now)
    {
        if (frame.Length > limits.MaxBytes)
        {
            CountDrop(frame, DropReason.TooLong);
            return;
        }

        if (!Reserve(queue, frame.Length))
        {
            CountDrop(frame, DropReason.MemoryFull);
            return;
        }

        queue.Append(frame, now);
        Length += frame.Length;
        Count++;
        if (queue.Count > limits.MaxFramesPerSender) Drop(queue, DropReason.QueueFull);
        while (Length > limits.MaxBytes) Drop(Longest(), DropReason.QueueFull);
        while (Length > memory.Share && Count > 0) Drop(Longest(), DropReason.MemoryFull);
    }

    /// <summary>Makes room in a sender's queue, at the cost of its own oldest where the memory of all queues is used up.</summary>
    private bool Reserve(SenderQueue queue, int bytes)
    {
        while (!queue.TryReserve(bytes))
        {
            if (queue.Count == 0) return false;
            Drop(queue, DropReason.MemoryFull);
        }

        return true;
    }

    /// <summary>The sender's queue. While the shared one holds anything it is the queue of all who have none: else a sender could overtake itself.</summary>
    private SenderQueue? Find(NodeKey sender)
    {
        if (_last is not null && _last.Sender == sender && _last != _rest) return _last;
        int hash = sender.GetHashCode();
        for (int i = IndexOf(hash, from: 0); i >= 0; i = IndexOf(hash, i + 1))
        {
            if (_senders[i]!.Sender == sender) return _last = _senders[i];
        }

        return _rest;
    }

    /// <summary>Looks for a hash, many at once: a hundred senders cost no more than a few.</summary>
    private int IndexOf(int hash, int from)
    {
        int index = _hashes.AsSpan(from, _senderCount - from).IndexOf(hash);
        return index < 0 ? -1 : from + index;
    }

    private SenderQueue Begin(NodeKey sender)
    {
        SenderQueue queue = _spare ?? memory.TakeQueue();
        _spare = null;
        if (_senderCount == MaxSenders)
        {
            queue.Begin(default, Quantum);
            _rest = queue;
        }
        else
        {
            queue.Begin(sender, Quantum);
            if (_senderCount == _senders.Length)
            {
                int length = Math.Max(FirstSenders, 2 * _senders.Length);
                Array.Resize(ref _senders, length);
                Array.Resize(ref _hashes, length);
            }

            _hashes[_senderCount] = sender.GetHashCode();
            _senders[_senderCount++] = queue;
            _last = queue;
        }

        _new.Add(queue);
        return queue;
    }

    /// <summary>Drops from the front what has waited too long; false where nothing is left.</summary>
    private bool DropStale(SenderQueue queue, Instant now, out TimeSpan wait)
    {
        wait = default;
        while (queue.Count > 0)
        {
            wait = queue.FrontWait(now);
            if (wait <= limits.MaxWait && !(limits.IsAged && queue.IsFrontStale(wait, now))) return true;
            Drop(queue, DropReason.Aged);
        }

        return false;
    }

    private SenderQueue Longest()
    {
        SenderQueue? longest = _rest;
        for (int i = 0; i < _senderCount; i++)
        {
            if (longest is null || _senders[i]!.Length > longest.Length) longest = _senders[i];
        }

        return longest ?? throw new UnreachableException("A lane is full of nothing.");
    }

    private void Drop(SenderQueue queue, DropReason reason)
    {
        ReadOnlySpan<byte> frame = queue.Front;
        CountDrop(frame, reason);
        Remove(queue, frame.Length);
    }

    private void DropAll(SenderQueue queue, DropReason reason)
    {
        while (queue.Count > 0) Drop(queue, reason);
    }

    private void CountDrop(ReadOnlySpan<byte> frame, DropReason reason) => counters.CountDrop(reason, PacketKinds.Of(frame[PacketFrame.PrefixLength..]));

    private void Remove(SenderQueue queue, int length)
    {
        queue.RemoveFront();
        Length -= length;
        Count--;
    }

    private void Requeue(bool isNew) => _old.Add(isNew ? _new.Take() : _old.Take());

    /// <summary>An empty queue leaves; but a new one stands in line once more first, or a sender could always be new (RFC 8290 §4.2).</summary>
    private void Retire(bool isNew)
    {
        if (isNew && _old.First is not null)
        {
            Requeue(isNew);
            return;
        }

        Free(isNew ? _new.Take() : _old.Take());
    }

    private void Free(SenderQueue queue)
    {
        if (_last == queue) _last = null;
        if (_rest == queue)
        {
            _rest = null;
        }
        else
        {
            int index = Array.IndexOf(_senders, queue, 0, _senderCount);
            _senders[index] = _senders[--_senderCount];
            _hashes[index] = _hashes[_senderCount];
            _senders[_senderCount] = null;
        }

        GiveBack(queue);
    }

    /// <summary>Nothing waits: nobody is in line, and whoever comes next is new.</summary>
    private void Reset()
    {
        for (int i = 0; i < _senderCount; i++) GiveBack(_senders[i]!);
        if (_rest is not null) GiveBack(_rest);
        Array.Clear(_senders, 0, _senderCount);
        _senderCount = 0;
        _last = null;
        _rest = null;
        _new = default;
        _old = default;
    }

    private void GiveBack(SenderQueue queue)
    {
        queue.Next = null;
        if (_spare is null) _spare = queue;
        else memory.ReturnQueue(queue);
    }

    /// <summary>A line of senders, first come first served.</summary>
    private struct Line
    {
        private SenderQueue? _last;

        public SenderQueue? First { get; private set; }

        public void Add(SenderQueue queue)
        {
            queue.Next = null;
            if (_last is null) First = queue;
            else _last.Next = queue;
            _last = queue;
        }

        public SenderQueue Take()
        {
            SenderQueue queue = First ?? throw new UnreachableException("Nobody is in line.");
            First = queue.Next;
            if (First is null) _last = null;
            queue.Next = null;
            return queue;
        }
    }
}
