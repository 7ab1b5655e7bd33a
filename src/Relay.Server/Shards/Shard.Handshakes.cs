using System.Diagnostics;
using System.Runtime.InteropServices;
using Addresses;
using Relay.Server.Core;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Shards;

/// <content>Newcomers: accepted, and taken through TLS and login a few a round, so that a storm of them does not hold up packets.</content>
internal sealed unsafe partial class Shard
{
    private const int MaxAcceptsPerRound = 32;

    /// <summary>What handshakes may take of a round: three or four of them.</summary>
    private static readonly TimeSpan HandshakeBudget = TimeSpan.FromMilliseconds(1);

    /// <summary>How long a listener rests where descriptors or memory have run out.</summary>
    private static readonly TimeSpan AcceptPause = TimeSpan.FromMilliseconds(500);

    private readonly Queue<ShardConnection> _handshakeLine = [];

    /// <summary>Accepts from this socket from now on. On the shard's thread.</summary>
    public void Add(ShardListener listener)
    {
        listener.Index = _listeners.Length;
        _listeners = [.. _listeners, listener];
        _epoll.TryAdd(listener.Descriptor, listener.Token, LibC.EpollIn);
    }

    /// <summary>Accepts no more. On the shard's thread.</summary>
    public void Remove(ShardListener listener)
    {
        _epoll.Remove(listener.Descriptor);
        _listeners[listener.Index] = null;
    }

    /// <summary>Ends all connections of an endpoint. On the shard's thread.</summary>
    public void CloseAll(ShardEndpoint endpoint, CloseReason reason)
    {
        foreach (ShardConnection? connection in _connections)
        {
            if (connection?.Endpoint == endpoint) Close(connection, reason);
        }
    }

    /// <summary>Takes a socket that was accepted. On the shard's thread.</summary>
    public void Adopt(ShardEndpoint endpoint, int socket, TransportAddress remote, ConnectionLease lease)
    {
        ShardConnection connection = new(endpoint, this, socket, remote, lease, _now);
        if (!_tokens.TryPop(out int token))
        {
            token = _connectionCount + _freedTokens.Count;
            if (token >= _connections.Length) Array.Resize(ref _connections, _connections.Length * 2);
        }

        connection.Token = token;
        if (!connection.Engine.TryOpen(connection) || !_epoll.TryAdd(socket, token, LibC.EpollIn))
        {
            RelayLog.AcceptFailed(_services.Log, System.Net.Sockets.SocketError.NoBufferSpaceAvailable);
            connection.Engine.Free(connection);
            lease.Dispose();
            endpoint.Forget();
            LibC.Close(socket);
            _tokens.Push(token);
            return;
        }

        _connections[token] = connection;
        Interlocked.Increment(ref _connectionCount);
        _timers.Set(connection, connection.Client.NextTimeout);
    }

    private void Accept(ShardListener listener)
    {
        byte* address = stackalloc byte[ListenerAddress.MaxLength];
        for (int i = 0; i < MaxAcceptsPerRound; i++)
        {
            int length = ListenerAddress.MaxLength;
            int socket = LibC.Accept(listener.Descriptor, address, &length, LibC.AcceptFlags);
            if (socket < 0)
            {
                HandleAcceptError(listener, Marshal.GetLastPInvokeError());
                return;
            }

            listener.Endpoint.Take(socket, ListenerAddress.Read(new ReadOnlySpan<byte>(address, length)), this, _now);
        }
    }

    private void HandleAcceptError(ShardListener listener, int error)
    {
        if (error == LibC.TryAgain) return;
        _services.Limiter.CountRefused(ConnectionRefusal.Descriptors);
        RelayLog.AcceptFailed(_services.Log, new System.Net.Sockets.SocketException(error).SocketErrorCode);
        if (error is not (LibC.TooManyFiles or LibC.TooManyFilesInSystem or LibC.NoBufferSpace or LibC.OutOfMemory)) return;

        // It stays ready, and there is nothing to accept it with: look away for a while.
        _epoll.Modify(listener.Descriptor, listener.Token, 0);
        listener.PausedUntil = _now + AcceptPause;
    }

    private void ResumeListeners()
    {
        foreach (ShardListener? listener in _listeners)
        {
            if (listener is null || listener.PausedUntil > _now) continue;
            listener.PausedUntil = Instant.Never;
            _epoll.Modify(listener.Descriptor, listener.Token, LibC.EpollIn);
        }
    }

