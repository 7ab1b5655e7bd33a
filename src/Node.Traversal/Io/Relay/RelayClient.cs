using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Datagrams;
using Microsoft.Extensions.Logging;
using Node.Traversal.Telemetry;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Timing;

namespace Node.Traversal.Io.Relay;

/// <summary>
/// Keeps a connection to one region for as long as it is wanted: connects, receives, sends what is queued in as few writes as can be, and
/// connects again with growing pauses when it is lost.
/// </summary>
internal sealed class RelayClient : IAsyncDisposable
{
    /// <summary>How long the answer to a Ping of ours may take: some round trips, as far as they are known.</summary>
    private const int VerifyRtts = 5;
    private static readonly TimeSpan ShortestVerify = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan LongestVerify = TimeSpan.FromSeconds(1);

    /// <summary>How long a relay may be silent before it is asked for a sign of life: it would not be missed otherwise until we send by it.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(25);

    /// <summary>How exactly it is known when the relay was heard last.</summary>
    private static readonly TimeSpan HeardInterval = TimeSpan.FromSeconds(5);

    private const int BufferLength = 128 << 10; // One longest frame of ours, and a full read behind it.

    private readonly RelayDialer _dialer;
    private readonly IRelayReceiver _receiver;
    private readonly MonotonicClock _clock;
    private readonly ILogger _log;
    private readonly NodeKeyPair _keys;
    private readonly Faults _faults;
    private readonly RelayHealth _health;
    private readonly RelaySendQueue _queue;
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private readonly CancellationTokenSource _stopping = new();
    private readonly RelayFrames _frames = new(BufferLength);
    private readonly byte[] _buffer = new byte[BufferLength];
    private readonly byte[] _output = new byte[BufferLength];
    private Task _running = Task.CompletedTask;
    private volatile RelayStream? _stream;
    private volatile string? _problem;
    private volatile bool _isHome;
    private volatile bool _isLeaving;
    private volatile TaskCompletionSource? _pause;
    private volatile RelayTokenRenewal? _renewal;
    private ITimer? _verifying;
    private long _askedAt;
    private long _lastPong;
    private long _lastHeard;
    private long _rtt; // Of the last Ping; 0 = not measured.
    private Instant _heardTold;

    public RelayClient(RelayRegion region, NodeKeyPair keys, RelayDialer dialer, IRelayReceiver receiver, MonotonicClock clock, TraversalCounters counters, ILogger log)
    {
        Region = region;
        _keys = keys;
        _dialer = dialer;
        _receiver = receiver;
        _clock = clock;
        _log = log;
        _faults = new Faults(counters, log, clock);
        _health = new RelayHealth(region.Code, log, clock.Now);
        _queue = new RelaySendQueue(counters);
    }

    public RelayRegion Region { get; }

    /// <summary>The machines in the order in which they are tried, where that is not the map's.</summary>
    public IReadOnlyList<RelayNode>? Preferred { get; init; }

    /// <summary>How long to wait before the first attempt.</summary>
    public TimeSpan StartAfter { get; init; }

    /// <summary>The machine that we are connected to; null where we are not.</summary>
    public string? NodeName => _stream?.NodeName;

    /// <summary>What came of the last attempt to connect; null where it went well, or there was none.</summary>
    public string? Problem => _problem;

    /// <summary>Says whether the relay has let us in.</summary>
    public bool IsConnected => _stream is not null;

    /// <summary>Starts connecting.</summary>
    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Queues a control packet and sends it.</summary>
    public void SendControl(NodeKey peer, ReadOnlySpan<byte> packet)
    {
        if (!IsConnected) return; // Greetings are repeated; the core asks again once there is a connection.
        _queue.EnqueuePacket(peer, packet, isControl: true, _clock.Now);
        Flush();
    }

    /// <summary>Queues a data packet; <see cref="Flush"/> sends it. False where there is no connection.</summary>
    public bool TryQueueData(NodeKey peer, ReadOnlySpan<byte> packet, Instant now)
    {
        if (!IsConnected) return false;
        _queue.EnqueuePacket(peer, packet, isControl: false, now);
        return true;
    }

    /// <summary>Has what is queued sent.</summary>
    public void Flush() => _wake.Writer.TryWrite(true);

    /// <summary>Says whether this relay is our home.</summary>
    public void SetHome(bool isHome)
    {
        if (_isHome == isHome) return;
        _isHome = isHome;
        if (IsConnected) NotePreferred();
    }

    /// <summary>Shows the relay the token of now, if it was shown another and takes it on the connection as it is; any other relay sees it at the next login.</summary>
    public void RenewToken() => _renewal?.Renew();

    /// <summary>Marks the packets of the connection anew.</summary>
    public void SetFirewallMark(uint mark)
    {
        if (_stream?.Socket is { } socket) MarkedSockets.Mark(socket, mark);
    }

