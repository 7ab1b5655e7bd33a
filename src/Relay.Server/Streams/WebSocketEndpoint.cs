using System.Collections.Concurrent;
using System.Net.WebSockets;
using Addresses;
using Relay.Protocol;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Streams;

/// <summary>Relay clients that come by WebSocket, with the subprotocol <c>derp</c>: browsers, and networks that pass nothing else.</summary>
internal sealed class WebSocketEndpoint(EndpointServices services)
{
    /// <summary>The subprotocol.</summary>
    public const string Subprotocol = "derp";

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(500);

    private readonly ConcurrentDictionary<Client, byte> _clients = new();
    private long _accepts;

    /// <summary>WebSockets opened so far.</summary>
    public long Accepts => Volatile.Read(ref _accepts);

    /// <summary>WebSockets open at present.</summary>
    public int ConnectionCount => _clients.Count;

    /// <summary>Says whether a request wants to be a relay client's WebSocket.</summary>
    public static bool IsWanted(HttpContext context) =>
        context.WebSockets.IsWebSocketRequest && context.WebSockets.WebSocketRequestedProtocols.Any(protocol => protocol.Contains(Subprotocol, StringComparison.OrdinalIgnoreCase));

    /// <summary>Opens the WebSocket and serves the client until it ends.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        TransportAddress remote;
        try
        {
            remote = services.Identity.TrustedProxies.ClientOf(RelayPort.Of(context).Remote, context.Request.Headers["X-Forwarded-For"].ToString());
        }
        catch (RelayProtocolException exception)
        {
            services.Router.Counters.CountClose(CloseReason.BadProxyHeader);
            await WebPages.AnswerAsync(context, StatusCodes.Status400BadRequest, exception.Message);
            return;
        }

        if (services.Identity.Refusal is { } refusal)
        {
            services.Router.Counters.CountClose(CloseReason.Refused);
            await WebPages.AnswerAsync(context, refusal.Status, refusal.Text);
            return;
        }

        TokenGrant? token = WebPages.BearerToken(context) is { } shown ? services.Identity.CheckToken?.Invoke(shown) : null;
        if (token is { IsValid: false } bad && services.Identity.AreTokensRequired)
        {
            services.Router.Counters.CountRefusal(bad.Refusal);
            services.Router.Counters.CountClose(CloseReason.Refused);
            await WebPages.AnswerAsync(context, StatusCodes.Status401Unauthorized, bad.Message);
            return;
        }

        // A subprotocol that only resembles ours is told so in the WebSocket's own way, as stock relays do it.
        bool isOurs = context.WebSockets.WebSocketRequestedProtocols.Contains(Subprotocol);
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { SubProtocol = isOurs ? Subprotocol : null });
        if (!isOurs)
        {
            await WebSocketBytes.CloseAsync(socket, WebSocketCloseStatus.PolicyViolation, $"The client must speak the subprotocol {Subprotocol}.");
            return;
        }

        Interlocked.Increment(ref _accepts);
        await ServeAsync(context, socket, remote, token);
    }

    /// <summary>Looks after what takes too long, and keeps idle connections alive, until <paramref name="stopping"/>; then ends them.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        HashSet<ClientConnection> woken = [];
        using PeriodicTimer timer = new(TickInterval, services.Clock.TimeProvider);
        try
        {
            while (await timer.WaitForNextTickAsync(stopping))
            {
                Instant now = services.Clock.Now;
                foreach (Client client in _clients.Keys) client.Tick(now, woken);
                foreach (ClientConnection connection in woken) connection.Shell?.Wake();
                woken.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            foreach (Client client in _clients.Keys) client.Pump.End(CloseReason.ServerStopping);
        }
    }

    private async Task ServeAsync(HttpContext context, WebSocket socket, TransportAddress remote, TokenGrant? token)
    {
        Instant opened = services.Clock.Now;
        ClientConnection connection = new(services.Identity, services.Router, opened) { Remote = remote };
        connection.BeginWithoutHead(token, isNotIdeal: context.Request.Headers.ContainsKey("Ideal-Node"), opened);
        using WebSocketBytes stream = new(socket);
        Client client = new(connection, RelayPort.Of(context), new StreamPump(stream, connection, services.Admission, services.Clock, services.Router.Counters), services.Log);
        _clients.TryAdd(client, 0);
        try
        {
            await client.Pump.RunAsync();
            await WebSocketBytes.CloseAsync(socket, WebSocketCloseStatus.InternalServerError, "The relay has ended the connection.");
        }
        finally
        {
            _clients.TryRemove(client, out _);
        }

        if (!connection.Key.IsZero) RelayLog.ClientLeft(services.Log, connection.Key, connection.CloseReason, services.Clock.Now - opened);
        else if (connection.Complaint is { } complaint) RelayLog.LoginFailed(services.Log, complaint);
    }

    private sealed class Client(ClientConnection connection, RelayPort port, StreamPump pump, ILogger log)
    {
        private bool _isKnown;

        public StreamPump Pump => pump;

        public void Tick(Instant now, HashSet<ClientConnection> woken)
        {
            if (connection.IsLoggedIn && !_isKnown)
            {
                _isKnown = true;
                port.Lease?.EndHandshake();
                if (connection.Remote != port.Remote && port.Lease?.TryAttribute(connection.Remote) == false) pump.End(CloseReason.TooManyOfPrefix);
                RelayLog.LoggedIn(log, connection);
            }

            pump.CheckWrite(now);
            if (now < connection.NextTimeout) return;
            if (now >= connection.Expires) pump.End(connection.ExpiryReason);
            else if (connection.IsLoggedIn) connection.HandleTimeout(now, woken);
            else if (connection.Phase != ConnectionPhase.Closed) pump.End(CloseReason.HandshakeTimeout);
        }
    }
}
