using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Addresses;

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
    private const int ControlStride = 64; // Room for the drop count (24 bytes), and for a local address (at most 40) beside it.
    private const int ControlHeaderLength = 16; // struct cmsghdr: length (64 bits), level (32), type (32).
    private const int Ipv4InfoLength = 12; // struct in_pktinfo: interface, the local address to answer from, the destination in the header.
    private const byte MulticastByte = 0xff;
    private const int Ipv6InfoLength = 20; // struct in6_pktinfo: address, interface.

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
            header.ControlLength = (nuint)WriteLocalAddress(i, batch.LocalSlot(i), ipv4);
            header.Control = header.ControlLength == 0 ? 0 : Marshal.UnsafeAddrOfPinnedArrayElement(_controls, i * ControlStride);
            header.Flags = 0;
            _vectors[i].Length = (nuint)batch[i].Length;
        }

        _used = Math.Max(_used, batch.Count);
    }

    /// <summary>Finds how many datagrams the socket had lost when the one at <paramref name="index"/> came in; false where none is said.</summary>
    public bool TryReadDropCount(int index, out uint dropCount)
    {
        ReadOnlySpan<byte> value = FindControl(index, LibC.SolSocket, LibC.SoRxqOvfl);
        dropCount = value.Length < sizeof(uint) ? 0 : MemoryMarshal.Read<uint>(value);
        return value.Length >= sizeof(uint);
    }

    /// <summary>Finds to which address of this host the datagram at <paramref name="index"/> was sent; none where that is not said.</summary>
    public LocalAddress ReadLocalAddress(int index)
    {
        ReadOnlySpan<byte> ipv4 = FindControl(index, LibC.IpProtoIp, LibC.IpPacketInfo);
        if (ipv4.Length >= Ipv4InfoLength) return new LocalAddress(TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(ipv4[4..]), 0), 0);

        ReadOnlySpan<byte> ipv6 = FindControl(index, LibC.IpProtoIpv6, LibC.Ipv6PacketInfo);
        if (ipv6.Length < Ipv6InfoLength || ipv6[0] == MulticastByte) return default; // Nothing leaves from a multicast address.
        bool isLinkLocal = ipv6[0] == 0xfe && (ipv6[1] & 0xc0) == 0x80;
        return new LocalAddress(TransportAddress.FromBytes16(ipv6, 0), isLinkLocal ? MemoryMarshal.Read<int>(ipv6[16..]) : 0);
    }

    /// <summary>Writes the address that a datagram is to leave from, in the form of the socket's family.</summary>
    /// <returns>The length of the control message in bytes; 0 where the choice is the kernel's.</returns>
    private int WriteLocalAddress(int index, LocalAddress local, bool ipv4)
    {
        if (!local.Address.IsValid || (ipv4 && !local.Address.IsIpv4)) return 0;

        Span<byte> control = _controls.AsSpan(index * ControlStride, ControlStride);
        control.Clear();
        Span<byte> value = control[ControlHeaderLength..];
        MemoryMarshal.Write(control, (long)(ControlHeaderLength + (ipv4 ? Ipv4InfoLength : Ipv6InfoLength)));
        MemoryMarshal.Write(control[8..], ipv4 ? LibC.IpProtoIp : LibC.IpProtoIpv6);
        MemoryMarshal.Write(control[12..], ipv4 ? LibC.IpPacketInfo : LibC.Ipv6PacketInfo);
        if (ipv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(value[4..], local.Address.Ipv4Bits);
            return AlignControl(ControlHeaderLength + Ipv4InfoLength);
        }

        local.Address.WriteBytes16(value);
        MemoryMarshal.Write(value[16..], local.Interface);
        return AlignControl(ControlHeaderLength + Ipv6InfoLength);
    }

    private ReadOnlySpan<byte> FindControl(int index, int level, int type)
    {
        ReadOnlySpan<byte> rest = _controls.AsSpan(index * ControlStride, Math.Min((int)_headers[index].ControlLength, ControlStride));
        while (rest.Length >= ControlHeaderLength)
        {
            int length = (int)Math.Min(MemoryMarshal.Read<long>(rest), rest.Length);
            if (length < ControlHeaderLength) break;
            if (MemoryMarshal.Read<int>(rest[8..]) == level && MemoryMarshal.Read<int>(rest[12..]) == type) return rest[ControlHeaderLength..length];
            rest = rest[Math.Min(AlignControl(length), rest.Length)..];
        }

        return default;
    }

    private static int AlignControl(int length) => (length + 7) & ~7;
}