    /// <summary>Our network has changed, or may have: asks the relay for a sign of life, and connects again where none comes. A pause ends at once.</summary>
    public void Verify()
    {
        _pause?.TrySetResult();
        if (_stream is not { } stream) return;

        Instant asked = Ask();
        TimeSpan rtt = TimeSpan.FromTicks(Volatile.Read(ref _rtt));
        TimeSpan timeout = rtt == TimeSpan.Zero || rtt * VerifyRtts > LongestVerify ? LongestVerify : rtt * VerifyRtts < ShortestVerify ? ShortestVerify : rtt * VerifyRtts;
        ITimer verifying = _clock.TimeProvider.CreateTimer(
            _ =>
            {
                if (_stream == stream && Volatile.Read(ref _lastPong) < asked.Ticks) stream.Socket.Dispose();
            },
            null,
            timeout,
            Timeout.InfiniteTimeSpan);
        Interlocked.Exchange(ref _verifying, verifying)?.Dispose();
    }

    /// <summary>
    /// Leaves the relay without losing what it has still to send: says that we send no more, and listens to its end of the stream; for
    /// <paramref name="most"/> each. To be disposed then.
    /// </summary>
    public async Task LeaveAsync(TimeSpan most)
    {
        _isLeaving = true;
        if (_stream is not { } stream) return;
        try
        {
            if (stream.Stream is SslStream tls) await tls.ShutdownAsync().WaitAsync(most, _clock.TimeProvider); // It waits for room to write.
            stream.Socket.Shutdown(SocketShutdown.Send);
            await _running.WaitAsync(most, _clock.TimeProvider);
        }
        catch (Exception exception) when (exception is IOException or SocketException or ObjectDisposedException or InvalidOperationException or TimeoutException)
        {
            TraversalLog.RelayLost(_log, Region.Code, exception.Message); // It has gone by itself, or says nothing: either way we go.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _stream?.Socket.Dispose();
        await _running;
        if (_verifying is not null) await _verifying.DisposeAsync();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        int failures = 0;
        while (!_stopping.IsCancellationRequested && !_isLeaving)
        {
            Instant? connectedAt = null;
            string reason;
            bool isProxyRefusal = false;
            try
            {
                if (failures == 0 && StartAfter > TimeSpan.Zero) await Task.Delay(StartAfter, _clock.TimeProvider, _stopping.Token);
                RelayStream stream = await _dialer.ConnectAsync(Preferred is { } nodes ? Region with { Nodes = nodes } : Region, _stopping.Token);
                connectedAt = _clock.Now;
                _problem = null;
                reason = await ServeAsync(stream);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                if (_stopping.IsCancellationRequested) break;
                reason = Explain(exception);
                isProxyRefusal = exception is ProxyRefusedException && reason != _problem; // Said once, not at every attempt.
            }

            _problem = reason;
            if (isProxyRefusal) TraversalLog.ProxyRefuses(_log, Region.Code, reason);
            else if (connectedAt is null) TraversalLog.RelayUnreachable(_log, Region.Code, reason);
            else if (!_stopping.IsCancellationRequested) TraversalLog.RelayLost(_log, Region.Code, reason);
            _receiver.HandleDisconnected(this);
            if (_isLeaving) return;
            failures = connectedAt is { } at && _clock.Now - at >= RelayBackoff.GoodAfter ? 1 : failures + 1;
            await PauseAsync(failures);
        }
    }

    private async Task PauseAsync(int failures)
    {
        TaskCompletionSource pause = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _pause = pause;
        await pause.Task.WaitAsync(RelayBackoff.After(failures), _clock.TimeProvider, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Ended early by Verify or by the end.
        _pause = null;
    }

    /// <summary>Receives and sends until the connection ends.</summary>
    /// <returns>Why it ended.</returns>
    private async Task<string> ServeAsync(RelayStream stream)
    {
        await using Stream owned = stream.Stream;
        SetLimit(stream.Info);
        _frames.Begin();
        _stream = stream;
        using RelayTokenRenewal? renewal = stream.Info.Extensions > 0 && _dialer.Token is { } token ? new RelayTokenRenewal(token, stream.Token, ShowToken, _clock) : null;
        _renewal = renewal;
        renewal?.Renew(); // It may have changed during the login.
        if (_isHome) NotePreferred();
        TraversalLog.RelayConnected(_log, Region.Code);
        _receiver.HandleConnected(this);
        Volatile.Write(ref _lastHeard, _clock.Now.Ticks);
        Ask(); // To know how long an answer takes.

        await using ITimer asking = _clock.TimeProvider.CreateTimer(_ => AskIfSilent(), null, Silence, Silence);
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        Task writing = WriteAsync(stream, ending.Token);
        string reason = await ReadAsync(stream);
        _stream = null;
        _renewal = null;
        await ending.CancelAsync();
        await writing;
        _queue.Clear();
        return reason;
    }

    private async Task<string> ReadAsync(RelayStream stream)
    {
        int held = stream.Leftover.Length;
        stream.Leftover.CopyTo(_buffer, 0);
        using CancellationTokenSource silence = new();
        try
        {
            while (true)
            {
                int consumed = Receive(_buffer.AsSpan(0, held));
                _buffer.AsSpan(consumed, held - consumed).CopyTo(_buffer);
                held -= consumed;

                silence.CancelAfter(RelayLimits.ReceiveTimeout);
                int read = await stream.Stream.ReadAsync(_buffer.AsMemory(held), silence.Token);
                if (read == 0) return "closed by the relay";
                held += read;
                Volatile.Write(ref _lastHeard, _clock.Now.Ticks);
                TellHeard(_clock.Now);
            }
        }
        catch (OperationCanceledException)
        {
            return $"nothing heard for {RelayLimits.ReceiveTimeout.TotalSeconds:0} s";
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            return Explain(exception);
        }
    }

    /// <summary>Says why a connection has ended or not come about. What nobody expects, a sink or a token that throws for instance, must not be the end of all attempts.</summary>
    private string Explain(Exception exception)
    {
        if (exception is not (IOException or RelayProtocolException or ObjectDisposedException or InvalidOperationException)) _faults.Note(exception);
        return exception.Message;
    }

    private void TellHeard(Instant now)
    {
        if (now - _heardTold < HeardInterval) return;
        _heardTold = now;
        _receiver.HandleHeard(this);
    }

    private async Task WriteAsync(RelayStream stream, CancellationToken ending)
    {
        try
        {
            while (await _wake.Reader.WaitToReadAsync(ending))
            {
                _wake.Reader.TryRead(out _);
                int length;
                while ((length = _queue.Take(_output)) > 0) await stream.Stream.WriteAsync(_output.AsMemory(0, length), ending);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
        {
            stream.Socket.Dispose(); // The reader sees it, and says why.
        }
    }

    /// <summary>Handles all whole frames.</summary>
    /// <returns>The bytes consumed.</returns>
    private int Receive(ReadOnlySpan<byte> input)
    {
        int consumed = 0;
        while (_frames.TryTake(input, ref consumed, out FrameType type, out ReadOnlySpan<byte> body)) Handle(type, body);
        _receiver.HandleRoundEnd(this);
        return consumed;
    }

    private void Handle(FrameType type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case FrameType.RecvPacket when PacketFrame.TryRead(body, out NodeKey source, out ReadOnlySpan<byte> packet):
                _receiver.HandlePacket(this, source, packet);
                break;
            case FrameType.PeerGone when PeerGoneFrame.TryRead(body, out NodeKey peer, out PeerGoneReason reason):
                _receiver.HandlePeerGone(this, peer, reason);
                break;
            case FrameType.Ping when PingFrame.TryRead(body, out ReadOnlySpan<byte> data):
                AnswerPing(data);
                break;
            case FrameType.Pong:
                Instant now = _clock.Now;
                Volatile.Write(ref _lastPong, now.Ticks);
                Volatile.Write(ref _rtt, now.Ticks - Volatile.Read(ref _askedAt));
                break;
            case FrameType.ServerInfo when _stream is { } stream && ServerInfo.TryOpen(body, _keys, stream.ServerKey, out ServerInfo? info):
                SetLimit(info!);
                if (_isHome) NotePreferred(); // It has let us in only now, and has not heard what we said before.
                break;
            case FrameType.Move when _stream is { Info.Extensions: > 0 } && MoveFrame.TryRead(body, out MoveFrame? move):
                _receiver.HandleMove(this, move!);
                break;
            case FrameType.Health:
                _health.Handle(body, _clock.Now);
                break;
            default:
                break; // KeepAlive, and what later relays may say.
        }
    }

    private Instant Ask()
    {
        Instant now = _clock.Now;
        Volatile.Write(ref _askedAt, now.Ticks);
        Span<byte> ping = stackalloc byte[PingFrame.Length];
        PingFrame.Write(ping, FrameType.Ping, RandomNumberGenerator.GetBytes(PingFrame.DataLength));
        _queue.EnqueueFrame(ping);
        Flush();
        return now;
    }

    private void AskIfSilent()
    {
        if (_clock.Now - new Instant(Volatile.Read(ref _lastHeard)) >= Silence) Verify();
    }

    private void AnswerPing(ReadOnlySpan<byte> data)
    {
        Span<byte> pong = stackalloc byte[PingFrame.Length];
        PingFrame.Write(pong, FrameType.Pong, data);
        _queue.EnqueueFrame(pong);
        Flush();
    }

    private void ShowToken(byte[] frame)
    {
        _queue.EnqueueFrame(frame);
        Flush();
        TraversalLog.RelayTokenShown(_log, Region.Code);
    }

    private void NotePreferred()
    {
        Span<byte> frame = stackalloc byte[NotePreferredFrame.Length];
        NotePreferredFrame.Write(frame, _isHome);
        _queue.EnqueueFrame(frame);
        Flush();
    }

    private void SetLimit(ServerInfo info)
    {
        bool isLimited = info.TokenBucketBytesPerSecond > 0;
        _queue.SetLimit(isLimited ? new TokenBucket(info.TokenBucketBytesPerSecond, Math.Max(info.TokenBucketBytesBurst, PacketFrame.PrefixLength + RelayLimits.MaxPacketLength), _clock.Now) : null);
    }
}