    private void LineUp(ShardConnection connection)
    {
        if (connection.IsInHandshakeLine) return;
        connection.IsInHandshakeLine = true;
        _handshakeLine.Enqueue(connection);
    }

    /// <summary>Goes on with as many handshakes and logins as a round has time for, one at least.</summary>
    private void Handshake()
    {
        ResumeListeners();
        if (_handshakeLine.Count == 0) return;
        long began = Stopwatch.GetTimestamp();
        while (_handshakeLine.TryDequeue(out ShardConnection? connection))
        {
            connection.IsInHandshakeLine = false;
            _current = connection;
            if (connection.State == ShardConnectionState.Handshake) OpenEngine(connection);
            else if (connection.State != ShardConnectionState.Closed) Read(connection);
            if (Stopwatch.GetElapsedTime(began) > HandshakeBudget) return;
        }
    }

    private void OpenEngine(ShardConnection connection)
    {
        if (!IsProxyHeaderOver(connection)) return;
        HandshakeState state = connection.Engine.Handshake(connection);
        SendNow(connection);
        if (connection.State == ShardConnectionState.Closed || state == HandshakeState.Waiting) return;
        if (state == HandshakeState.Failed)
        {
            RelayLog.TlsFailed(_services.Log, _tls.Problem);
            Close(connection, CloseReason.ClientLeft);
            return;
        }

        if (connection.Ssl != 0) _services.Router.Counters.CountTls(is13: OpenSsl.VersionOf(connection.Ssl) == OpenSsl.Tls13);
        connection.State = ShardConnectionState.Client;
        Read(connection); // What the client said at once may have come with the end of its handshake.
    }

    /// <summary>Asks who may use the relay; false where the answer comes later: until then nothing is read.</summary>
    private bool IsAdmissionAnswered(ShardConnection connection)
    {
        if (connection.Client.TakeLoginRequest() is not { } request) return false;
        ValueTask<AdmissionDecision> asked = _services.Admission.DecideAsync(request);
        if (asked.IsCompletedSuccessfully)
        {
            HandleAnswer(connection, asked.Result);
            return true;
        }

        PauseReading(connection);
        connection.Endpoint.Await(asked.AsTask(), decision => Post(() => HandleAdmission(connection, decision)));
        return false;
    }

    private void HandleAnswer(ShardConnection connection, AdmissionDecision decision)
    {
        connection.Client.Admit(decision, _now, _woken);
        DrainWoken();
        if (connection.State == ShardConnectionState.Client) _timers.Set(connection, connection.Client.NextTimeout); // It may have to go sooner than before.
    }

    private void HandleAdmission(ShardConnection connection, AdmissionDecision decision)
    {
        if (connection.State != ShardConnectionState.Client) return;
        HandleAnswer(connection, decision);
        ResumeReading(connection);
        HandleHeld(connection); // What the client has sent since may be all it sends.
    }

    private void HandleLogin(ShardConnection connection)
    {
        ClientConnection client = connection.Client;
        connection.IsKnown = true;
        connection.Lease.EndHandshake();
        _timers.Set(connection, client.NextTimeout);
        _services.Router.Counters.LoginTimes.Count((_now - connection.OpenedAt).TotalSeconds);
        SampleRtt(connection);
        RelayLog.LoggedIn(_services.Log, client);
        if (client.Remote != connection.Remote && !connection.Lease.TryAttribute(client.Remote)) Close(connection, CloseReason.TooManyOfPrefix);
    }

    /// <summary>At the login and with each keep-alive: often enough for a picture of all, and nothing a client would feel.</summary>
    private void SampleRtt(ShardConnection connection)
    {
        if (TcpRtt.TryRead(connection.Socket, out TimeSpan rtt)) _services.Router.Counters.Rtts.Count(rtt.TotalSeconds);
    }

    private void HandOver(ShardConnection connection, ReadOnlySpan<byte> read)
    {
        connection.State = ShardConnectionState.Web;
        _timers.Remove(connection);
        connection.Web = new WebBridge(connection.Wake, () => Post(() => ResumeReading(connection)), () => Post(() => Close(connection, CloseReason.ClientLeft)));
        connection.Endpoint.Serve(connection, read.ToArray());
    }

    /// <summary>The web server has said all it had to say.</summary>
    public void EndWeb(ShardConnection connection)
    {
        connection.IsEnding = true;
        if (connection.State == ShardConnectionState.Web) MarkDirty(connection);
    }
}
