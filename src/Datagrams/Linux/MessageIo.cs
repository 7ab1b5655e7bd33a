using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary>Moves batches with recvmmsg and sendmmsg: one system call for as many datagrams as there are.</summary>
internal sealed unsafe class MessageIo(Socket socket, bool countsKernelDrops, bool reportsLocalAddress, bool coalesces) : IDatagramIo
{
    private readonly Segmentation _segmentation = new(LibC.HasOption(socket.SafeHandle, LibC.SolUdp, LibC.UdpSegment));
    private readonly SafeSocketHandle _handle = socket.SafeHandle;
    private readonly bool _isIpv4 = socket.AddressFamily == AddressFamily.InterNetwork;
    private uint _dropCount; // As the kernel has it: 32 bits that wrap.
    private long _kernelDrops;

    public long KernelDrops => Volatile.Read(ref _kernelDrops);

    public int Receive(DatagramBatch batch, out SocketError error) => Receive(batch, LibC.MsgDontWait, out error);

    public int ReceiveOrWait(DatagramBatch batch, out SocketError error) => Receive(batch, LibC.MsgWaitForOne, out error);

    public void Interrupt()
    {
        try
        {
            LibC.Shutdown(_handle, LibC.ShutdownReceive); // "Not connected", it says, and wakes whoever waits all the same.
        }
        catch (ObjectDisposedException)
        {
            return; // Nobody waits any more.
        }
    }

    private int Receive(DatagramBatch batch, int flags, out SocketError error)
    {
        if (coalesces && !batch.IsCoalesced) throw new InvalidOperationException("A socket that coalesces needs a batch for coalesced datagrams.");
        ReceiveVector vector = batch.ReceiveVector;
        vector.Prepare(countsKernelDrops || reportsLocalAddress || coalesces);

        int received;
        do
        {
            received = LibC.ReceiveMessages(_handle, vector.First, (uint)vector.Count, flags, timeout: 0);
        }
        while (received < 0 && Marshal.GetLastPInvokeError() == LibC.Interrupted);

        if (received < 0)
        {
            SocketError why = LibC.LastError();
            error = why == SocketError.WouldBlock ? SocketError.Success : why;
            return 0;
        }

        error = SocketError.Success;
        vector.NoteReceived(received);
        for (int message = 0; message < received; message++) Take(batch, vector, message);
        if (countsKernelDrops && received > 0) CountDrops(vector, received - 1);
        return batch.Count;
    }

    private void Take(DatagramBatch batch, ReceiveVector vector, int message)
    {
        ref DatagramAddress source = ref vector.AddressOf(message);
        LocalAddress local = reportsLocalAddress ? vector.LocalAddressOf(message) : default;
        if (batch.IsCoalesced) batch.ReceivedRun(message, vector.LengthOf(message), coalesces ? vector.SegmentLengthOf(message) : 0, source, local, vector.IsTruncated(message));
        else batch.Received(vector.LengthOf(message), vector.IsTruncated(message), local);
    }

    public int Send(DatagramBatch batch, int first, bool isConnected, out SocketError error)
    {
        SendVector vector = batch.SendVector;
        int next = first;
        int longestInRun = _segmentation.LongestInRun();
        error = SocketError.Success;
        while (next < batch.Count)
        {
            int headers = vector.Prepare(batch, next, isConnected, _isIpv4, longestInRun);
            int header = SendHeaders(vector, headers, ref next, out error);
            if (header == headers) break;
            if (vector.RunOf(header) == 1 || !_segmentation.HandleRefusal(error, batch[next].Length)) break;
            longestInRun = 0;
        }

        return next - first;
    }

    /// <summary>Sends headers, up to the first that does not go, and moves <paramref name="next"/> on by the datagrams that went.</summary>
    /// <returns>How many headers went.</returns>
    private int SendHeaders(SendVector vector, int headers, ref int next, out SocketError error)
    {
        int header = 0;
        while (header < headers)
        {
            int sent = LibC.SendMessages(_handle, vector[header], (uint)(headers - header), LibC.MsgDontWait);
            if (sent <= 0)
            {
                if (Marshal.GetLastPInvokeError() == LibC.Interrupted) continue;
                error = LibC.LastError();
                return header;
            }

            for (int end = header + sent; header < end; header++) next += vector.RunOf(header); // When some are left, the next call says why.
        }

        error = SocketError.Success;
        return header;
    }

    public SocketError SendOne(DatagramBatch batch, int index, bool isConnected) => SendTo(batch[index], batch.AddressSlot(index), isConnected);

    public SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected)
    {
        if (!isConnected) destination.ConvertTo(_isIpv4);
        uint addressLength = isConnected ? 0 : (uint)destination.Length;
        DatagramAddress* address = addressLength == 0 ? null : &destination;
        fixed (byte* bytes = payload)
        {
            while (LibC.SendTo(_handle, bytes, (nuint)payload.Length, LibC.MsgDontWait, address, addressLength) < 0)
            {
                if (Marshal.GetLastPInvokeError() != LibC.Interrupted) return LibC.LastError();
            }
        }

        return SocketError.Success;
    }

    public SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected, byte hops)
    {
        if (!isConnected) destination.ConvertTo(_isIpv4);
        HopLimit limit = new(isIpv4: _isIpv4 || destination.IsMappedIpv4, hops);
        fixed (byte* bytes = payload)
        {
            IoVector vector = new() { Base = (nint)bytes, Length = (nuint)payload.Length };
            MessageHeader message = new()
            {
                Name = isConnected ? 0 : (nint)(&destination),
                NameLength = isConnected ? 0 : (uint)destination.Length,
                IoVectors = (nint)(&vector),
                IoVectorCount = 1,
                Control = (nint)(&limit),
                ControlLength = (nuint)sizeof(HopLimit),
            };
            while (LibC.SendMessages(_handle, &message, 1, LibC.MsgDontWait) < 0)
            {
                if (Marshal.GetLastPInvokeError() != LibC.Interrupted) return LibC.LastError();
            }
        }

        return SocketError.Success;
    }

    private void CountDrops(ReceiveVector vector, int newest)
    {
        if (!vector.TryReadDropCount(newest, out uint dropCount)) return;
        Volatile.Write(ref _kernelDrops, _kernelDrops + unchecked(dropCount - _dropCount));
        _dropCount = dropCount;
    }
}
