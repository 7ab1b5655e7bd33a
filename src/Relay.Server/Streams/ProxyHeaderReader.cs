using Addresses;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Hosting;

namespace Relay.Server.Streams;

/// <summary>Reads the PROXY header off the front of a connection that a trusted proxy has opened.</summary>
internal static class ProxyHeaderReader
{
    /// <returns>The rest of the connection, and whose it is: the proxy's own where the header says nothing, or there is none.</returns>
    /// <exception cref="RelayProtocolException">The header is malformed.</exception>
    /// <exception cref="IOException">The connection ended within the header.</exception>
    public static async Task<(Stream Stream, TransportAddress Remote)> ReadAsync(Stream stream, TransportAddress proxy, CancellationToken cancellation)
    {
        byte[] buffer = new byte[ProxyHeader.MaxLength];
        int held = 0;
        while (true)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(held), cancellation);
            if (read == 0) throw new IOException("The connection ended within its PROXY header.");
            held += read;
            if (!ProxyHeader.TryRead(buffer.AsSpan(0, held), out ProxyHeader header)) continue; // It fits: a longer one is malformed.
            return (new PrefixedStream(buffer.AsMemory(header.Length, held - header.Length), stream), header.Source.IsValid ? header.Source : proxy);
        }
    }
}
