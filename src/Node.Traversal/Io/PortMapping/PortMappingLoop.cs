using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Addresses;
using Node.Traversal.Core.PortMapping;
using Timing;

namespace Node.Traversal.Io.PortMapping;

/// <summary>
/// The loop round a <see cref="PortMapper"/>, one for each family, apart from the node's: a hostile gateway keeps nobody else busy.
/// </summary>
internal sealed class PortMappingLoop : IAsyncDisposable
{
    /// <summary>Datagrams that wait to be handled; more are dropped and counted.</summary>
    private const int MaxWaiting = 64;

    /// <summary>A gateway may change without an address of ours changing.</summary>
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(10);

    /// <summary>How long the answer to a deletion is waited for, once each time it is sent.</summary>
    private static readonly TimeSpan ReleaseTimeout = TimeSpan.FromMilliseconds(150);

    /// <summary>After a fault of ours: what a gateway has brought to light once, it may bring to light again.</summary>
    private static readonly TimeSpan FaultPause = TimeSpan.FromSeconds(10);

    /// <summary>The same by HTTP, which takes a connection.</summary>
    private static readonly TimeSpan HttpReleaseTimeout = TimeSpan.FromSeconds(1);

    private readonly ushort _port;
    private readonly Func<uint> _mark;
    private readonly MonotonicClock _clock;
    private readonly Func<GatewayRoute> _findGateway;
    private readonly Action<PortMappingStatus> _handle;
    private readonly PortMapper _core = new(RandomNumberGenerator.Fill);
    private readonly Channel<Action<Instant>> _inputs = Channel.CreateUnbounded<Action<Instant>>(); // Datagrams are limited by MaxWaiting; of all else there is one.
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<PortMappingStatus> _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _waiting;
    private volatile IReadOnlyList<TransportAddress>? _addresses;
    private volatile bool _isChanged;
    private volatile GatewaySockets? _sockets;
    private LanHttpClient? _http;
    private Task _fetching = Task.CompletedTask;
    private GatewayRoute _route;
    private IPAddress? _local;
    private Instant _nextLook;
    private Task _running = Task.CompletedTask;
    private volatile PortMappingStatus _status = PortMappingStatus.NoGateway;

    /// <param name="port">The local UDP port that is to be mapped.</param>
    /// <param name="mark">The firewall mark of every packet.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="findGateway">Finds the gateway; not valid = there is none.</param>
    /// <param name="handle">Told whenever what the gateway offers has changed.</param>
    public PortMappingLoop(ushort port, Func<uint> mark, MonotonicClock clock, Func<GatewayRoute> findGateway, Action<PortMappingStatus> handle)
    {
        _port = port;
        _mark = mark;
        _clock = clock;
        _findGateway = findGateway;
        _handle = handle;
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
        _addresses = addresses;
        if (_isChanged) return;
        _isChanged = true;
        _inputs.Writer.TryWrite(_ => { }); // Wakes the loop.
    }

