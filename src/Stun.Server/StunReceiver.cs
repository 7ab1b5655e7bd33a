using System.Net.Sockets;
using Addresses;
using Datagrams;
using Stun.Server.Core;

namespace Stun.Server;

/// <summary>
/// One thread that answers on one socket: a batch in, decided upon in place, a batch out. No allocation, lock or clock a packet.
/// </summary>
internal sealed class StunReceiver : IDisposable
{
    private const int MaxRequestLength = 2048; // Bytes. Longer than an Ethernet packet; a request has a few dozen.
    private static readonly TimeSpan PauseAfterError = TimeSpan.FromMilliseconds(100); // So that an error that stays does not take a core.

    private readonly DatagramSocket _socket;
    private readonly StunResponder _responder;
    private readonly ILogger _logger;
    private readonly DatagramBatch _batch = new(DatagramBatch.DefaultCapacity, MaxRequestLength);
    private readonly DatagramPoller _poller = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Thread _thread;
    private volatile bool _isStopping;

    /// <param name="socket">Where to receive and answer; stays the caller's.</param>
    /// <param name="ownAddresses">All addresses of this server.</param>
    /// <param name="logger">Told of socket errors.</param>
    public StunReceiver(DatagramSocket socket, IReadOnlyList<TransportAddress> ownAddresses, ILogger logger)
    {
        _socket = socket;
        _logger = logger;
        _responder = new StunResponder(ownAddresses, Counters);
        _poller.Add(socket, token: 0);
        _thread = new Thread(RunToEnd) { IsBackground = true, Name = $"stun {socket.LocalAddress}" };
    }

    /// <summary>What this receiver has done.</summary>
    public StunCounters Counters { get; } = new();

    /// <summary>What the kernel dropped because this receiver was too slow.</summary>
    public long KernelDrops => _socket.KernelDrops;

    /// <summary>Ends when the thread has ended, with its fault if it had one.</summary>
    public Task Completion => _ended.Task;

    public void Start() => _thread.Start();

    /// <summary>Asks the thread to end after the batch it is at. Any thread, any number of times.</summary>
    public void Stop()
    {
        _isStopping = true;
        _poller.Wake();
    }

    public void Dispose()
    {
        Stop();
        if (_thread.ThreadState.HasFlag(ThreadState.Unstarted)) _ended.TrySetResult();
        else _thread.Join(); // It waits for nothing but us.
        _poller.Dispose();
        _batch.Dispose();
    }

    private void RunToEnd()
    {
        try
        {
            Run();
            _ended.TrySetResult();
        }
        catch (Exception exception)
        {
            _ended.TrySetException(exception); // For the server, which ends with it.
        }
    }

    private void Run()
    {
        Span<int> ready = stackalloc int[1];
        while (!_isStopping)
        {
            // A full batch means that more is waiting. Otherwise asking the poller is cheaper than a receive in vain.
            if (AnswerBatch() < _batch.Capacity) _poller.Wait(ready, DatagramPoller.Forever);
        }
    }

    /// <summary>Receives what is there and answers it.</summary>
    /// <returns>How many datagrams there were.</returns>
    internal int AnswerBatch()
    {
        int received = _socket.Receive(_batch, out SocketError error);
        if (error != SocketError.Success)
        {
            StunServerLog.ReceiveFailed(_logger, _socket.LocalAddress, error);
            Thread.Sleep(PauseAfterError);
            return 0;
        }

        AnswerInPlace();
        Send();
        return received;
    }

    private void AnswerInPlace()
    {
        int answers = 0;
        for (int i = 0; i < _batch.Count; i++)
        {
            if (_batch.IsTruncated(i))
            {
                Counters.CountDrop(StunDropReason.TooLong);
                continue;
            }

            int length = _responder.Answer(_batch.BufferOf(i), _batch[i].Length, _batch.AddressOf(i));
            if (length == 0) continue;
            _batch.SetLength(i, length);
            _batch.Move(i, answers++);
        }

        _batch.Trim(answers);
    }

    private void Send()
    {
        int next = 0;
        while (next < _batch.Count)
        {
            next += _socket.Send(_batch, next, out SocketError error);
            if (next == _batch.Count) return;

            // The one that did not go is lost; the client asks again. Those behind it may have better luck.
            bool isFull = error is SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable;
            Counters.CountDrop(isFull ? StunDropReason.SendBufferFull : StunDropReason.SendRefused);
            next++;
        }
    }
}
