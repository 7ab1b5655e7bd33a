using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary><c>struct iovec</c>: 16 bytes on 64-bit Linux.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IoVector
{
    public nint Base;
    public nuint Length;
}

/// <summary><c>struct mmsghdr</c> with the <c>msghdr</c> inside it: 64 bytes on 64-bit Linux, x64 and arm64 alike.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct MessageHeader
{
    public nint Name;
    public uint NameLength;
    public nint IoVectors;
    public nuint IoVectorCount;
    public nint Control;
    public nuint ControlLength;
    public nint Flags; // An int, and the padding at the end of the msghdr.
    public uint ReceivedLength;
}

/// <summary>
/// The headers that recvmmsg and sendmmsg want: one a datagram, each pointing at its slots of a <see cref="DatagramBatch"/>. What never changes
/// is written once; the rest is set before each call, and for a receive only where the call before has left its marks.
/// </summary>
internal sealed unsafe class MessageVector
{
    private const int ControlStride = 64; // Room for the drop count (24 bytes), and for a segment size beside it.
    private const int ControlHeaderLength = 16; // struct cmsghdr: length, level, type.

    private readonly byte[] _payloads; // Held, so that what the headers point at lives as long as they do.
    private readonly DatagramAddress[] _addresses;
    private readonly MessageHeader[] _headers;
    private readonly IoVector[] _vectors;
    private readonly byte[] _controls;
    private readonly int _maxDatagramLength;
    private int _used; // Headers below this have to be reset before a receive.
    private bool _wantsControl;

    public MessageVector(int capacity, int stride, int maxDatagramLength, byte[] payloads, DatagramAddress[] addresses)
    {
        _payloads = payloads;
        _addresses = addresses;
        _maxDatagramLength = maxDatagramLength;
        _headers = GC.AllocateArray<MessageHeader>(capacity, pinned: true);
        _vectors = GC.AllocateArray<IoVector>(capacity, pinned: true);
        _controls = GC.AllocateArray<byte>(capacity * ControlStride, pinned: true);
        for (int i = 0; i < capacity; i++)
        {
            _vectors[i].Base = Marshal.UnsafeAddrOfPinnedArrayElement(_payloads, i * stride);
            _headers[i].Name = Marshal.UnsafeAddrOfPinnedArrayElement(_addresses, i);
            _headers[i].IoVectors = Marshal.UnsafeAddrOfPinnedArrayElement(_vectors, i);
            _headers[i].IoVectorCount = 1;
        }

        _used = capacity;
    }

    /// <summary>The header of the datagram at <paramref name="index"/>, pinned for as long as this object lives.</summary>
    public MessageHeader* this[int index] => (MessageHeader*)Marshal.UnsafeAddrOfPinnedArrayElement(_headers, index);

    public void PrepareReceive(bool wantsControl)
    {
        int reset = wantsControl == _wantsControl ? _used : _headers.Length;
        for (int i = 0; i < reset; i++)
        {
            ref MessageHeader header = ref _headers[i];
            header.NameLength = DatagramAddress.Ipv6Length;
            header.Control = wantsControl ? Marshal.UnsafeAddrOfPinnedArrayElement(_controls, i * ControlStride) : 0;
            header.ControlLength = wantsControl ? ControlStride : 0u;
            header.Flags = 0;
            _vectors[i].Length = (nuint)_maxDatagramLength;
        }

        _wantsControl = wantsControl;
        _used = 0;
    }

    /// <summary>Notes that the kernel has written into the first <paramref name="count"/> headers.</summary>
    public void NoteReceived(int count) => _used = count;

    public void PrepareSend(DatagramBatch batch, int first, bool isConnected, bool ipv4)
    {
        for (int i = first; i < batch.Count; i++)
        {
            ref DatagramAddress address = ref _addresses[i];
            if (!isConnected) address.ConvertTo(ipv4);

            ref MessageHeader header = ref _headers[i];
            header.NameLength = isConnected ? 0 : (uint)address.Length;
            header.Control = 0;
            header.ControlLength = 0;
            header.Flags = 0;
            _vectors[i].Length = (nuint)batch[i].Length;
        }

        _used = Math.Max(_used, batch.Count);
    }

    /// <summary>Finds how many datagrams the socket had lost when the one at <paramref name="index"/> came in; false where none is said.</summary>
    public bool TryReadDropCount(int index, out uint dropCount)
    {
        dropCount = 0;
        int length = (int)_headers[index].ControlLength;
        if (length < ControlHeaderLength + sizeof(uint)) return false;

        ReadOnlySpan<byte> control = _controls.AsSpan(index * ControlStride, length);
        int level = MemoryMarshal.Read<int>(control[8..]);
        int type = MemoryMarshal.Read<int>(control[12..]);
        if (level != LibC.SolSocket || type != LibC.SoRxqOvfl) return false;

        dropCount = MemoryMarshal.Read<uint>(control[ControlHeaderLength..]);
        return true;
    }
}