    /// <summary>Gives the mapping back, and ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        await _fetching;
        await ReleaseAsync();
        await CloseAsync();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await TurnAsync();
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                _core.Drops.Count(PortMapDrop.Faulted);
                await Task.Delay(FaultPause, _clock.TimeProvider, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TurnAsync()
    {
        await LookAsync();
        _core.HandleTimeout(_clock.Now);
        SendAll();
        Tell();
        await WaitAsync();
        while (_inputs.Reader.TryRead(out Action<Instant>? input)) input(_clock.Now);
    }

    /// <summary>Finds the gateway, where it is time to; another one, or another address of ours on its network, is another mapping.</summary>
    private async Task LookAsync()
    {
        if (!_isChanged && _clock.Now < _nextLook) return;
        _isChanged = false;
        _nextLook = _clock.Now + LookInterval;
        GatewayRoute route = _findGateway();
        IPAddress? local = route.Address.IsValid ? GatewaySockets.FindLocal(route, _mark()) : null;
        // From another address the way leads through the tunnel, or into the world from an address that is none of it.
        if (local is not null && !IsUsable(TransportAddress.From(local, _port))) local = null;
        if (local is null) route = default;
        if (route == _route && Equals(local, _local)) return;

        await CloseAsync();
        _route = route;
        _local = local;
        if (local is not null) Open(route, local);
        bool isOpen = _sockets is not null;
        if (!isOpen) _route = default; // The next look may find a way.
        _core.HandleNetwork(isOpen ? route.Address : default, isOpen ? TransportAddress.From(local!, _port) : default, _clock.Now);
    }

    private bool IsUsable(TransportAddress local)
    {
        if (local.IsIpv6 && AddressScopes.ScopeOf(local) != AddressScope.Global) return false; // A pinhole to it would lead nowhere.
        return _addresses is not { } addresses || addresses.Any(address => address.Bits == local.Bits);
    }

    private void Open(GatewayRoute route, IPAddress local)
    {
        try
        {
            _sockets = new GatewaySockets(route, local, _mark(), _clock, HandleDatagram, () => _inputs.Writer.TryWrite(_core.HandleClosed));
            _http = new LanHttpClient(route.ToIPAddress(), local, _mark);
        }
        catch (SocketException)
        {
            _sockets = null; // No way there: the next look may find one.
        }
    }

    private async Task CloseAsync()
    {
        if (_sockets is { } sockets) await sockets.DisposeAsync();
        _sockets = null;
        _http?.Dispose(); // Ends what it is fetching.
        _http = null;
        await _fetching;
        while (_inputs.Reader.TryRead(out _)) continue; // What came from the one before means nothing now.
        _waiting = 0;
    }

    /// <summary>Takes a datagram on a task of the sockets'.</summary>
    private void HandleDatagram(GatewaySocket socket, TransportAddress source, byte[] payload)
    {
        if (Interlocked.Increment(ref _waiting) > MaxWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            _core.Drops.Count(PortMapDrop.Flood);
            return;
        }

        _inputs.Writer.TryWrite(now =>
        {
            Interlocked.Decrement(ref _waiting);
            if (socket == GatewaySocket.Server) _core.HandleDatagram(_route.Address.WithPort(PortMapper.ServerPort), payload, now);
            else if (socket == GatewaySocket.Search) _core.HandleSearchAnswer(source, payload, now);
            else _core.HandleNotice(source, payload, now);
        });
    }

    private void SendAll()
    {
        while (_core.TryDequeueTransmit(out byte[] payload)) _sockets?.Send(payload);
        while (_core.TryDequeueSearch(out UpnpSearch search)) _sockets?.Send(search);
        while (_core.TryDequeueRequest(out UpnpRequest? request))
        {
            if (_http is { } http) _fetching = FetchAsync(_fetching, http, request);
        }
    }

    private async Task FetchAsync(Task before, LanHttpClient http, UpnpRequest request)
    {
        await before;
        UpnpReply reply = await http.SendAsync(request, _stopping.Token);
        if (request.Id != 0) _inputs.Writer.TryWrite(now => _core.HandleReply(request.Id, reply, now));
    }

    private void Tell()
    {
        PortMappingStatus status = _core.Status;
        if (_core.IsSettled) _settled.TrySetResult(status);
        if (status == _status) return;
        _status = status;
        _handle(status);
    }

    private async Task WaitAsync()
    {
        TimeSpan pause = Instant.Min(_core.NextTimeout ?? Instant.Never, _nextLook) - _clock.Now;
        if (pause <= TimeSpan.Zero || _isChanged) return;
        using CancellationTokenSource waiting = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        waiting.CancelAfter(pause + TimeSpan.FromMilliseconds(1)); // A timer rounds down.
        try
        {
            await _inputs.Reader.WaitToReadAsync(waiting.Token);
        }
        catch (OperationCanceledException)
        {
            return; // Time for what is due, or for the end.
        }
    }

    /// <summary>Says that we are gone: twice by datagram, unless the first is answered. What is lost all the same ends with its lease.</summary>
    private async Task ReleaseAsync()
    {
        if (_sockets is not { } sockets || _http is not { } http || !_core.Mapped.IsValid) return;
        _core.HandleRelease();
        List<byte[]> deletions = [];
        while (_core.TryDequeueTransmit(out byte[] payload)) deletions.Add(payload);
        using CancellationTokenSource httpTimeout = new(HttpReleaseTimeout);
        while (_core.TryDequeueRequest(out UpnpRequest? request)) await http.SendAsync(request, httpTimeout.Token);
        while (_inputs.Reader.TryRead(out _)) continue; // Only what comes from now on may be the answer.
        for (int i = 0; i < 2 && deletions.Count > 0; i++)
        {
            foreach (byte[] deletion in deletions) sockets.Send(deletion);
            using CancellationTokenSource timeout = new(ReleaseTimeout);
            try
            {
                await _inputs.Reader.WaitToReadAsync(timeout.Token);
                return;
            }
            catch (OperationCanceledException)
            {
                continue; // Once more, or the lease ends it.
            }
        }
    }
}
