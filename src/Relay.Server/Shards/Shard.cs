using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Relay.Server.Core;
using Relay.Server.Streams;
using Relay.Server.Telemetry;
using Timing;

namespace Relay.Server.Shards;

/// <summary>
/// One thread with its own connections: it waits, reads each ready connection once, lets <see cref="ClientConnection"/> handle what it read,
/// and then sends once to each destination that got something. Nothing is allocated for a packet, and no lock taken for one. Its parts are in files of their own:
/// Reading, Sending, Handshakes, Proxies.
/// </summary>
internal sealed unsafe partial class Shard : IDisposable
{
    private const long TimerGridTicks = 100 * TimeSpan.TicksPerMillisecond; // Deadlines are kept this late at most, so that they fall together.
    private static readonly TimeSpan BlockedCheckInterval = TimeSpan.FromMilliseconds(100);

    private readonly EndpointServices _services;
    private readonly Epoll _epoll = new();
    private readonly OutBuffer* _out = OutBuffer.Allocate();
    private readonly TlsEngine _tls;
    private readonly PlainEngine _plain;
    private readonly TimerHeap _timers = new();
    private readonly TimerHeap _pauses = new();
    private readonly Gathering _gathering;
    private readonly HashSet<ClientConnection> _woken = [];
    private readonly List<ShardConnection> _dirty = [];
    private readonly List<ShardConnection> _blocked = [];
    private readonly List<int> _freedTokens = [];
    private readonly Stack<int> _tokens = [];
    private readonly ConcurrentQueue<Action> _posted = [];
    private readonly Thread _thread;
    private ShardConnection?[] _connections = new ShardConnection?[64];
    private ShardListener?[] _listeners = [];
    private ShardConnection? _inbox;
    private ShardConnection? _current; // Whose turn it is, should something go wrong.
    private Instant _now;
    private Instant _nextBlockedCheck;
    private int _isAsleep;
    private int _connectionCount;
    private volatile bool _isStopping;

    public Shard(EndpointServices services, TimeSpan longestGathering, int index)
    {
        _services = services;
        _tls = new TlsEngine(_out);
        _plain = new PlainEngine(_out);
        _gathering = new Gathering(longestGathering);
        _now = services.Clock.Now;
        _thread = new Thread(Run) { IsBackground = true, Name = $"relay shard {index}" };
    }

    /// <summary>Connections at present; from any thread.</summary>
    public int ConnectionCount => Volatile.Read(ref _connectionCount);

    /// <summary>How long its rounds took; from any thread.</summary>
    public RoundTimes RoundTimes { get; } = new();

    public bool IsCurrentThread => Environment.CurrentManagedThreadId == _thread.ManagedThreadId;

    public void Start() => _thread.Start();

    public IEngine EngineOf(ShardEndpoint endpoint) => endpoint.IsTls ? _tls : _plain;

    /// <summary>Has something done on the shard's thread, in its next round; from any thread. What is posted after the end is done by nobody.</summary>
    public void Post(Action action)
    {
        _posted.Enqueue(action);
        WakeUp();
    }

    /// <summary>Has the shard look whether this connection of its own has something to send; from any thread.</summary>
    public void Wake(ShardConnection connection)
    {
        if (!connection.TryEnterInbox()) return;
        ShardConnection? next;
        do
        {
            next = Volatile.Read(ref _inbox);
            connection.NextInInbox = next;
        }
        while (Interlocked.CompareExchange(ref _inbox, connection, next) != next);
        WakeUp();
    }

    /// <summary>Notes that a connection may have something to send at the end of the round.</summary>
    public void MarkDirty(ShardConnection connection)
    {
        if (connection.IsDirty) return;
        connection.IsDirty = true;
        _dirty.Add(connection);
    }

