using System.Net.Sockets;

namespace Datagrams;

/// <summary>How one platform moves datagrams between a socket and a batch. Nothing here blocks.</summary>
internal interface IDatagramIo
{
    /// <summary>Fills an empty batch with what has arrived.</summary>
    int Receive(DatagramBatch batch, out SocketError error);

    /// <summary>As <see cref="Receive"/>, but waits until there is something, or until interrupted.</summary>
    int ReceiveOrWait(DatagramBatch batch, out SocketError error);

    /// <summary>Ends the present wait and every later one.</summary>
    void Interrupt();

    /// <summary>Sends the datagrams from <paramref name="first"/> on, up to the first that does not go.</summary>
    int Send(DatagramBatch batch, int first, bool isConnected, out SocketError error);

    /// <summary>Sends one datagram of a batch.</summary>
    SocketError SendOne(DatagramBatch batch, int index, bool isConnected);

    /// <summary>Sends one datagram.</summary>
    SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected);

    /// <summary>Sends one datagram that may go so many hops and no more; the socket's own limit stays as it is.</summary>
    SocketError SendTo(ReadOnlySpan<byte> payload, DatagramAddress destination, bool isConnected, byte hops);

    /// <summary>How many datagrams the kernel dropped on this socket, as far as it was asked to count.</summary>
    long KernelDrops { get; }
}
