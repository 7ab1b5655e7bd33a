using System.Net.Sockets;
using Addresses;
using Datagrams;
using Stun.Server.Core;
using Timing;

namespace Stun.Server;

/// <summary>
/// One thread that answers on one socket: a batch in, decided upon in place, a batch out. No allocation or lock a packet, one look at the clock a
/// batch.
/// </summary>
internal sealed class StunReceiver : IDisposable
{
    private const int MaxRequestLength = 2048; // Bytes. Longer than an Ethernet packet; a request has a few dozen, with PADDING as many as an MTU.
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(100); // So that an error that stays does not take a core.

    private readonly StunSockets _sockets;
    private readonly DatagramSocket _socket;
    private readonly StunResponder _responder;
    private readonly MonotonicClock _clock;
    private readonly ILogger _logger;
    private readonly bool _isWildcard;
    private readonly DatagramBatch _batch = new(DatagramBatch.DefaultCapacity, MaxRequestLength);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private volatile bool _isStopping;

    /// <param name="sockets">Where to receive and answer; they stay the caller's.</param>
    /// <param name="forgedSources">What gets no answer.</param>
    /// <param name="limiter">How much each prefix may ask.</param>
    /// <param name="clock">The clock of that limiter.</param>
    /// <param name="logger">Told of socket errors.</param>
    public StunReceiver(StunSockets sockets, ForgedSources forgedSources, SourceRateLimiter limiter, MonotonicClock clock, ILogger logger)
    {
        _sockets = sockets;
        _socket = sockets.Own;
        _clock = clock;
        _logger = logger;
        _isWildcard = StunSockets.IsWildcard(_socket.LocalAddress);
        _responder = new StunResponder(forgedSources, limiter, sockets.Origins, Counters, sockets.Discovery is not null);
        _thread = new Thread(RunToEnd) { IsBackground = true, Name = $"stun {_socket.LocalAddress}" };
    }

    /// <summary>What this receiver has done.</summary>
    public StunCounters Counters { get; } = new(StunTransport.Udp);

    /// <summary>What the kernel dropped because this receiver was too slow.</summary>
    public long KernelDrops => _socket.KernelDrops;

    /// <summary>Ends when the thread has ended, with its fault if it had one.</summary>
    public Task Completion => _ended.Task;

    public void Start() => _thread.Start();

    /// <summary>Asks the thread to end after the batch it is at. Any thread, any number of times.</summary>
    public void Stop()
    {
        _isStopping = true;
        _socket.Interrupt();
    }

    public void Dispose()
    {
        Stop();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted)) _ended.TrySetResult();
        else _thread.Join(); // It waits for nothing but us.
        _batch.Dispose();
    }

    private void RunToEnd()
    {
        try
        {
            while (!_isStopping) AnswerBatch();
            _ended.TrySetResult();
        }
        catch (Exception exception)
        {
            _ended.TrySetException(exception); // For the server, which ends with it.
        }
    }

    /// <summary>Waits until something is there, receives what there is and answers it.</summary>
    internal void AnswerBatch()
    {
        _socket.ReceiveOrWait(_batch, out SocketError error);
        if (error != SocketError.Success)
        {
            StunServerLog.ReceiveFailed(_logger, _socket.LocalAddress, error);
            Thread.Sleep(PauseAfterError);
            return;
        }

        AnswerInPlace(_clock.Now);
        Send();
    }

    private void AnswerInPlace(Instant now)
    {
        int answers = 0;
        for (int i = 0; i < _batch.Count; i++)
        {
            if (_batch.IsTruncated(i))
            {
                Counters.CountDrop(StunDropReason.TooLong);
                continue;
            }

            StunAnswer answer = _responder.Answer(_batch.BufferOf(i), _batch[i].Length, _batch.AddressOf(i), LocalAddressOf(i), now);
            if (answer.Length == 0) continue;
            _batch.SetLength(i, answer.Length);
            if (answer.IsDirect) _batch.Move(i, answers++);
            else SendElsewhere(i, answer);
        }

        _batch.Trim(answers);
    }

    private TransportAddress LocalAddressOf(int index)
    {
        if (!_isWildcard) return _socket.LocalAddress;
        TransportAddress local = _batch.LocalAddressOf(index);
        return local.IsValid ? local.WithPort(_socket.LocalAddress.Port) : default;
    }

    private void SendElsewhere(int index, StunAnswer answer)
    {
        if (answer.Port != 0) _batch.SetPort(index, answer.Port);
        SocketError error = _sockets.For(answer.Change).SendOne(_batch, index);
        if (error != SocketError.Success) CountUnsent(error);
    }

    private void Send()
    {
        int next = 0;
        while (next < _batch.Count)
        {
            next += _socket.Send(_batch, next, out SocketError error);
            if (next == _batch.Count) return;

            // The one that did not go is lost; the client asks again. Those behind it may have better luck.
            CountUnsent(error);
            next++;
        }
    }

    private void CountUnsent(SocketError error)
    {
        bool isFull = error is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable;
        Counters.CountDrop(isFull ? StunDropReason.SendBufferFull : StunDropReason.SendRefused);
    }
}
