using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary>Moves batches with recvmmsg and sendmmsg: one system call for as many datagrams as there are.</summary>
internal sealed unsafe class MessageIo(Socket socket, bool countsKernelDrops, bool reportsLocalAddress) : IDatagramIo
{
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
        MessageVector messages = batch.Messages;
        messages.PrepareReceive(countsKernelDrops || reportsLocalAddress);

        int received;
        do
        {
            received = LibC.ReceiveMessages(_handle, messages[0], (uint)batch.Capacity, flags, timeout: 0);
        }
        while (received < 0 && Marshal.GetLastPInvokeError() == LibC.Interrupted);

        if (received < 0)
        {
            SocketError why = LibC.LastError();
            error = why == SocketError.WouldBlock ? SocketError.Success : why;
            return 0;
        }

        error = SocketError.Success;
        messages.NoteReceived(received);
        for (int i = 0; i < received; i++)
        {
            MessageHeader* message = messages[i];
            batch.AddressSlot(i).SetReceivedLength((int)message->NameLength);
            batch.Received((int)message->ReceivedLength, ((int)message->Flags & LibC.MsgTrunc) != 0);
            if (reportsLocalAddress) batch.LocalSlot(i) = messages.ReadLocalAddress(i);
        }

        if (countsKernelDrops && received > 0) CountDrops(messages, received - 1);
        return received;
    }

    public int Send(DatagramBatch batch, int first, bool isConnected, out SocketError error)
    {
        MessageVector messages = batch.Messages;
        messages.PrepareSend(batch, first, isConnected, _isIpv4);

        int next = first;
        error = SocketError.Success;
        while (next < batch.Count)
        {
            int sent = LibC.SendMessages(_handle, messages[next], (uint)(batch.Count - next), LibC.MsgDontWait);
            if (sent > 0)
            {
                next += sent; // When some are left, the next call says why.
                continue;
            }

            if (Marshal.GetLastPInvokeError() == LibC.Interrupted) continue;
            error = LibC.LastError();
            break;
        }

        return next - first;
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

    private void CountDrops(MessageVector messages, int newest)
    {
        if (!messages.TryReadDropCount(newest, out uint dropCount)) return;
        Volatile.Write(ref _kernelDrops, _kernelDrops + unchecked(dropCount - _dropCount));
        _dropCount = dropCount;
    }
}