    /// <summary>Ends a connection, whatever it is at present, and frees all it holds. Those it concerns hear of it at the end of the round. On the shard's thread.</summary>
    public void Close(ShardConnection connection, CloseReason reason)
    {
        if (connection.State == ShardConnectionState.Closed) return;
        ShardConnectionState was = connection.State;
        connection.State = ShardConnectionState.Closed;
        if (was == ShardConnectionState.Client)
        {
            connection.Client.Close(reason, _woken);
            DrainWoken();
        }

        SayGoodBye(connection, was);
        connection.Lease.Dispose();
        connection.Web?.End();
        _timers.Remove(connection);
        if (connection.Pause is { } pause) _pauses.Remove(pause);
        connection.Engine.Free(connection);
        LibC.Close(connection.Socket);
        ReleaseHeld(connection);
        ReleaseUnsent(connection);
        _connections[connection.Token] = null;
        _freedTokens.Add(connection.Token);
        Interlocked.Decrement(ref _connectionCount);
        connection.Endpoint.Forget();
        LogEnd(connection, was);
    }

    /// <summary>Ends the thread and all its connections.</summary>
    public void Dispose()
    {
        if (_isStopping) return;
        _isStopping = true;
        bool isStarted = (_thread.ThreadState & System.Threading.ThreadState.Unstarted) == 0;
        if (isStarted)
        {
            _epoll.Wake();
            _thread.Join();
        }

        _epoll.Dispose();
        _tls.Dispose();
        OutBuffer.Free(_out);
        NativeMemory.AlignedFree(_arena);
    }

    private void WakeUp()
    {
        // The entry was put in by an interlocked operation, and sleep is announced by one: either we see it asleep, or it sees the entry.
        if (Volatile.Read(ref _isAsleep) == 1 && Interlocked.Exchange(ref _isAsleep, 0) == 1) _epoll.Wake();
    }

    private void Run()
    {
        LibC.ProcessControl(LibC.SetTimerSlack, 1000); // 1 µs: a gathering of 100 must not become one of 150.
        TimeSpan gathering = TimeSpan.Zero;
        while (!_isStopping)
        {
            if (gathering > TimeSpan.Zero) Sleep(gathering);
            int ready = Wait();
            long began = Stopwatch.GetTimestamp();
            _now = _services.Clock.Now;
            _packets = 0;
            _sends = 0;
            try
            {
                Round(ready);
            }
            catch (Exception exception)
            {
                HandleFault(exception);
            }

            gathering = _gathering.HandleRound(_packets, _sends, _now);
            RoundTimes.Count(Stopwatch.GetElapsedTime(began));
        }

        foreach (ShardConnection? connection in _connections)
        {
            if (connection is not null) Close(connection, CloseReason.ServerStopping);
        }
    }

    private void Round(int ready)
    {
        TakeInbox();
        for (int i = 0; i < ready; i++) Handle(_epoll.EventAt(i));
        Flush();
        Handshake();
        HandleTimers();
        EndPauses();
        CheckBlocked();
        Flush();
        RecycleTokens();
    }

    /// <summary>Something in this program is wrong: that costs the connection it came to light with, and none of the others.</summary>
    private void HandleFault(Exception exception)
    {
        RelayLog.Faulted(_services.Log, exception);
        _runReceiver = null;
        _out->Length = 0;
        if (_current is not { } connection) return;
        _current = null;
        Close(connection, CloseReason.ServerFault);
    }

    private int Wait()
    {
        int timeout = TimeoutMilliseconds();
        if (timeout == 0) return _epoll.Wait(0);

        Interlocked.Exchange(ref _isAsleep, 1);
        if (Volatile.Read(ref _inbox) is not null || !_posted.IsEmpty) timeout = 0;
        int ready = _epoll.Wait(timeout);
        Volatile.Write(ref _isAsleep, 0);
        return ready;
    }

    private int TimeoutMilliseconds()
    {
        if (_handshakeLine.Count > 0 || _dirty.Count > 0) return 0;
        Instant due = _timers.First?.Due ?? Instant.Never;
        if (_blocked.Count > 0) due = Instant.Min(due, _nextBlockedCheck);
        foreach (ShardListener? listener in _listeners) due = Instant.Min(due, listener?.PausedUntil ?? Instant.Never);
        if (due != Instant.Never) due = new Instant((due.Ticks + TimerGridTicks - 1) / TimerGridTicks * TimerGridTicks);
        if (_pauses.First is { } pause) due = Instant.Min(due, pause.Due); // In step with what its client may send.
        if (due == Instant.Never) return -1;

        long wait = due.Ticks - _services.Clock.Now.Ticks;
        return wait <= 0 ? 0 : (int)Math.Min(60_000, (wait / TimeSpan.TicksPerMillisecond) + 1);
    }

