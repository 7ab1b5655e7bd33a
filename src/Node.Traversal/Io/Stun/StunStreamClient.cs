using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using Addresses;
using Node.Traversal.Core.Stun;
using Timing;

namespace Node.Traversal;

/// <summary>What a STUN server said over TCP or TLS.</summary>
/// <param name="Server">The address that was asked.</param>
/// <param name="Local">The local address of the connection.</param>
/// <param name="Mapped">The address the server saw it come from.</param>
/// <param name="Rtt">From request to answer, the connection standing.</param>
/// <param name="Software">The server's description of itself; null = none.</param>
public sealed record StunStreamAnswer(TransportAddress Server, TransportAddress Local, TransportAddress Mapped, TimeSpan Rtt, string? Software);

/// <summary>How to ask over a stream.</summary>
public sealed record StunStreamOptions
{
    /// <summary>The name the server's certificate must bear; null = TCP without TLS.</summary>
    public string? TlsName { get; init; }

    /// <summary>Takes any certificate. The answer is then anybody's word, as it is over UDP and TCP.</summary>
    public bool AllowsAnyCertificate { get; init; }

    /// <summary>How long connecting, the handshake and the answer may take together. By default RFC 8489's Ti, 39.5 s.</summary>
    public TimeSpan Timeout { get; init; } = StunStreamTransaction.Ti;
}

/// <summary>Asks a STUN server over TCP or TLS (RFC 8489 §6.2.2).</summary>
public static class StunStreamClient
{
    private const int ReadLength = 2048;

    /// <summary>Asks once.</summary>
    /// <param name="server">Whom to ask.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="IOException">No connection, no handshake, or no usable answer; the message says which.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended by <paramref name="cancellation"/>.</exception>
    public static async Task<StunStreamAnswer> AskAsync(TransportAddress server, StunStreamOptions options, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(options);
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(options.Timeout);
        using Socket socket = new(server.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        string step = "does not take the connection";
        try
        {
            await socket.ConnectAsync(server.ToIPEndPoint(), deadline.Token);
            step = "does not complete the TLS handshake";
            await using Stream stream = await OpenAsync(socket, options, deadline.Token);
            step = "does not answer";
            return await AskAsync(stream, server, TransportAddress.From((IPEndPoint)socket.LocalEndPoint!), deadline.Token);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new IOException($"{server} {step} within {options.Timeout.TotalSeconds:0.#} s");
        }
        catch (SocketException exception)
        {
            throw new IOException($"no connection to {server}: {exception.Message}", exception);
        }
        catch (AuthenticationException exception)
        {
            throw new IOException($"no TLS with {server}: {exception.Message}", exception);
        }
    }

    private static async Task<Stream> OpenAsync(Socket socket, StunStreamOptions options, CancellationToken cancellation)
    {
        NetworkStream plain = new(socket, ownsSocket: false);
        if (options.TlsName is not { } name) return plain;

        SslStream secured = new(plain);
        SslClientAuthenticationOptions tls = new() { TargetHost = name };
#pragma warning disable CA5359 // Only where the caller has asked for it.
        if (options.AllowsAnyCertificate) tls.RemoteCertificateValidationCallback = (_, _, _, _) => true;
#pragma warning restore CA5359
        try
        {
            await secured.AuthenticateAsClientAsync(tls, cancellation);
            return secured;
        }
        catch
        {
            await secured.DisposeAsync();
            throw;
        }
    }

    private static async Task<StunStreamAnswer> AskAsync(Stream stream, TransportAddress server, TransportAddress local, CancellationToken cancellation)
    {
        StunStreamTransaction transaction = new(RandomNumberGenerator.Fill);
        Instant asked = MonotonicClock.System.Now;
        await stream.WriteAsync(transaction.Request, cancellation);
        byte[] buffer = new byte[ReadLength];
        while (transaction.Kind is null)
        {
            int length = await stream.ReadAsync(buffer, cancellation);
            if (length == 0) throw new IOException($"{server} closed the connection without an answer");
            transaction.Handle(buffer.AsSpan(0, length));
        }

        return transaction.Kind switch
        {
            StunAnswerKind.Success when transaction.Answer is { } answer =>
                new StunStreamAnswer(server, local, answer.Mapped, MonotonicClock.System.Now - asked, answer.Software),
            StunAnswerKind.Error => throw new IOException($"{server} refuses the request with error {transaction.Error.Number}"),
            _ => throw new IOException($"what {server} answers is not STUN, or not understood"),
        };
    }
}
