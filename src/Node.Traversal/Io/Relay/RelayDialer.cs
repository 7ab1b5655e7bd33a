using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Protocol.Handshake;

namespace Node.Traversal.Io.Relay;

/// <summary>A relay that has let us in.</summary>
/// <param name="Socket">The TCP connection, to mark it anew.</param>
/// <param name="Stream">The stream of frames.</param>
/// <param name="Leftover">What has arrived behind the handshake.</param>
/// <param name="ServerKey">The relay's key.</param>
/// <param name="Info">What it says of itself.</param>
/// <param name="NodeName">The machine's name in the map.</param>
/// <param name="Token">The token it was shown; null = none.</param>
internal sealed record RelayStream(Socket Socket, Stream Stream, byte[] Leftover, NodeKey ServerKey, ServerInfo Info, string NodeName, string? Token)
{
    // A record's text has all its members: no token may get into a log by it.
    public override string ToString() => NodeName;
}

/// <summary>Connects to a region: its machines in order, each by a <see cref="RelayTransport"/>, then upgrade and login.</summary>
internal sealed class RelayDialer(NodeKeyPair keys, RelayTransport transport, Func<string?>? token, TimeProvider time)
{
    /// <summary>How long all of it may take, for one machine.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>Gives the token of now; null = there are none.</summary>
    public Func<string?>? Token => token;

    /// <summary>Connects to the first machine that lets us in.</summary>
    /// <exception cref="ProxyRefusedException">None does, and a proxy wants other credentials; the message says why for each.</exception>
    /// <exception cref="IOException">None does; the message says why for each.</exception>
    public async Task<RelayStream> ConnectAsync(RelayRegion region, CancellationToken cancellation)
    {
        List<string> problems = [];
        bool isProxyRefusal = false;
        RelayNode[] machines = [.. region.Nodes.Where(node => !node.IsStunOnly)];
        foreach (RelayNode node in machines)
        {
            using CancellationTokenSource timeout = new(ConnectTimeout, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
            try
            {
                return await ConnectAsync(node, ideal: machines[0], either.Token);
            }
            catch (Exception exception) when (exception is SocketException or IOException or AuthenticationException or RelayProtocolException)
            {
                isProxyRefusal |= exception is ProxyRefusedException;
                problems.Add($"{node.HostName}: {exception.Message}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                problems.Add($"{node.HostName}: no answer within {ConnectTimeout.TotalSeconds:0} s");
            }
        }

        string problem = problems.Count > 0 ? string.Join("; ", problems) : "the region has no relay";
        throw isProxyRefusal ? new ProxyRefusedException(problem) : new IOException(problem);
    }

    private async Task<RelayStream> ConnectAsync(RelayNode node, RelayNode ideal, CancellationToken cancellation)
    {
        RelayConnection connection = await transport.OpenAsync(node, cancellation);
        try
        {
            return await LogInAsync(node, ideal, connection, cancellation);
        }
        catch
        {
            await connection.Stream.DisposeAsync();
            throw;
        }
    }

    private async Task<RelayStream> LogInAsync(RelayNode node, RelayNode ideal, RelayConnection connection, CancellationToken cancellation)
    {
        Stream stream = connection.Stream;
        string? shown = token?.Invoke();
        ClientHandshake handshake = new(keys, RelayTransport.HostFieldOf(node), new ClientInfo { Extensions = 1 }, RandomNumberGenerator.GetBytes(Box.NonceLength), shown, idealNode: node == ideal ? null : Uri.EscapeDataString(ideal.Name));

        byte[] buffer = new byte[RelayLimits.MaxServerInfoLength + ClientHandshake.MaxHeadLength];
        int held = 0;
        while (true)
        {
            if (handshake.TakeOutput() is { } output) await stream.WriteAsync(output, cancellation);
            int read = await stream.ReadAsync(buffer.AsMemory(held), cancellation);
            if (read == 0) throw new IOException("the relay closed the connection before it let us in");

            held += read;
            int consumed = handshake.Receive(buffer.AsSpan(0, held));
            buffer.AsSpan(consumed, held - consumed).CopyTo(buffer);
            held -= consumed;
            if (handshake.IsComplete) return new RelayStream(connection.Socket, stream, buffer[..held], handshake.ServerKey, handshake.ServerInfo!, node.Name, shown);
        }
    }
}
