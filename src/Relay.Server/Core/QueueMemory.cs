using System.Buffers;

namespace Relay.Server.Core;

/// <summary>
/// What the queues of all clients share: buffers, within a budget, and the small objects that hold them. A queue at rest owns none. Frames that
/// have come in part are held within a budget of their own.
/// Any thread may rent and return.
/// </summary>
/// <param name="maxBytes">The most bytes of packets that wait in the whole relay, as buffers are counted.</param>
internal sealed class QueueMemory(long maxBytes)
{
    /// <summary>256 MiB: a thousand clients that take nothing, each with a full queue.</summary>
    public const long DefaultMaxBytes = 256L << 20;

    /// <summary>The length of a first buffer: one full packet, which is all that most senders have waiting.</summary>
    public const int FirstLength = 2 << 10;

    /// <summary>The longest input that is held whatever the budget, in bytes: a full packet, or a login.</summary>
    private const int AlwaysHeldLength = 4 << 10;

    private const int InputDivisor = 4; // Frames in part may use a quarter of the budget on top of it: they must not take the queues' place.
    private const int ShareDivisor = 64; // With the default budget a thousand queues can be full before any is cut.

    // Kept for the next to come, about 9 MiB at most: the pool of the base library forgets most of what many queues return at once.
    private const int MaxIdle = 4096;

    private readonly Lock _lock = new();
    private readonly Stack<SenderQueue> _idleQueues = new();
    private readonly Stack<byte[]> _firstBuffers = new();
    private long _used;
    private long _inputUsed;

    /// <summary>The most bytes rented at once.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>The bytes rented at present.</summary>
    public long Used => Volatile.Read(ref _used);

    /// <summary>
    /// The most bytes one lane may hold at present: a share of what is free, so that however many queues are full, whoever comes next finds room.
    /// </summary>
    public long Share => (maxBytes - Used) / ShareDivisor;

    /// <summary>The bytes of frames that have come in part.</summary>
    public long InputUsed => Volatile.Read(ref _inputUsed);

    /// <summary>Rents a buffer of at least <paramref name="length"/> bytes; null where the budget is used up.</summary>
    public byte[]? TryRent(int length)
    {
        byte[] buffer = length > FirstLength ? ArrayPool<byte>.Shared.Rent(length) : TakeFirstBuffer();
        if (Interlocked.Add(ref _used, buffer.Length) <= maxBytes) return buffer;
        Return(buffer);
        return null;
    }

    /// <summary>Gives back what was rented.</summary>
    public void Return(byte[] buffer)
    {
        Interlocked.Add(ref _used, -buffer.Length);
        if (buffer.Length > FirstLength)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            return;
        }

        lock (_lock)
        {
            if (_firstBuffers.Count < MaxIdle) _firstBuffers.Push(buffer);
        }
    }

    /// <summary>
    /// Rents a buffer for a frame whose rest has not come; null where all such have used up their part. A short one is always given: many who hold
    /// long ones must not cost others theirs.
    /// </summary>
    public byte[]? TryRentInput(int length)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(length);
        if (buffer.Length <= AlwaysHeldLength || Interlocked.Add(ref _inputUsed, buffer.Length) <= maxBytes / InputDivisor) return buffer;
        ReturnInput(buffer);
        return null;
    }

    /// <summary>Gives back what <see cref="TryRentInput"/> gave.</summary>
    public void ReturnInput(byte[] buffer)
    {
        if (buffer.Length > AlwaysHeldLength) Interlocked.Add(ref _inputUsed, -buffer.Length);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>An empty queue for one sender.</summary>
    public SenderQueue TakeQueue()
    {
        lock (_lock) return _idleQueues.Count > 0 ? _idleQueues.Pop() : new SenderQueue(this);
    }

    /// <summary>Gives an empty queue back.</summary>
    public void ReturnQueue(SenderQueue queue)
    {
        lock (_lock)
        {
            if (_idleQueues.Count < MaxIdle) _idleQueues.Push(queue);
        }
    }

    private byte[] TakeFirstBuffer()
    {
        lock (_lock) return _firstBuffers.Count > 0 ? _firstBuffers.Pop() : new byte[FirstLength];
    }
}
