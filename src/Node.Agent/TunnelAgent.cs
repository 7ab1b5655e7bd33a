using System.Net.NetworkInformation;
using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Agent.Control;
using Node.Agent.Maps;
using Node.Agent.WireGuard;
using Node.Traversal;
using Relay.Protocol;
using Settings;

namespace Node.Agent;

/// <summary>
/// Keeps one WireGuard interface connected: reads its file, gives its peers loopback endpoints, and carries their packets over a node.
/// All decisions are made in one loop; only status is read from elsewhere.
/// </summary>
internal sealed class TunnelAgent : IAsyncDisposable
{
    private const int TicksPerCheck = 5;
    private const ushort FirstFreePort = 1024; // Those below take a capability.
    private const string StateSuffix = ".state.json";
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(1);

    private readonly AgentOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly WireGuardTool _tool;
    private readonly EndpointKeeper _keeper = new();
    private readonly WireGuardProxy _proxy = new();
    private readonly WireGuardInterface _interface;
    private readonly CarriedPeers _peers;
    private readonly FileWatch _watch;
    private readonly RelayTokenWatch _tokenWatch;
    private readonly RelayTokenFile _token;
    private readonly StateDirectory? _state;
    private readonly PathMtuWarnings _mtuWarnings = new();
    private WireGuardConfig _config;
    private InterfaceLock? _lock;
    private ControlSocket? _control;
    private NodeKeyPair? _keys;
    private RelayMapLocation? _mapLocation;
    private RelayMapSource? _mapSource;
    private RelayMap _map = RelayMap.Empty;
    private volatile TraversalNode? _node;
    private TransportAddress[] _toldAddresses = [];
    private uint _toldMark;
    private volatile bool _isReloadAsked;
    private string? _nodeProblem;
    private string? _interfaceProblem;

    private TunnelAgent(AgentOptions options, WireGuardConfig config, FileWatch watch, StateDirectory? state, ILoggerFactory loggers, TimeProvider time)
    {
        _options = options;
        _config = config;
        _watch = watch;
        _tokenWatch = new RelayTokenWatch(() => options.LocateRelayToken(_config));
        _token = new RelayTokenFile(() => options.LocateRelayToken(_config), loggers.CreateLogger("relay-node"));
        _state = state;
        _loggers = loggers;
        _logger = loggers.CreateLogger("relay-node");
        _time = time;
        _tool = new WireGuardTool(options.Interface, options.WireGuardProgram);
        _interface = new WireGuardInterface(options.Interface, _tool, _keeper, _proxy, _logger);
        _peers = new CarriedPeers(_proxy, _keeper, _logger);
    }

    /// <summary>Where the node listens, as URLs; empty while it does not.</summary>
    public IReadOnlyList<string> Listen => _node?.GetStatus().Self.UdpPort is { } port ? [$"udp://0.0.0.0:{port}", $"udp://[::]:{port}"] : [];

    /// <summary>Starts, up to the point where WireGuard's endpoints are set. No relay is needed for that.</summary>
    /// <exception cref="OptionException">An option, the file or the interface cannot be used.</exception>
    public static async Task<TunnelAgent> StartAsync(AgentOptions options, StateDirectory? state, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellation)
    {
        FileWatch watch = new(options.ConfigFile);
        TunnelAgent agent = new(options, WireGuardConfigFile.Load(options.ConfigFile), watch, state, loggers, time);
        try
        {
            await agent.StartAsync(cancellation);
            return agent;
        }
        catch
        {
            await agent.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes the loop read the file again at its next turn.</summary>
    public void AskReload() => _isReloadAsked = true;

    /// <summary>Keeps everything as it should be until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        using PeriodicTimer timer = new(Tick, _time);
        int ticks = 0;
        while (await timer.WaitForNextTickAsync(stopping))
        {
            bool isChanged = _watch.HasChanged();
            if (_isReloadAsked || isChanged) await ReloadAsync(stopping);
            if (_mapSource?.TakeArrived() is { } map) UseMap(map);
            if (_tokenWatch.HasChanged()) _node?.RenewRelayToken();
            if (_node is null) await StartNodeAsync(stopping);
            if (++ticks % TicksPerCheck == 0) await CheckInterfaceAsync(stopping);
        }
    }

    /// <summary>Restores the endpoints from before and ends everything.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_control is not null) await _control.DisposeAsync();
        if (_mapSource is not null) await _mapSource.DisposeAsync();
        if (_peers.Count > 0)
        {
            _logger.Stopping(_keeper.Corrections, _proxy.Drops.Total);
            await _interface.RestoreAsync();
        }

        await StopNodeAsync();
        _proxy.Dispose();
        _lock?.Dispose();
    }

