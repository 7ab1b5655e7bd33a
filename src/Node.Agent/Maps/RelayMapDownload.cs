using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Logging;
using Node.Traversal;

namespace Node.Agent.Maps;

/// <summary>Fetches a relay map by HTTPS, within bounds, and keeps the last good copy.</summary>
internal sealed class RelayMapDownload : IDisposable
{
    private const int MaxRedirects = 3;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    private readonly RelayMapLocation _location;
    private readonly StateDirectory? _state;
    private readonly ILogger _logger;
    private readonly HttpClient _client;

    /// <param name="location">Where the map is; a URL.</param>
    /// <param name="state">Where the copy is kept, or null for nowhere.</param>
    /// <param name="connect">Opens the connections: marked, so that a full tunnel does not swallow them.</param>
    /// <param name="proxies">By which proxy.</param>
    /// <param name="logger">Told where the copy cannot be kept.</param>
    public RelayMapDownload(RelayMapLocation location, StateDirectory? state, Func<string, int, CancellationToken, ValueTask<Socket>> connect, Func<ProxySettings> proxies, ILogger logger)
        : this(location, state, HandlerOf(connect, proxies), logger)
    {
    }

    /// <summary>As the other one; tests answer themselves.</summary>
    internal RelayMapDownload(RelayMapLocation location, StateDirectory? state, HttpMessageHandler handler, ILogger logger)
    {
        _location = location;
        _state = state;
        _logger = logger;
        _client = new HttpClient(handler) { Timeout = Timeout, MaxResponseContentBufferSize = RelayMapFile.MaxLengthBytes };
    }

    /// <summary>The last good copy, or null where there is none.</summary>
    public RelayMap? LastGoodCopy()
    {
        try
        {
            return _state?.TryRead(_location.CopyName) is { } json ? RelayMap.Parse(json) : null;
        }
        catch (FormatException)
        {
            return null; // Only what was good is kept; somebody else has been at it. The next one replaces it.
        }
    }

    /// <summary>Fetches the map and keeps a copy.</summary>
    /// <exception cref="RelayMapException">It did not come, or is no relay map; the message says which.</exception>
    public async Task<RelayMap> FetchAsync(CancellationToken cancellation)
    {
        string json = await FetchTextAsync(cancellation);
        RelayMap map;
        try
        {
            map = RelayMap.Parse(json);
        }
        catch (FormatException exception)
        {
            throw new RelayMapException($"{_location} cannot be used: {exception.Message}", exception);
        }

        Keep(json);
        return map;
    }

    public void Dispose() => _client.Dispose();

    private async Task<string> FetchTextAsync(CancellationToken cancellation)
    {
        try
        {
            return Encoding.UTF8.GetString(await _client.GetByteArrayAsync(_location.Url, cancellation)).TrimStart('\ufeff'); // As JSON is, whatever the server says of it (RFC 8259 §8.1).
        }
        catch (HttpRequestException exception)
        {
            throw new RelayMapException($"{_location} did not come: {exception.Message}", exception);
        }
        catch (OperationCanceledException exception) when (!cancellation.IsCancellationRequested)
        {
            throw new RelayMapException($"{_location} did not come within {Timeout.TotalSeconds:0} s", exception);
        }
    }

    private void Keep(string json)
    {
        try
        {
            _state?.Write(_location.CopyName, json);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _logger.MapNotKept(exception.Message);
        }
    }

    private static SocketsHttpHandler HandlerOf(Func<string, int, CancellationToken, ValueTask<Socket>> connect, Func<ProxySettings> proxies) => new()
    {
        Proxy = new ChosenProxy(proxies), // As relays have it: the environment's is not asked behind our back.
        MaxAutomaticRedirections = MaxRedirects, // Never from HTTPS to HTTP: the handler refuses that by itself.
        PooledConnectionIdleTimeout = TimeSpan.Zero, // The next one is an hour away, and the mark may have changed.
        ConnectCallback = async (context, cancellation) =>
            new NetworkStream(await connect(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellation), ownsSocket: true),
    };

    /// <summary>The proxy of each request: it follows the file's settings.</summary>
    private sealed class ChosenProxy(Func<ProxySettings> proxies) : IWebProxy
    {
        public ICredentials? Credentials
        {
            get => proxies().Proxy?.ToWebProxy().Credentials;
            set => throw new NotSupportedException("The credentials are the settings'.");
        }

        public Uri? GetProxy(Uri destination) => proxies().For(destination.IdnHost, (ushort)destination.Port)?.ToWebProxy().GetProxy(destination);

        public bool IsBypassed(Uri host) => GetProxy(host) is null;
    }
}

/// <summary>A relay map that could not be had.</summary>
internal sealed class RelayMapException(string message, Exception inner) : Exception(message, inner);
