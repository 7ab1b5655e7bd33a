using System.Net.Sockets;
using Addresses;
using Timing;

namespace Node.Traversal.Core.Stun;

/// <summary>Something that finds out by sockets of its own, which a shell opens and serves.</summary>
internal interface IDiscoveryCore
{
    /// <summary>Says that it has ended.</summary>
    bool IsDone { get; }

    /// <summary>When <see cref="HandleTimeout"/> is due; null = never, it has ended or waits for a socket.</summary>
    Instant? NextTimeout { get; }

    /// <summary>Begins.</summary>
    void Start(Instant now);

    /// <summary>Takes a socket that was wanted.</summary>
    /// <param name="id">Which.</param>
    /// <param name="local">Its address, with the local IP address that packets to the server carry.</param>
    /// <param name="now">The present.</param>
    void HandleSocket(SocketId id, TransportAddress local, Instant now);

    /// <summary>Takes a datagram that arrived on one of the sockets.</summary>
    void HandleDatagram(SocketId socket, TransportAddress source, ReadOnlySpan<byte> datagram, Instant now);

    /// <summary>Takes what the network reports of a datagram: by ICMP, or because it could not be sent.</summary>
    void HandleProblem(SocketId socket, TransportAddress destination, SocketError problem, bool isFinal, Instant now);

    /// <summary>Does what is due.</summary>
    void HandleTimeout(Instant now);

    /// <summary>A socket on a fresh local port is wanted; the shell opens it and calls <see cref="HandleSocket"/>.</summary>
    bool TryDequeueSocket(out SocketId wanted);

    /// <summary>A datagram is to be sent.</summary>
    bool TryDequeueTransmit(out Transmit transmit);
}
