using System.Net;
using System.Net.Sockets;

namespace Datagrams.Portable;

/// <summary>Moves batches one datagram at a time with the socket of the base library: for platforms without recvmmsg.</summary>
internal sealed class SocketIo(Socket socket) : IDatagramIo
{
    private const int WaitMicroseconds = 50_000; // An interruption is seen after that at the latest.

    private readonly bool _isIpv4 = socket.AddressFamily == AddressFamily.InterNetwork;
    private readonly SocketAddress _source = new(socket.AddressFamily); // Of the one receiver.
    private readonly SocketAddress _destination = new(socket.AddressFamily);
    private readonly Lock _sending = new(); // Holds _destination: senders may be many.

    private volatile bool _isInterrupted;

    public long KernelDrops => 0; // No portable way to ask.

    public int Receive(DatagramBatch batch, out SocketError error)
    {
        error = SocketError.Success;
        while (batch.Count < batch.Slots)
        {
            try
            {
                _source.Size = SocketAddress.GetMaximumAddressSize(socket.AddressFamily);
                int length = socket.ReceiveFrom(batch.BufferSlot(batch.Count), SocketFlags.None, _source);
                TakeSource(batch);
                batch.Received(length, isTruncated: false);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
            {
                TakeSource(batch); // Windows says so of a datagram that is too long, and has filled the buffer.
                batch.Received(batch.MaxDatagramLength, isTruncated: true);
            }
            catch (SocketException exception)
            {
                // The error is reported when it comes first; behind datagrams it comes again, or was of no consequence.
                if (exception.SocketErrorCode != SocketError.WouldBlock && batch.Count == 0) error = exception.SocketErrorCode;
                break;
            }
        }

        return batch.Count;
    }

    public int ReceiveOrWait(DatagramBatch batch, out SocketError error)
    {
        error = SocketError.Success;
        while (!_isInterrupted)
        {
            if (socket.Poll(WaitMicroseconds, SelectMode.SelectRead)) return Receive(batch, out error);
        }

        return 0;
    }

    public void Interrupt() => _isInterrupted = true;

    public SocketError SendOne(DatagramBatch batch, int index, bool isConnected) => SendTo(batch[index], batch.AddressSlot(index), isConnected);

    public int Send(DatagramBatch batch, int first, bool isConnected, out SocketError error)
    {
        error = SocketError.Success;
        int next = first;
        while (next < batch.Count)
        {
            error = SendTo(batch[next], batch.AddressSlot(next), isConnected);
            if (error != SocketError.Success) break;
            next++;
        }

        return next - first;
    }

    public SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected)
    {
        if (isConnected)
        {
            socket.Send(payload, SocketFlags.None, out SocketError error);
            return error;
        }

        destination.ConvertTo(_isIpv4);
        if (destination.Length == 0) return SocketError.DestinationAddressRequired;
        if (destination.IsIpv4 != _isIpv4) return SocketError.AddressFamilyNotSupported;
        try
        {
            lock (_sending)
            {
                destination.CopyBehindFamily(_destination.Buffer.Span);
                socket.SendTo(payload, SocketFlags.None, _destination);
            }

            return SocketError.Success;
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode;
        }
    }

    /// <summary>There is no portable way to limit one datagram, and the socket's limit is everybody's: it does not go.</summary>
    public SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected, byte hops) => SocketError.OperationNotSupported;

    private void TakeSource(DatagramBatch batch) =>
        batch.AddressSlot(batch.Count).SetPortable(_source.Family == AddressFamily.InterNetwork, _source.Buffer.Span[.._source.Size]);
}
