using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Node.Traversal.Core.PortMapping;
using Node.Traversal.Messages.Pcp;
using Timing;

namespace Node.Traversal.Io.PortMapping;

/// <summary>
/// The loop round a <see cref="PortMapper"/>, apart from the node's: a hostile gateway keeps nobody else busy. Its socket is connected to the
/// gateway's port 5351, so the system lets nothing else in and tells where nobody listens.
/// </summary>
internal sealed class PortMappingLoop : IAsyncDisposable
{
    /// <summary>A gateway may change without an address of ours changing.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    /// <summary>How long the answer to a deletion is waited for, once each time it is sent.</summary>
    private static readonly TimeSpan ReleaseTimeout = TimeSpan.FromMilliseconds(150);

    /// <summary>What a gateway may say: beyond this it is not read, and the system drops it.</summary>
    private const double DatagramsPerSecond = 50;
    private const double DatagramBurst = 50;
    private static readonly TimeSpan FloodPause = TimeSpan.FromMilliseconds(200);

    private readonly ushort _port;
    private readonly Func<uint> _mark;
    private readonly MonotonicClock _clock;
    private readonly Func<TransportAddress> _findGateway;
    private readonly Action<TransportAddress> _handle;
    private readonly PortMapper _core = new(RandomNumberGenerator.Fill);
    private readonly byte[] _buffer = new byte[PcpResponse.MaxLength + 1]; // One more, so that a longer datagram shows as one.
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<PortMappingStatus> _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private CancellationTokenSource? _waiting;
    private bool _isChanged;
    private IReadOnlyList<TransportAddress>? _addresses;
    private Socket? _socket;
    private TransportAddress _gateway;
    private TransportAddress _local;
    private TransportAddress _told;
    private Instant _nextLook;
    private TokenBucket _mayRead;
    private Task _running = Task.CompletedTask;
    private volatile PortMappingStatus _status = PortMappingStatus.NoGateway;

    /// <param name="port">The local UDP port that is to be mapped.</param>
    /// <param name="mark">The firewall mark of every packet.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="findGateway">Finds the gateway; not valid = there is none.</param>
    /// <param name="handle">Told where the world reaches that port whenever this has changed; not valid = nowhere.</param>
    public PortMappingLoop(ushort port, Func<uint> mark, MonotonicClock clock, Func<TransportAddress> findGateway, Action<TransportAddress> handle)
    {
        _port = port;
        _mark = mark;
        _clock = clock;
        _findGateway = findGateway;
        _handle = handle;
        _mayRead = new TokenBucket(DatagramsPerSecond, DatagramBurst, clock.Now);
    }

    /// <summary>What the gateway offers.</summary>
    public PortMappingStatus Status => _status;

    /// <summary>What it offers, once that is known.</summary>
    public Task<PortMappingStatus> Settled => _settled.Task;

    /// <summary>Datagrams let go, by reason.</summary>
    public PortMapDrops Drops => _core.Drops;

    /// <summary>Starts asking.</summary>
    public void Start() => _running = Task.Run(RunAsync);

    /// <summary>Takes the machine's addresses, those of the tunnel not among them: the network may be another. Only a gateway that is reached from one of them is asked.</summary>
    public void HandleAddresses(IReadOnlyList<TransportAddress> addresses)
    {
        lock (_gate)
        {
            _addresses = addresses;
            _isChanged = true;
            _waiting?.Cancel();
        }
    }

