using System.Net.Sockets;
using Addresses;

namespace Relay.Server.Streams;

/// <summary>One listening socket of the relay and its connections: by shards on Linux, by streams elsewhere.</summary>
internal interface IRelayEndpoint : IDisposable
{
    /// <summary>The address that is listened on; its port is known once <see cref="Bind"/> was called.</summary>
    TransportAddress Address { get; }

    bool IsTls { get; }

    /// <summary>Connections at present, of relay clients and others.</summary>
    int ConnectionCount { get; }

    /// <summary>Takes the port.</summary>
    /// <exception cref="SocketException">The address is not this machine's, or the port is taken.</exception>
    void Bind();

    /// <summary>Accepts until <paramref name="stopping"/>, then ends all connections and waits for them.</summary>
    Task RunAsync(CancellationToken stopping);
}
