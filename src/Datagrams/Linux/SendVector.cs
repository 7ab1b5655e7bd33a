using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary>
/// The headers that sendmmsg wants, each for a run of datagrams of a <see cref="DatagramBatch"/> that go the same way: the kernel takes
/// a run through its layers as one packet and cuts it up at the end (UDP_SEGMENT).
/// </summary>
internal sealed unsafe class SendVector
{
    private const int MaxRun = 64; // UDP_MAX_SEGMENTS of the kernels before 6.9.
    private const int MaxRunBytes = 65507; // What one IPv4 packet may hold.

    private readonly byte[] _payloads; // Held, so that what the headers point at lives as long as they do.
    private readonly DatagramAddress[] _addresses;
    private readonly MessageHeader[] _headers;
    private readonly IoVector[] _vectors;
    private readonly byte[] _controls;

    public SendVector(int capacity, byte[] payloads, DatagramAddress[] addresses)
    {
        _payloads = payloads;
        _addresses = addresses;
        _headers = GC.AllocateArray<MessageHeader>(capacity, pinned: true);
        _vectors = GC.AllocateArray<IoVector>(capacity, pinned: true);
        _controls = GC.AllocateArray<byte>(capacity * ControlMessages.Stride, pinned: true);
        for (int i = 0; i < capacity; i++) _headers[i].Control = Marshal.UnsafeAddrOfPinnedArrayElement(_controls, i * ControlMessages.Stride);
    }

    /// <summary>A header, pinned for as long as this object lives.</summary>
    public MessageHeader* this[int index] => (MessageHeader*)Marshal.UnsafeAddrOfPinnedArrayElement(_headers, index);

    /// <summary>How many datagrams a header stands for.</summary>
    public int RunOf(int header) => (int)_headers[header].IoVectorCount;

    /// <summary>Writes headers for the datagrams from <paramref name="first"/> on. What is longer than <paramref name="longestInRun"/> bytes goes alone.</summary>
    /// <returns>How many headers there are.</returns>
    public int Prepare(DatagramBatch batch, int first, bool isConnected, bool ipv4, int longestInRun)
    {
        int headers = 0;
        for (int i = first; i < batch.Count;)
        {
            if (!isConnected) _addresses[i].ConvertTo(ipv4);
            int run = 1;
            SetVector(batch, i);
            if (longestInRun > 0) run = Gather(batch, i, isConnected, ipv4, longestInRun);

            ref MessageHeader header = ref _headers[headers];
            header.Name = isConnected ? 0 : Marshal.UnsafeAddrOfPinnedArrayElement(_addresses, i);
            header.NameLength = isConnected ? 0 : (uint)_addresses[i].Length;
            header.IoVectors = Marshal.UnsafeAddrOfPinnedArrayElement(_vectors, i);
            header.IoVectorCount = (nuint)run;
            header.ControlLength = (nuint)WriteControl(headers, batch.LocalSlot(i), ipv4, run > 1 ? (int)_vectors[i].Length : 0);
            header.Flags = 0;
            headers++;
            i += run;
        }

        return headers;
    }

    /// <summary>Finds how many datagrams from <paramref name="first"/> on go the same way and have one length; the last may be shorter.</summary>
    private int Gather(DatagramBatch batch, int first, bool isConnected, bool ipv4, int longestInRun)
    {
        nuint length = _vectors[first].Length;
        if (length == 0 || length > (nuint)longestInRun) return 1;

        int most = Math.Min(Math.Min(MaxRun, batch.Count - first), (int)(MaxRunBytes / length));
        ReadOnlySpan<byte> address = BytesOf(ref _addresses[first]);
        int run = 1;
        while (run < most && _vectors[first + run - 1].Length == length)
        {
            int next = first + run;
            if (!isConnected)
            {
                _addresses[next].ConvertTo(ipv4);
                if (!address.SequenceEqual(BytesOf(ref _addresses[next]))) break;
            }

            SetVector(batch, next);
            if (_vectors[next].Length == 0 || _vectors[next].Length > length || batch.LocalSlot(next) != batch.LocalSlot(first)) break;
            run++;
        }

        return run;
    }

    private void SetVector(DatagramBatch batch, int index)
    {
        _vectors[index].Base = Marshal.UnsafeAddrOfPinnedArrayElement(_payloads, batch.OffsetOf(index));
        _vectors[index].Length = (nuint)batch[index].Length;
    }

    private int WriteControl(int header, LocalAddress local, bool ipv4, int segmentLength)
    {
        int used = 0;
        if (!local.Address.IsValid && segmentLength == 0) return used;
        Span<byte> control = _controls.AsSpan(header * ControlMessages.Stride, ControlMessages.Stride);
        ControlMessages.AppendLocalAddress(control, ref used, local, ipv4);
        if (segmentLength > 0) MemoryMarshal.Write(ControlMessages.Append(control, ref used, LibC.SolUdp, LibC.UdpSegment, sizeof(ushort)), (ushort)segmentLength);
        return used;
    }

    private static ReadOnlySpan<byte> BytesOf(ref DatagramAddress address) => MemoryMarshal.AsBytes(new ReadOnlySpan<DatagramAddress>(in address));
}
