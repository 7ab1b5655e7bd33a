using Addresses;
using Datagrams.Linux;

namespace Datagrams;

/// <summary>
/// A fixed number of datagrams with their addresses, received or to be sent with one system call. Allocates nothing once it is made.
/// Used by one thread at a time; datagrams from 0 to <see cref="Count"/> are in it.
/// </summary>
public sealed class DatagramBatch : IDisposable
{
    /// <summary>64: beyond that a system call costs nothing more per datagram.</summary>
    public const int DefaultCapacity = 64;

    /// <summary>2048 bytes: any packet of an Ethernet link, whole.</summary>
    public const int DefaultMaxDatagramLength = 2048;

    /// <summary>65 535 bytes: no UDP datagram is longer.</summary>
    public const int LongestDatagram = 65535;

    /// <summary>1024 datagrams, which is what the kernel takes in one call (UIO_MAXIOV).</summary>
    public const int LargestCapacity = 1024;

    private const int Alignment = 64; // A cache line.

    private readonly int _stride;
    private byte[] _payloads;
    private int[] _lengths;
    private bool[] _truncated;
    private DatagramAddress[] _addresses;
    private LocalAddress[] _locals;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="capacity">How many datagrams it holds at most, 1 to <see cref="LargestCapacity"/>.</param>
    /// <param name="maxDatagramLength">The longest datagram in bytes, 1 to <see cref="LongestDatagram"/>; what arrives longer is cut off there.</param>
    public DatagramBatch(int capacity = DefaultCapacity, int maxDatagramLength = DefaultMaxDatagramLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, LargestCapacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxDatagramLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxDatagramLength, LongestDatagram);

        Capacity = capacity;
        MaxDatagramLength = maxDatagramLength;
        _stride = (maxDatagramLength + Alignment - 1) & ~(Alignment - 1);
        // Pinned, because the kernel writes there; collected, so that no slip in a caller's Dispose can make it write elsewhere.
        _payloads = GC.AllocateUninitializedArray<byte>(capacity * _stride, pinned: true);
        _addresses = GC.AllocateArray<DatagramAddress>(capacity, pinned: true);
        _lengths = new int[capacity];
        _locals = new LocalAddress[capacity];
        _truncated = new bool[capacity];
    }

    /// <summary>How many datagrams the batch holds at most.</summary>
    public int Capacity { get; }

    /// <summary>The longest datagram it holds, in bytes.</summary>
    public int MaxDatagramLength { get; }

    /// <summary>How many datagrams are in it.</summary>
    public int Count { get; private set; }

    /// <summary>The headers that Linux wants round the datagrams; made with the first call there.</summary>
    internal MessageVector Messages => field ??= new MessageVector(Capacity, _stride, MaxDatagramLength, _payloads, _addresses);

    /// <summary>The payload of the datagram at <paramref name="index"/>, writable in place. Valid until the batch is cleared.</summary>
    public Span<byte> this[int index]
    {
        get
        {
            CheckIndex(index);
            return _payloads.AsSpan(index * _stride, _lengths[index]);
        }
    }

    /// <summary>All bytes that the datagram at <paramref name="index"/> may take: room for an answer longer than the question.</summary>
    public Span<byte> BufferOf(int index)
    {
        CheckIndex(index);
        return _payloads.AsSpan(index * _stride, MaxDatagramLength);
    }

    /// <summary>Where the datagram came from, or where it goes. A scope id of a link-local source is kept inside, but not shown.</summary>
    public TransportAddress AddressOf(int index)
    {
        CheckIndex(index);
        return _addresses[index].ToTransportAddress();
    }

    /// <summary>
    /// To which address of this host a received datagram was sent, with port 0, where the socket was told to say so
    /// (<see cref="DatagramSocketOptions.ReportLocalAddress"/>); otherwise no address. An answer in the datagram's place leaves from there.
    /// </summary>
    public TransportAddress LocalAddressOf(int index)
    {
        CheckIndex(index);
        return _locals[index].Address;
    }

    /// <summary>Says whether a received datagram was longer than <see cref="MaxDatagramLength"/> and has lost its end.</summary>
    public bool IsTruncated(int index)
    {
        CheckIndex(index);
        return _truncated[index];
    }

    /// <summary>Appends a datagram. False, and nothing done, when the batch is full or the payload too long.</summary>
    /// <param name="payload">The bytes to send; copied.</param>
    /// <param name="destination">Where to; <c>default</c> for a connected socket.</param>
    public bool TryAdd(ReadOnlySpan<byte> payload, TransportAddress destination)
    {
        if (Count == _lengths.Length || payload.Length > MaxDatagramLength) return false;

        int index = Count++;
        payload.CopyTo(_payloads.AsSpan(index * _stride));
        _lengths[index] = payload.Length;
        _truncated[index] = false;
        _addresses[index] = DatagramAddress.From(destination);
        _locals[index] = default;
        return true;
    }

    /// <summary>Sets where the datagram at <paramref name="index"/> goes: a received one can be forwarded as it is.</summary>
    public void SetAddress(int index, TransportAddress destination)
    {
        CheckIndex(index);
        _addresses[index] = DatagramAddress.From(destination);
    }

    /// <summary>Sets the port the datagram at <paramref name="index"/> goes to; the address stays, with its scope.</summary>
    public void SetPort(int index, ushort port)
    {
        CheckIndex(index);
        _addresses[index].SetPort(port);
    }

    /// <summary>Sets the length in bytes of the datagram at <paramref name="index"/>, after an answer was built in its place.</summary>
    public void SetLength(int index, int length)
    {
        CheckIndex(index);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxDatagramLength);
        _lengths[index] = length;
    }

    /// <summary>Copies one datagram over another, address and all. With <see cref="Trim"/>, keeps some of a received batch and drops the rest.</summary>
    public void Move(int from, int to)
    {
        CheckIndex(from);
        CheckIndex(to);
        if (from == to) return;

        this[from].CopyTo(BufferOf(to));
        _lengths[to] = _lengths[from];
        _truncated[to] = _truncated[from];
        _addresses[to] = _addresses[from];
        _locals[to] = _locals[from];
    }

    /// <summary>Drops the datagrams from <paramref name="count"/> on.</summary>
    public void Trim(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        Count = count;
    }

    /// <summary>Drops all datagrams.</summary>
    public void Clear() => Count = 0;

    /// <summary>Gives the memory back to the collector. Using the batch afterwards throws.</summary>
    public void Dispose()
    {
        Count = 0;
        _payloads = [];
        _addresses = [];
        _lengths = [];
        _locals = [];
        _truncated = [];
    }

    /// <summary>The address slots, for the socket that fills or reads them.</summary>
    internal ref DatagramAddress AddressSlot(int index) => ref _addresses[index];

    /// <summary>The local address slots, for the socket that fills or reads them.</summary>
    internal ref LocalAddress LocalSlot(int index) => ref _locals[index];

    /// <summary>The whole buffer of a slot, in use or not, for the socket that fills it.</summary>
    internal Span<byte> BufferSlot(int index) => _payloads.AsSpan(index * _stride, MaxDatagramLength);

    /// <summary>Refuses a batch that was disposed, before the kernel is given its memory.</summary>
    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lengths.Length == 0, this);

    /// <summary>Notes a datagram that the kernel has written into the next slot.</summary>
    internal void Received(int length, bool isTruncated)
    {
        int index = Count++;
        _lengths[index] = length;
        _truncated[index] = isTruncated;
        _locals[index] = default;
    }

    private void CheckIndex(int index) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
}
