using System.Buffers;
using Relay.Server.Admission;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Streams;

/// <summary>
/// Drives one <see cref="ClientConnection"/> over a stream: one task reads and handles, one writes. All that waits for a client goes out in
/// one write. A connection at rest holds no buffer: it waits in a read of no bytes.
/// </summary>
internal sealed class StreamPump(Stream stream, ClientConnection connection, IAdmissionPolicy admission, MonotonicClock clock, RelayCounters counters) : IConnectionShell
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(250);

    private const int ReadLength = 128 << 10; // One longest frame and a full read behind it.
    private const int WriteLength = 128 << 10;
    private const int SlowWriteLength = 16 << 10; // To a client that takes slowly: what is taken from the queue is past fairness and ageing.

    private readonly WakeSignal _wake = new();
    private readonly HashSet<ClientConnection> _woken = [];
    private long _writingSince;
    private byte[]? _parked;
    private bool _isSlow;
    private volatile bool _isEnding;
    private CloseReason? _endedFor;

    /// <summary>What was read of a connection that is no relay client: its first bytes, for the web server.</summary>
    public byte[] Leftover { get; private set; } = [];

    /// <summary>Runs until the connection ends, or turns out not to be a relay client. Disposing the stream ends it at once.</summary>
    public async Task RunAsync()
    {
        connection.Shell = this;
        Task writing = WriteAsync();
        CloseReason reason = await ReadAsync();
        bool isPolite = connection.IsLoggedIn && reason == CloseReason.ClientLeft && _endedFor is null;
        if (isPolite) Leave(); // What waits for it still goes: it may have closed its half only.
        else if (connection.Phase != ConnectionPhase.OtherHttp) Close(_endedFor ?? reason);
        _isEnding = true;
        _wake.Set();
        await writing;
        if (isPolite) Close(_endedFor ?? reason);
    }

    /// <summary>Looks whether the present write takes too long, and ends the connection if so. Called now and then, from another thread.</summary>
    public void CheckWrite(Instant now)
    {
        long since = Volatile.Read(ref _writingSince);
        if (since == 0 || now - new Instant(since) < connection.WriteTimeout) return;
        End(CloseReason.WriteTimeout);
    }

    /// <summary>Has the writer look for something to send; from any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Ends the connection, from any thread: reader and writer see their stream end.</summary>
    public void End(CloseReason reason)
    {
        _endedFor ??= reason;
        stream.Dispose();
    }

    private async Task<CloseReason> ReadAsync()
    {
        byte[]? buffer = null;
        int held = 0;
        try
        {
            while (true)
            {
                if (!TryPark(ref buffer, held)) return CloseReason.MemoryFull;
                _ = await stream.ReadAsync(Memory<byte>.Empty);
                buffer = Unpark(held);
                await PauseAsync();
                int read = await stream.ReadAsync(buffer.AsMemory(held));
                if (read == 0) return CloseReason.ClientLeft;

                held = Handle(buffer, held + read);
                while (connection.TakeLoginRequest() is { } request)
                {
                    // Nothing is read meanwhile: what the client sends waits in its own socket.
                    AdmissionDecision decision = await admission.DecideAsync(request);
                    if (_endedFor is { } ended) return ended;
                    connection.Admit(decision, clock.Now, _woken);
                    held = Handle(buffer, held);
                }

                if (connection.Phase == ConnectionPhase.Closed) return connection.CloseReason;
                if (connection.Phase != ConnectionPhase.OtherHttp) continue;
                Leftover = buffer[..held];
                return CloseReason.ClientLeft;
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            return CloseReason.ClientLeft; // The network's way of saying so.
        }
        finally
        {
            Release(ref buffer);
            ReleaseParked();
        }
    }

    /// <summary>Keeps what was held while more is waited for: a client that has sent part of a frame costs no more memory than that part.</summary>
    private bool TryPark(ref byte[]? buffer, int held)
    {
        if (held > 0)
        {
            _parked = connection.Memory.TryRentInput(held);
            if (_parked is null) return false;
            buffer.AsSpan(0, held).CopyTo(_parked);
        }

        Release(ref buffer);
        return true;
    }

    private byte[] Unpark(int held)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ReadLength);
        _parked.AsSpan(0, held).CopyTo(buffer);
        ReleaseParked();
        return buffer;
    }

    private void ReleaseParked()
    {
        if (_parked is not null) connection.Memory.ReturnInput(_parked);
        _parked = null;
    }

    /// <summary>Reads nothing for as long as the client is to wait: what it sends meanwhile waits in its own socket.</summary>
    private async Task PauseAsync()
    {
        if (connection.ReadableAt <= clock.Now) return;
        connection.CountPause(clock.Now);
        while (connection.ReadableAt - clock.Now is var wait && wait > TimeSpan.Zero && _endedFor is null)
        {
            await Task.Delay(wait < LongestPause ? wait : LongestPause, clock.TimeProvider); // In parts, for it may end meanwhile.
        }
    }

    /// <summary>Handles what has arrived, wakes those it concerns, and moves what is left to the front.</summary>
    private int Handle(byte[] buffer, int length)
    {
        int consumed = connection.Receive(buffer.AsSpan(0, length), clock.Now, _woken);
        WakeAll();
        buffer.AsSpan(consumed, length - consumed).CopyTo(buffer);
        return length - consumed;
    }

    private void WakeAll()
    {
        foreach (ClientConnection woken in _woken) woken.Shell?.Wake();
        _woken.Clear();
        if (connection.Phase == ConnectionPhase.Login) _wake.Set(); // The greeting.
    }

    private void Leave()
    {
        connection.Leave(_woken);
        WakeAll();
    }

    private void Close(CloseReason reason)
    {
        connection.Close(reason, _woken);
        WakeAll();
    }

    private async Task WriteAsync()
    {
        byte[]? buffer = null;
        try
        {
            while (true)
            {
                if (connection.TakeGreeting() is { } greeting) await WriteAsync(greeting);

                buffer ??= ArrayPool<byte>.Shared.Rent(WriteLength);
                int length = connection.Queue.Take(buffer, clock.Now, _isSlow ? SlowWriteLength : WriteLength);
                if (length > 0)
                {
                    await WriteAsync(buffer.AsMemory(0, length));
                    continue;
                }

                if (_isEnding) return;
                Release(ref buffer);
                await _wake.WaitAsync();
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException or InvalidOperationException)
        {
            await stream.DisposeAsync(); // The reader sees it, and says why.
        }
        finally
        {
            Release(ref buffer);
        }
    }

    private async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
    {
        Volatile.Write(ref _writingSince, Math.Max(1, clock.Now.Ticks));
        ValueTask writing = stream.WriteAsync(bytes);
        _isSlow = !writing.IsCompleted;
        if (_isSlow) counters.CountStall();
        await writing;
        Volatile.Write(ref _writingSince, 0);
        counters.CountWrite();
    }

    private static void Release(ref byte[]? buffer)
    {
        if (buffer is not null) ArrayPool<byte>.Shared.Return(buffer);
        buffer = null;
    }
}