    /// <summary>Gives the mapping back, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        await ReleaseAsync();
        _socket?.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            Look();
            _core.HandleTimeout(_clock.Now);
            SendAll();
            Tell();
            await WaitAsync();
        }
    }

    /// <summary>Finds the gateway, where it is time to; another one, or another address of ours on its network, is another mapping.</summary>
    private void Look()
    {
        IReadOnlyList<TransportAddress>? addresses;
        lock (_gate)
        {
            if (!_isChanged && _clock.Now < _nextLook) return;
            _isChanged = false;
            addresses = _addresses;
        }

        _nextLook = _clock.Now + LookInterval;
        TransportAddress gateway = _findGateway();
        Socket? socket = gateway.IsValid ? Connect(gateway) : null;
        TransportAddress local = socket?.LocalEndPoint is IPEndPoint end ? TransportAddress.From(end.Address, _port) : default;
        if (socket is not null && addresses is not null && !addresses.Any(address => address.Bits == local.Bits))
        {
            socket.Dispose(); // That way leads through the tunnel.
            socket = null;
        }

        TransportAddress found = socket is null ? default : gateway;
        if (found == _gateway && local == _local)
        {
            socket?.Dispose();
            return;
        }

        _socket?.Dispose();
        _socket = socket;
        _gateway = found;
        _local = socket is null ? default : local;
        _core.HandleNetwork(_gateway, _local, _clock.Now);
    }

    private Socket? Connect(TransportAddress gateway)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            MarkedSockets.Mark(socket, _mark());
            socket.Connect(gateway.WithPort(PortMapper.ServerPort).ToIPEndPoint());
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null; // No way there: the next look may find one.
        }
    }

    private void SendAll()
    {
        while (_core.TryDequeueTransmit(out byte[] payload))
        {
            if (_socket is not { } socket) continue;
            try
            {
                socket.Send(payload);
            }
            catch (SocketException exception)
            {
                // The refusal of an earlier one. Whatever else keeps it from going is a lost datagram: it is sent again.
                if (exception.SocketErrorCode == SocketError.ConnectionRefused) _core.HandleClosed(_clock.Now);
            }
        }
    }

    private void Tell()
    {
        _status = _core.Status;
        if (_core.IsSettled) _settled.TrySetResult(_status);
        if (_core.Mapped == _told) return;
        _told = _core.Mapped;
        _handle(_told);
    }

    private async Task WaitAsync()
    {
        TimeSpan pause = Instant.Min(_core.NextTimeout ?? Instant.Never, _nextLook) - _clock.Now;
        if (pause <= TimeSpan.Zero) return;
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        lock (_gate)
        {
            if (_isChanged) return;
            _waiting = waiting;
        }

        waiting.CancelAfter(pause + TimeSpan.FromMilliseconds(1)); // A timer rounds down.
        try
        {
            if (_socket is { } socket) await ReceiveAsync(socket, waiting.Token);
            else await Task.Delay(Timeout.Infinite, waiting.Token);
        }
        catch (OperationCanceledException)
        {
            return; // Time for what is due, or for the end.
        }
        finally
        {
            lock (_gate) _waiting = null;
        }
    }

    private async Task ReceiveAsync(Socket socket, CancellationToken cancellation)
    {
        if (!_mayRead.TryTake(1, _clock.Now)) await Task.Delay(FloodPause, cancellation);
        try
        {
            int length = await socket.ReceiveAsync(_buffer, cancellation);
            _core.HandleDatagram(_gateway.WithPort(PortMapper.ServerPort), _buffer.AsSpan(0, length), _clock.Now);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
        {
            _core.HandleDatagram(_gateway.WithPort(PortMapper.ServerPort), _buffer, _clock.Now); // Too long for either protocol: it is counted there.
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused)
        {
            _core.HandleClosed(_clock.Now);
        }
        catch (SocketException)
        {
            await Task.Delay(LookInterval, cancellation); // The interface is down or gone: the next look sees what is left.
        }
    }

    /// <summary>Says twice that we are gone, unless the first is answered; what is lost all the same ends with its lease.</summary>
    private async Task ReleaseAsync()
    {
        if (_socket is not { } socket || !_core.Mapped.IsValid) return;
        _core.HandleRelease();
        List<byte[]> deletions = [];
        while (_core.TryDequeueTransmit(out byte[] payload)) deletions.Add(payload);
        for (int i = 0; i < 2; i++)
        {
            using CancellationTokenSource timeout = new(ReleaseTimeout);
            try
            {
                foreach (byte[] deletion in deletions) socket.Send(deletion);
                await socket.ReceiveAsync(_buffer, timeout.Token);
                return;
            }
            catch (Exception exception) when (exception is OperationCanceledException or SocketException)
            {
                continue; // Once more, or the lease ends it.
            }
        }
    }
}
