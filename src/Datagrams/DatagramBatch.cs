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
    private const int CoalescedMessages = 16; // A receive; 64 KiB each.
    private const int MaxSegments = 128; // Of one message (UDP_MAX_SEGMENTS).

    private readonly int _stride;
    private readonly int[]? _offsets; // Where each datagram begins, where they have no slots of their own.
    private byte[] _payloads;
    private int[] _lengths;
    private bool[] _truncated;
    private DatagramAddress[] _addresses;
    private LocalAddress[] _locals;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="capacity">How many datagrams it holds at most, 1 to <see cref="LargestCapacity"/>.</param>
    /// <param name="maxDatagramLength">The longest datagram in bytes, 1 to <see cref="LongestDatagram"/>; what arrives longer is cut off there.</param>
    public DatagramBatch(int capacity = DefaultCapacity, int maxDatagramLength = DefaultMaxDatagramLength)
        : this(capacity, maxDatagramLength, slots: capacity)
    {
    }

    private DatagramBatch(int capacity, int maxDatagramLength, int slots)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(slots, LargestCapacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxDatagramLength);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxDatagramLength, LongestDatagram);

        Capacity = capacity;
        MaxDatagramLength = maxDatagramLength;
        _stride = (maxDatagramLength + Alignment - 1) & ~(Alignment - 1);
        // Pinned, because the kernel writes there; collected, so that no slip in a caller's Dispose can make it write elsewhere.
        _payloads = GC.AllocateUninitializedArray<byte>(slots * _stride, pinned: true);
        _addresses = GC.AllocateArray<DatagramAddress>(capacity, pinned: true);
        _lengths = new int[capacity];
        _locals = new LocalAddress[capacity];
        _truncated = new bool[capacity];
        if (slots != capacity) _offsets = new int[capacity];
    }

    /// <summary>
    /// Makes a batch for sockets that coalesce (<see cref="DatagramSocketOptions.Coalesce"/>), and for others too. It takes 1 MiB. Its datagrams
    /// lie one behind the other: they may be read, sent on and changed in place, not made longer, and none can be added.
    /// </summary>
    public static DatagramBatch ForCoalesced() => new(CoalescedMessages * MaxSegments, LongestDatagram, slots: CoalescedMessages);

    /// <summary>How many datagrams the batch holds at most.</summary>
    public int Capacity { get; }

    /// <summary>The longest datagram it holds, in bytes.</summary>
    public int MaxDatagramLength { get; }

    /// <summary>How many messages of the kernel it has room for.</summary>
    internal int Slots => IsCoalesced ? CoalescedMessages : Capacity;

    /// <summary>How many datagrams are in it.</summary>
    public int Count { get; private set; }

    /// <summary>Says whether one message of the kernel may be many datagrams here.</summary>
    internal bool IsCoalesced => _offsets is not null;

    /// <summary>The headers that Linux wants to receive; made with the first call there.</summary>
    internal ReceiveVector ReceiveVector => field ??= IsCoalesced
        ? new ReceiveVector(Slots, _stride, MaxDatagramLength, _payloads, GC.AllocateArray<DatagramAddress>(Slots, pinned: true))
        : new ReceiveVector(Slots, _stride, MaxDatagramLength, _payloads, _addresses);

    /// <summary>The headers that Linux wants to send; made with the first call there.</summary>
    internal SendVector SendVector => field ??= new SendVector(Capacity, _payloads, _addresses);

    /// <summary>The payload of the datagram at <paramref name="index"/>, writable in place. Valid until the batch is cleared.</summary>
    public Span<byte> this[int index]
    {
        get
        {
            CheckIndex(index);
            return _payloads.AsSpan(OffsetOf(index), _lengths[index]);
        }
    }

    /// <summary>All bytes that the datagram at <paramref name="index"/> may take: room for an answer longer than the question.</summary>
    public Span<byte> BufferOf(int index)
    {
        CheckIndex(index);
        return _payloads.AsSpan(OffsetOf(index), IsCoalesced ? _lengths[index] : MaxDatagramLength);
    }

    /// <summary>Where the datagram came from, or where it goes; a link-local IPv6 source with its zone.</summary>
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

    /// <summary>Appends a datagram. False, and nothing done, when the batch is full, the payload too long, or the batch one for coalesced datagrams.</summary>
    /// <param name="payload">The bytes to send; copied.</param>
    /// <param name="destination">Where to; <c>default</c> for a connected socket.</param>
    public bool TryAdd(ReadOnlySpan<byte> payload, TransportAddress destination)
    {
        if (Count == _lengths.Length || payload.Length > MaxDatagramLength || IsCoalesced) return false;

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
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, BufferOf(index).Length);
        _lengths[index] = length;
    }

    /// <summary>Copies one datagram over another, address and all. With <see cref="Trim"/>, keeps some of a received batch and drops the rest.</summary>
    public void Move(int from, int to)
    {
        CheckIndex(from);
        CheckIndex(to);
        if (from == to) return;

        if (_offsets is not null) _offsets[to] = _offsets[from];
        else this[from].CopyTo(BufferOf(to));
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

    /// <summary>Where a datagram begins among all bytes.</summary>
    internal int OffsetOf(int index) => _offsets is null ? index * _stride : _offsets[index];

    /// <summary>Refuses a batch that was disposed, before the kernel is given its memory.</summary>
    internal void ThrowIfDisposed() => ObjectDisposedException.ThrowIf(_lengths.Length == 0, this);

    /// <summary>Notes a datagram that the kernel has written into the next slot.</summary>
    internal void Received(int length, bool isTruncated, LocalAddress local = default)
    {
        int index = Count++;
        if (_offsets is not null) _offsets[index] = index * _stride;
        _lengths[index] = length;
        _truncated[index] = isTruncated;
        _locals[index] = local;
    }

    /// <summary>
    /// Notes a message that the kernel has written into a slot, as the datagrams it was put together from: all but the last have
    /// <paramref name="segmentLength"/>; 0 = it is one.
    /// </summary>
    internal void ReceivedRun(int slot, int length, int segmentLength, in DatagramAddress source, LocalAddress local, bool isTruncated)
    {
        int offset = slot * _stride;
        int end = offset + length;
        do
        {
            int index = Count++;
            bool isLast = segmentLength == 0 || end - offset <= segmentLength || Count == Capacity - (CoalescedMessages - 1 - slot);
            _addresses[index] = source;
            _offsets![index] = offset;
            _lengths[index] = isLast ? end - offset : segmentLength;
            _truncated[index] = isLast && (isTruncated || (segmentLength > 0 && end - offset > segmentLength)); // More of them than a message may be.
            _locals[index] = local;
            offset += _lengths[index];
        }
        while (offset < end);
    }

    private void CheckIndex(int index) => ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Count, nameof(index));
}
