using System.Net;
using System.Net.Sockets;
using Node.Traversal.Core.PortMapping;
using Node.Traversal.Messages.Upnp;

namespace Node.Traversal.Io.PortMapping;

/// <summary>
/// Speaks HTTP with the gateway, and with nobody else: whatever a URL or an answer says, the connection goes to the gateway's address. No
/// redirects, proxies, cookies, credentials or compression, little memory and little time.
/// </summary>
internal sealed class LanHttpClient : IDisposable
{
    /// <summary>From the first packet to the last byte of the answer.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(3);

    private const int MaxHeadersKibibytes = 8;

    private readonly IPAddress _gateway;
    private readonly IPAddress _local;
    private readonly Func<uint> _mark;
    private readonly HttpClient _http;

    /// <param name="gateway">The gateway.</param>
    /// <param name="local">Our address: routers map ports only to the address that asks.</param>
    /// <param name="mark">The firewall mark of every packet.</param>
    public LanHttpClient(IPAddress gateway, IPAddress local, Func<uint> mark)
    {
        _gateway = gateway;
        _local = local;
        _mark = mark;
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            AutomaticDecompression = DecompressionMethods.None,
            ActivityHeadersPropagator = null, // The gateway need not know what we trace.
            MaxResponseHeadersLength = MaxHeadersKibibytes,
            MaxResponseDrainSize = 0,
            MaxConnectionsPerServer = 1,
            PooledConnectionLifetime = TimeSpan.Zero, // Some routers answer the second request of a connection with nothing.
            ConnectCallback = ConnectAsync,
        };
        _http = new HttpClient(handler) { MaxResponseContentBufferSize = UpnpXml.MaxLength, Timeout = Timeout };
    }

    /// <summary>Sends a request. Whatever goes wrong is no answer.</summary>
    public async Task<UpnpReply> SendAsync(UpnpRequest request, CancellationToken cancellation)
    {
        if (!Uri.TryCreate($"http://{request.Endpoint}{request.Path}", UriKind.Absolute, out Uri? uri)) return UpnpReply.None;
        using HttpRequestMessage message = new(request.Action is null ? HttpMethod.Get : HttpMethod.Post, uri) { Version = HttpVersion.Version11 };
        message.Headers.ConnectionClose = true;
        if (request.Action is not null)
        {
            message.Content = new ByteArrayContent(request.Body);
            message.Content.Headers.TryAddWithoutValidation("Content-Type", "text/xml; charset=\"utf-8\"");
            message.Headers.TryAddWithoutValidation("SOAPAction", $"\"{request.Action}\"");
        }

        try
        {
            using HttpResponseMessage answer = await _http.SendAsync(message, cancellation);
            return new UpnpReply((int)answer.StatusCode, await answer.Content.ReadAsByteArrayAsync(cancellation));
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return UpnpReply.None; // Nobody there, too slow, too long, or no HTTP; and whatever else a stranger's answer makes of it.
        }
    }

    public void Dispose() => _http.Dispose();

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        Socket socket = MarkedSockets.Tcp(_gateway.AddressFamily, _mark());
        try
        {
            socket.Bind(new IPEndPoint(_local, 0));
            await socket.ConnectAsync(new IPEndPoint(_gateway, context.DnsEndPoint.Port), cancellation);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
