using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary>
/// The headers that recvmmsg wants: one a message, each pointing at its part of a <see cref="DatagramBatch"/>. What never changes is written
/// once; the rest is set before each call, and only where the call before has left its marks.
/// </summary>
internal sealed unsafe class ReceiveVector
{
    private readonly byte[] _payloads; // Held, so that what the headers point at lives as long as they do.
    private readonly DatagramAddress[] _addresses;
    private readonly MessageHeader[] _headers;
    private readonly IoVector[] _vectors;
    private readonly byte[] _controls;
    private int _used; // Headers below this have to be reset.
    private bool _wantsControl;

    /// <param name="count">How many messages a call may bring.</param>
    /// <param name="stride">From the begin of one message to that of the next, in bytes.</param>
    /// <param name="maxLength">The longest message.</param>
    /// <param name="payloads">Where the messages go; pinned.</param>
    /// <param name="addresses">Where their sources go; pinned.</param>
    public ReceiveVector(int count, int stride, int maxLength, byte[] payloads, DatagramAddress[] addresses)
    {
        _payloads = payloads;
        _addresses = addresses;
        _headers = GC.AllocateArray<MessageHeader>(count, pinned: true);
        _vectors = GC.AllocateArray<IoVector>(count, pinned: true);
        _controls = GC.AllocateArray<byte>(count * ControlMessages.Stride, pinned: true);
        for (int i = 0; i < count; i++)
        {
            _vectors[i].Base = Marshal.UnsafeAddrOfPinnedArrayElement(_payloads, i * stride);
            _vectors[i].Length = (nuint)maxLength;
            _headers[i].Name = Marshal.UnsafeAddrOfPinnedArrayElement(_addresses, i);
            _headers[i].IoVectors = Marshal.UnsafeAddrOfPinnedArrayElement(_vectors, i);
            _headers[i].IoVectorCount = 1;
        }

        _used = count;
    }

    /// <summary>How many messages a call may bring.</summary>
    public int Count => _headers.Length;

    /// <summary>The first header, pinned for as long as this object lives.</summary>
    public MessageHeader* First => (MessageHeader*)Marshal.UnsafeAddrOfPinnedArrayElement(_headers, 0);

    public void Prepare(bool wantsControl)
    {
        int reset = wantsControl == _wantsControl ? _used : _headers.Length;
        for (int i = 0; i < reset; i++)
        {
            ref MessageHeader header = ref _headers[i];
            header.NameLength = DatagramAddress.Ipv6Length;
            header.Control = wantsControl ? Marshal.UnsafeAddrOfPinnedArrayElement(_controls, i * ControlMessages.Stride) : 0;
            header.ControlLength = wantsControl ? ControlMessages.Stride : 0u;
            header.Flags = 0;
        }

        _wantsControl = wantsControl;
        _used = 0;
    }

    /// <summary>Notes that the kernel has written into the first <paramref name="count"/> headers.</summary>
    public void NoteReceived(int count) => _used = count;

    /// <summary>The source of a message, with the length that the kernel has told.</summary>
    public ref DatagramAddress AddressOf(int message)
    {
        ref DatagramAddress address = ref _addresses[message];
        address.SetReceivedLength((int)_headers[message].NameLength);
        return ref address;
    }

    public int LengthOf(int message) => (int)_headers[message].ReceivedLength;

    public bool IsTruncated(int message) => ((int)_headers[message].Flags & LibC.MsgTrunc) != 0;

    /// <summary>Finds to which address of this host a message was sent; none where that is not said.</summary>
    public LocalAddress LocalAddressOf(int message) => ControlMessages.FindLocalAddress(ControlOf(message));

    /// <summary>The length of the datagrams that the kernel has put together to this message; the last may be shorter. 0 where it is one.</summary>
    public int SegmentLengthOf(int message)
    {
        ReadOnlySpan<byte> value = ControlMessages.Find(ControlOf(message), LibC.SolUdp, LibC.UdpGro);
        return value.Length < sizeof(int) ? 0 : MemoryMarshal.Read<int>(value);
    }

    /// <summary>Finds how many datagrams the socket had lost when a message came in; false where none is said.</summary>
    public bool TryReadDropCount(int message, out uint dropCount)
    {
        ReadOnlySpan<byte> value = ControlMessages.Find(ControlOf(message), LibC.SolSocket, LibC.SoRxqOvfl);
        dropCount = value.Length < sizeof(uint) ? 0 : MemoryMarshal.Read<uint>(value);
        return value.Length >= sizeof(uint);
    }

    private ReadOnlySpan<byte> ControlOf(int message) =>
        _controls.AsSpan(message * ControlMessages.Stride, Math.Min((int)_headers[message].ControlLength, ControlMessages.Stride));
}