    private async Task StartAsync(CancellationToken cancellation)
    {
        ControlDirectory.Prepare(_options.SocketDirectory, "--socket");
        ControlSocket.MakeRoom(_options.SocketPath);
        _lock = InterfaceLock.Take(_options.Interface, _options.SocketDirectory);
        WarnOfFile();
        InterfaceDump dump = await _interface.BeginAsync(_config, cancellation);
        _keys = await KeysOfAsync(_config, cancellation) ?? throw new OptionException(_options.ConfigFile, "it has no PrivateKey, and the interface has none either", "give it one");
        _options.ProxyFor(_config); // One that cannot be used ends the start here.
        OpenMap(_options.LocateRelayMap(_config));
        AdviseOnFile();
        _interface.WarnOfKey(dump, _keys.PublicKey);
        _node = await FirstNodeAsync(dump.ListenPort, cancellation);
        _peers.Apply(_config, _keys.PublicKey);
        _peers.Attach(_node);
        await _interface.SetEndpointsAsync(dump, cancellation);
        _control = ControlSocket.Open(_options.SocketPath, Answer);
        _logger.Started(_options.Interface, _peers.Count, dump.ListenPort);
    }

    private async Task<NodeKeyPair?> KeysOfAsync(WireGuardConfig config, CancellationToken cancellation) => config.PrivateKey ?? await _tool.PrivateKeyAsync(cancellation);

    // The file.

    private async Task ReloadAsync(CancellationToken cancellation)
    {
        bool isAsked = _isReloadAsked;
        _isReloadAsked = false;
        try
        {
            WireGuardConfig config = WireGuardConfigFile.Load(_options.ConfigFile);
            RelayMapLocation location = _options.LocateRelayMap(config);
            NodeKeyPair keys = await KeysOfAsync(config, cancellation) ?? throw new OptionException(_options.ConfigFile, "it has no PrivateKey any more, and the interface has none either", "give it one");
            if (isAsked || location != _mapLocation) await ReopenMapAsync(location);
            await UseAsync(config, keys, cancellation);
        }
        catch (Exception exception) when (exception is OptionException or IOException)
        {
            _logger.ReloadRefused(exception.Message);
        }
    }

    private async Task UseAsync(WireGuardConfig config, NodeKeyPair keys, CancellationToken cancellation)
    {
        bool isNewNode = keys.PublicKey != _keys?.PublicKey || _options.PortFor(config) != _options.PortFor(_config) || _options.MapsPort(config) != _options.MapsPort(_config)
            || _options.ProxyFor(config) != _options.ProxyFor(_config) || !_options.AdvertisedFor(config).SequenceEqual(_options.AdvertisedFor(_config));
        _config = config;
        _keys = keys;
        WarnOfFile();
        AdviseOnFile();
        if (isNewNode) await StopNodeAsync();
        _node?.SetTunnelRanges(TunnelRangesOf(config));
        PeerChanges changes = _peers.Apply(config, keys.PublicKey);
        if (isNewNode)
        {
            _logger.NodeReplaced(keys.PublicKey);
            await StartNodeAsync(cancellation);
        }

        await CheckInterfaceAsync(cancellation);
        _logger.Reloaded(_options.ConfigFile, changes.Added, changes.Removed, changes.Changed);
    }

    private void WarnOfFile()
    {
        if (WireGuardConfigFile.IsReadableByOthers(_options.ConfigFile)) _logger.ReadableByOthers(_options.ConfigFile);
        if (_config.SaveConfigLine is { } line) _logger.SaveConfig(_options.ConfigFile, line);
    }

    private void AdviseOnFile()
    {
        if (_keys is not { PublicKey: var self }) return;
        if (_config.Peers.Any(peer => peer.PublicKey == self)) _logger.OwnKey(self, _options.ConfigFile);
        foreach (string advice in WireGuardConfigAdvice.Of(_config, self)) _logger.FileAdvice(_options.ConfigFile, advice);
    }

    // The relay map.

    private async Task ReopenMapAsync(RelayMapLocation location)
    {
        RelayMapSource? old = _mapSource;
        OpenMap(location); // Where that fails, the old one stays.
        if (old is not null) await old.DisposeAsync();
    }

    private void OpenMap(RelayMapLocation location)
    {
        RelayMapSource source = RelayMapSource.Open(
            location, _state, (host, port, cancellation) => MarkedConnection.OpenAsync(host, port, _interface.Mark, _logger, cancellation), () => _options.ProxyFor(_config), _time, _logger);
        _mapSource = source;
        _mapLocation = location;
        if (source.First.Regions.Count > 0) UseMap(source.First);
    }

    private void UseMap(RelayMap map)
    {
        _map = map;
        if (_node is not { } node) return;
        node.SetRelayMap(map);
        _logger.MapArrived(map.Regions.Count);
    }

    // The node.