    private void TakeInbox()
    {
        ShardConnection? next = Interlocked.Exchange(ref _inbox, null);
        while (next is not null)
        {
            ShardConnection connection = next;
            next = connection.NextInInbox;
            connection.NextInInbox = null;
            connection.LeaveInbox();
            if (connection.State != ShardConnectionState.Closed) MarkDirty(connection);
        }

        while (_posted.TryDequeue(out Action? action)) action();
    }

    private void Handle((int Token, int Events) @event)
    {
        if (@event.Token == Epoll.WakeToken)
        {
            _epoll.ResetWake();
            return;
        }

        if (@event.Token < 0)
        {
            if (_listeners[ShardListener.IndexOf(@event.Token)] is { } listener) Accept(listener);
            return;
        }

        // What was closed earlier in this round has no connection any more, and its token is not given again before the next.
        if (_connections[@event.Token] is not { } connection) return;
        _current = connection;
        bool isReadingPaused = (connection.Interest & LibC.EpollIn) == 0;
        if (isReadingPaused && (@event.Events & (LibC.EpollHangUp | LibC.EpollError)) != 0)
        {
            Close(connection, CloseReason.ClientLeft); // It is reported again and again, whatever is watched for.
            return;
        }

        if ((@event.Events & LibC.EpollOut) != 0) HandleWritable(connection);
        if ((@event.Events & ~LibC.EpollOut) != 0 && connection.State != ShardConnectionState.Closed) HandleReadable(connection);
    }

    private void HandleTimers()
    {
        while (_timers.First is ShardConnection { } connection && connection.Due <= _now)
        {
            Instant due = connection.Client.NextTimeout;
            if (due > _now)
            {
                _timers.Set(connection, due);
                continue;
            }

            connection.Client.HandleTimeout(_now, _woken);
            DrainWoken();
            if (connection.Client.Phase == ConnectionPhase.Closed)
            {
                Close(connection, connection.Client.CloseReason);
                continue;
            }

            SampleRtt(connection);
            _timers.Set(connection, connection.Client.NextTimeout);
        }
    }

    private void EndPauses()
    {
        while (_pauses.First is ReadingPause { } pause && pause.Due <= _now)
        {
            Instant readableAt = pause.Connection.Client.ReadableAt; // Its tenant may have used more meanwhile.
            if (readableAt > _now)
            {
                _pauses.Set(pause, readableAt);
                continue;
            }

            _pauses.Remove(pause);
            ResumeReading(pause.Connection);
        }
    }

    private void CheckBlocked()
    {
        if (_blocked.Count == 0 || _now < _nextBlockedCheck) return;
        _nextBlockedCheck = _now + BlockedCheckInterval;
        for (int i = _blocked.Count - 1; i >= 0; i--)
        {
            ShardConnection connection = _blocked[i];
            if (!connection.IsBlocked || connection.State == ShardConnectionState.Closed)
            {
                _blocked[i] = _blocked[^1];
                _blocked.RemoveAt(_blocked.Count - 1);
                continue;
            }

            if (_now - connection.BlockedSince >= connection.Client.WriteTimeout) Close(connection, CloseReason.WriteTimeout);
        }
    }

    private static void Sleep(TimeSpan time)
    {
        long* secondsAndNanoseconds = stackalloc long[2];
        secondsAndNanoseconds[0] = 0;
        secondsAndNanoseconds[1] = time.Ticks * TimeSpan.NanosecondsPerTick;
        LibC.Sleep(secondsAndNanoseconds, null);
    }

    private void LogEnd(ShardConnection connection, ShardConnectionState was)
    {
        ClientConnection client = connection.Client;
        if (was != ShardConnectionState.Client) return;
        if (!client.Key.IsZero) RelayLog.ClientLeft(_services.Log, client.Key, client.CloseReason, _now - connection.OpenedAt);
        else if (client.Complaint is { } complaint) RelayLog.LoginFailed(_services.Log, complaint);
    }

    private void RecycleTokens()
    {
        foreach (int token in _freedTokens) _tokens.Push(token);
        _freedTokens.Clear();
    }
}
