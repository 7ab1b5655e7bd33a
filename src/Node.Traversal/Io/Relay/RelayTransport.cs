using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core.Proxies;
using Node.Traversal.Messages.Http;
using Node.Traversal.Telemetry;

namespace Node.Traversal.Io.Relay;

/// <summary>A stream to a relay, before anything is said on it.</summary>
/// <param name="Socket">The TCP connection.</param>
/// <param name="Stream">TLS on it, or it itself for a plain relay. Disposing it closes the connection.</param>
internal readonly record struct RelayConnection(Socket Socket, Stream Stream);

/// <summary>Opens streams to the machines of the map: TCP by one of their addresses or by a proxy, and TLS.</summary>
internal sealed class RelayTransport(MarkedDns dns, Func<uint> mark, Func<ProxySettings> proxies, TimeProvider time, ILogger log)
{
    /// <summary>How long TCP may take with one address before the next is tried.</summary>
    private static readonly TimeSpan TcpTimeout = TimeSpan.FromSeconds(3);

    private const int HttpsPort = 443;

    /// <summary>Opens a stream.</summary>
    /// <exception cref="SocketException">No address answers, or there is none.</exception>
    /// <exception cref="ProxyRefusedException">The proxy wants credentials, or others.</exception>
    /// <exception cref="IOException">The proxy does not let us through, or TLS was cut off.</exception>
    /// <exception cref="AuthenticationException">The certificate is not the relay's.</exception>
    public async Task<RelayConnection> OpenAsync(RelayNode node, CancellationToken cancellation)
    {
        HttpProxy? proxy = proxies().For(node);
        Socket socket = proxy is null ? await ConnectTcpAsync(await dns.ResolveAsync(node, node.RelayPort, cancellation), cancellation) : await ConnectToProxyAsync(proxy, cancellation);
        Stream stream = new NetworkStream(socket, ownsSocket: true);
        try
        {
            if (proxy is not null) await PassProxyAsync(proxy, node, stream, cancellation);
            if (!node.IsPlain) stream = await OpenTlsAsync(node, stream, cancellation);
            return new RelayConnection(socket, stream);
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    /// <summary>The value of the Host field for a machine: its name, with the port where it is not the usual one.</summary>
    public static string HostFieldOf(RelayNode node) => node.RelayPort == HttpsPort ? Bracketed(node.HostName) : $"{Bracketed(node.HostName)}:{node.RelayPort}";

    private static string Bracketed(string host) => IPAddress.TryParse(host, out IPAddress? address) && address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{host}]" : host;

    private async Task<Socket> ConnectToProxyAsync(HttpProxy proxy, CancellationToken cancellation)
    {
        try
        {
            return await ConnectTcpAsync(await dns.ResolveAsync(new RelayNode { Name = proxy.Host, HostName = proxy.Host }, proxy.Port, cancellation), cancellation);
        }
        catch (SocketException exception)
        {
            throw new IOException($"the proxy {proxy} cannot be reached: {exception.Message}", exception);
        }
    }

    /// <summary>Asks for the relay by its name: the proxy's rules know names, and it looks them up where we perhaps cannot.</summary>
    private static async Task PassProxyAsync(HttpProxy proxy, RelayNode node, Stream stream, CancellationToken cancellation)
    {
        await stream.WriteAsync(ConnectRequest.Write($"{Bracketed(node.HostName)}:{node.RelayPort}", proxy.Authorization), cancellation);
        ProxyHandshake handshake = new(proxy.HasCredentials);
        byte[] buffer = new byte[HttpResponseHead.MaxLength];
        int held = 0;
        while (handshake.Step == ProxyStep.Waiting)
        {
            int read = await stream.ReadAsync(buffer.AsMemory(held), cancellation);
            if (read == 0) throw new IOException($"the proxy {proxy} closed the connection");
            held += read;
            int consumed = handshake.Receive(buffer.AsSpan(0, held));
            buffer.AsSpan(consumed, held - consumed).CopyTo(buffer);
            held -= consumed;
        }

        if (handshake.Step == ProxyStep.Refused) throw Refusal($"the proxy {proxy} {handshake.Problem}", handshake.IsForCredentials);
        if (held > 0) throw new IOException($"the proxy {proxy} sends what is not the relay's"); // The relay says nothing before we do.
    }

    private static IOException Refusal(string problem, bool isForCredentials) => isForCredentials ? new ProxyRefusedException(problem) : new IOException(problem);

    private async Task<Socket> ConnectTcpAsync(IReadOnlyList<TransportAddress> addresses, CancellationToken cancellation)
    {
        SocketException? last = null;
        foreach (TransportAddress address in addresses)
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
}