    private Task<TraversalNode> NewNodeAsync(CancellationToken cancellation)
    {
        TraversalNodeOptions options = new()
        {
            PrivateKey = _keys ?? throw new InvalidOperationException("The keys are read first."),
            RelayMap = _map,
            RelayToken = _token.Read,
            RelayProxy = _options.ProxyFor(_config),
            Port = _options.PortFor(_config),
            PortMapping = _options.MapsPort(_config),
            AdvertisedAddresses = _options.AdvertisedFor(_config),
            FirewallMark = _toldMark = _interface.Mark,
            TunnelAddresses = _toldAddresses = _interface.TunnelAddresses,
            TunnelRanges = TunnelRangesOf(_config),
            StateFile = _state?.PathOf(_options.Interface + StateSuffix),
            LoggerFactory = _loggers,
            TimeProvider = _time,
        };
        return TraversalNode.StartAsync(options, cancellation);
    }

    /// <summary>Starts the node for the first time: a port that cannot be had, or a mark, is a setting that cannot be used.</summary>
    private async Task<TraversalNode> FirstNodeAsync(ushort wireGuardPort, CancellationToken cancellation)
    {
        try
        {
            return await NewNodeAsync(cancellation);
        }
        catch (SocketException exception) when (_options.PortFor(_config) is { } port && IsOfPort(exception.SocketErrorCode, port))
        {
            string source = _options.Port is null ? $"#RelayPort in {_options.ConfigFile}" : "--port";
            throw port == wireGuardPort
                ? new OptionException(source, $"{port} is the port WireGuard itself listens on", "give another port, or none")
                : ListenProblem.Of(source, $"udp://0.0.0.0:{port}", exception.SocketErrorCode);
        }
        catch (SocketException exception) when (_interface.Mark != 0 && exception.SocketErrorCode == SocketError.AccessDenied)
        {
            throw new OptionException(_options.Interface, $"packets beside the tunnel cannot have its mark, 0x{_interface.Mark:x} ({exception.Message})", "give relay-node CAP_NET_ADMIN, or take the FwMark away");
        }
    }

    /// <summary>Says whether an error is about the port; what else is refused is the firewall mark.</summary>
    private static bool IsOfPort(SocketError error, ushort port) => error == SocketError.AddressAlreadyInUse || (error == SocketError.AccessDenied && port < FirstFreePort);

    /// <summary>What lies behind any peer, ours to carry or not: WireGuard routes all of it into the tunnel.</summary>
    private static IpPrefix[] TunnelRangesOf(WireGuardConfig config) => [.. config.Peers.SelectMany(peer => peer.AllowedAddresses)];

    /// <summary>Follows the interface. What cannot be followed at this moment, a mark that is not permitted or an interface that vanishes meanwhile, is said once and tried again.</summary>
    private async Task CheckInterfaceAsync(CancellationToken cancellation)
    {
        if (_keys is not { } keys) return;
        try
        {
            await _interface.CheckAsync(_config, keys.PublicKey, cancellation);
            if (_node is { } node) FollowInterface(node);
            _interfaceProblem = null;
        }
        catch (Exception exception) when (exception is SocketException or NetworkInformationException)
        {
            if (_interfaceProblem != exception.Message) _logger.InterfaceNotFollowed(_options.Interface, exception.Message);
            _interfaceProblem = exception.Message;
        }
    }

    private void FollowInterface(TraversalNode node)
    {
        if (_interface.Mark != _toldMark)
        {
            node.SetFirewallMark(_interface.Mark);
            _toldMark = _interface.Mark;
        }

        if (!_interface.TunnelAddresses.AsSpan().SequenceEqual(_toldAddresses)) node.SetTunnelAddresses(_toldAddresses = _interface.TunnelAddresses);
        if (PathMtuWarnings.MtuOf(_options.Interface) is not { } mtu) return;
        foreach (string advice in _mtuWarnings.Take(_options.Interface, mtu, node.GetStatus().Peers)) _logger.PathTooNarrow(advice);
    }

    /// <summary>Starts a node in place of one that has ended. Where that fails, the next turn of the loop tries again.</summary>
    private async Task StartNodeAsync(CancellationToken cancellation)
    {
        try
        {
            TraversalNode node = await NewNodeAsync(cancellation);
            _peers.Attach(node);
            _node = node; // From here on status shows it.
            _nodeProblem = null;
        }
        catch (Exception exception) when (exception is SocketException or IOException)
        {
            if (_nodeProblem != exception.Message) _logger.NodeNotStarted(exception.Message);
            _nodeProblem = exception.Message;
        }
    }

    private async Task StopNodeAsync()
    {
        _peers.Detach();
        if (_node is not { } node) return;
        _node = null;
        await node.DisposeAsync();
    }

    // Status. Called from the control socket's task.

    private string? Answer(string question) => question switch
    {
        "json" => StatusJson.Write(ReadStatus()),
        "text" => StatusText.Write(ReadStatus(), _time.GetUtcNow()),
        _ => null,
    };

    private AgentStatus ReadStatus()
    {
        if (_node is { } node) return StatusReader.Read(_options.Interface, node, _interface.Mark);
        NodeKey self = _keys?.PublicKey ?? default;
        return StatusReader.WithoutNode(_options.Interface, self, CarriedPeers.Choose(_config, self).Select(peer => peer.PublicKey), _time.GetUtcNow());
    }
}
