using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Telemetry;
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
internal sealed record RelayStream(Socket Socket, Stream Stream, byte[] Leftover, NodeKey ServerKey, ServerInfo Info, string NodeName);

/// <summary>Connects to a region: its machines in order, each by its addresses, TCP, TLS, upgrade, login.</summary>
internal sealed class RelayDialer(NodeKeyPair keys, MarkedDns dns, Func<uint> mark, Func<string?>? token, TimeProvider time, ILogger log)
{
    /// <summary>How long all of it may take, for one machine.</summary>
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>How long TCP may take with one address before the next is tried.</summary>
    private static readonly TimeSpan TcpTimeout = TimeSpan.FromSeconds(3);

    private const int HttpsPort = 443;

    /// <summary>Connects to the first machine that lets us in.</summary>
    /// <exception cref="IOException">None does; the message says why for each.</exception>
    public async Task<RelayStream> ConnectAsync(RelayRegion region, CancellationToken cancellation)
    {
        List<string> problems = [];
        foreach (RelayNode node in region.Nodes.Where(node => !node.IsStunOnly))
        {
            using CancellationTokenSource timeout = new(ConnectTimeout, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
            try
            {
                return await ConnectAsync(node, either.Token);
            }
            catch (Exception exception) when (exception is SocketException or IOException or AuthenticationException or RelayProtocolException)
            {
                problems.Add($"{node.HostName}: {exception.Message}");
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                problems.Add($"{node.HostName}: no answer within {ConnectTimeout.TotalSeconds:0} s");
            }
        }

        throw new IOException(problems.Count > 0 ? string.Join("; ", problems) : "the region has no relay");
    }

    private async Task<RelayStream> ConnectAsync(RelayNode node, CancellationToken cancellation)
    {
        Socket socket = await ConnectTcpAsync(node, cancellation);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            if (!node.IsPlain) stream = await OpenTlsAsync(node, stream, cancellation);
            return await LogInAsync(node, socket, stream, cancellation);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private async Task<Socket> ConnectTcpAsync(RelayNode node, CancellationToken cancellation)
    {
        SocketException? last = null;
        foreach (TransportAddress address in await dns.ResolveAsync(node, node.RelayPort, cancellation))
        {
            Socket socket = MarkedSockets.Tcp(address.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, mark());
            using CancellationTokenSource timeout = new(TcpTimeout, time);
            using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, timeout.Token);
            try
            {
                await socket.ConnectAsync(address.ToIPEndPoint(), either.Token);
                return socket;
            }
            catch (SocketException exception)
            {
                last = exception;
                socket.Dispose();
            }
            catch (OperationCanceledException)
            {
                socket.Dispose();
                cancellation.ThrowIfCancellationRequested();
                last = new SocketException((int)SocketError.TimedOut);
            }
        }

        throw last ?? new SocketException((int)SocketError.HostNotFound);
    }

    private async Task<Stream> OpenTlsAsync(RelayNode node, Stream inner, CancellationToken cancellation)
    {
        if (node.InsecureForTests) TraversalLog.InsecureRelay(log, node.Name);
        SslStream tls = new(inner);
        await tls.AuthenticateAsClientAsync(
            new SslClientAuthenticationOptions
            {
                TargetHost = node.CertificateName ?? node.HostName,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
                RemoteCertificateValidationCallback = (_, certificate, _, errors) => IsTrusted(node, certificate, errors),
            },
            cancellation);
        return tls;
    }

    /// <summary>A pin stands in for every authority: exactly that certificate, and no other.</summary>
    private static bool IsTrusted(RelayNode node, X509Certificate? certificate, SslPolicyErrors errors)
    {
        if (node.CertificatePin is { } pin)
        {
            return certificate is not null && CryptographicOperations.FixedTimeEquals(SHA256.HashData(certificate.GetRawCertData()), Convert.FromHexString(pin));
        }

        return errors == SslPolicyErrors.None || node.InsecureForTests;
    }

    private async Task<RelayStream> LogInAsync(RelayNode node, Socket socket, Stream stream, CancellationToken cancellation)
    {
        string name = IPAddress.TryParse(node.HostName, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{node.HostName}]" : node.HostName;
        string host = node.RelayPort == HttpsPort ? name : $"{name}:{node.RelayPort}";
        ClientHandshake handshake = new(keys, host, new ClientInfo { Extensions = 1 }, RandomNumberGenerator.GetBytes(Box.NonceLength), token?.Invoke());

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
            if (handshake.IsComplete) return new RelayStream(socket, stream, buffer[..held], handshake.ServerKey, handshake.ServerInfo!, node.Name);
        }
    }
}
