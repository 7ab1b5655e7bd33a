using System.Net.NetworkInformation;
using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Logging;
using Node.Traversal;
using Relay.Protocol;
using Settings;

namespace Node.Agent.WireGuard;

/// <summary>
/// The WireGuard interface as the agent follows it: its peers' endpoints are kept ours; its port, mark and addresses are taken over
/// as they change. Called from the agent's loop only.
/// </summary>
internal sealed class WireGuardInterface(string name, WireGuardTool tool, EndpointKeeper keeper, WireGuardProxy proxy, ILogger logger)
{
    private volatile uint _mark;
    private bool _isLost;
    private bool _isWarnedOfPort;
    private bool _isWarnedOfLength;
    private NodeKey? _warnedOfKey;
    private uint _refusedMark;

    /// <summary>The mark on WireGuard's packets, which ours carry too; 0 = none. Also read by other threads.</summary>
    public uint Mark => _mark;

    /// <summary>The interface's own addresses: no path may lead there.</summary>
    public TransportAddress[] TunnelAddresses { get; private set; } = [];

    /// <summary>Looks at the interface for the first time: all that is needed to start.</summary>
    /// <exception cref="OptionException">WireGuard does not answer for it.</exception>
    public async Task<InterfaceDump> BeginAsync(WireGuardConfig config, CancellationToken cancellation)
    {
        try
        {
            InterfaceDump dump = await tool.DumpAsync(cancellation);
            Follow(dump, config);
            return dump;
        }
        catch (WireGuardToolException exception)
        {
            throw new OptionException(name, $"WireGuard does not answer for it ({exception.Message})", exception.Remedy ?? "bring the interface up first, or give --interface NAME");
        }
    }

    /// <summary>Looks at the interface, puts its endpoints right and takes over what has changed.</summary>
    public async Task CheckAsync(WireGuardConfig config, NodeKey self, CancellationToken cancellation)
    {
        try
        {
            InterfaceDump dump = await tool.DumpAsync(cancellation);
            Follow(dump, config);
            WarnOfKey(dump, self);
            await SetEndpointsAsync(dump, cancellation);
            if (_isLost) logger.WireGuardBack();
            _isLost = false;
        }
        catch (WireGuardToolException exception)
        {
            // The interface is down for a moment, or for good; then whoever took it down also stops this program.
            if (!_isLost) logger.WireGuardLost(exception.Message);
            _isLost = true;
        }
    }

    /// <summary>Sets our endpoints where the interface has others.</summary>
    /// <exception cref="WireGuardToolException">WireGuard refuses.</exception>
    public async Task SetEndpointsAsync(InterfaceDump dump, CancellationToken cancellation)
    {
        long before = keeper.Corrections;
        IReadOnlyList<PeerEndpoint> wrong = keeper.Compare(dump.Endpoints, out IReadOnlyList<NodeKey> missing);
        foreach (NodeKey peer in missing) logger.MissingPeer(peer, name);
        bool isUserspace = tool.IsUserspace;
        ILookup<bool, PeerEndpoint> byWay = wrong.ToLookup(endpoint => isUserspace && dump.Untried.ContainsKey(endpoint.Peer));
        await tool.SetEndpointsAsync(byWay[false], cancellation);
        foreach (PeerEndpoint endpoint in byWay[true]) await tool.MakeAnewAsync(endpoint, dump.Untried[endpoint.Peer], cancellation);
        if (keeper.Corrections > before) logger.EndpointsCorrected(keeper.Corrections - before, keeper.Corrections);
    }

    /// <summary>Restores the endpoints from before.</summary>
    public async Task RestoreAsync()
    {
        keeper.ReleaseAll();
        try
        {
            InterfaceDump dump = await tool.DumpAsync(CancellationToken.None);
            await tool.SetEndpointsAsync(keeper.Compare(dump.Endpoints, out _), CancellationToken.None);
        }
        catch (WireGuardToolException exception)
        {
            logger.NotRestored(exception.Message);
        }
    }

    /// <summary>Says, once for each key, that the interface has another one than its file.</summary>
    public void WarnOfKey(InterfaceDump dump, NodeKey self)
    {
        if (dump.PublicKey == self || _warnedOfKey == self) return;
        logger.AnotherKey(name);
        _warnedOfKey = self;
    }

    private void Follow(InterfaceDump dump, WireGuardConfig config)
    {
        FollowPort(dump.ListenPort, config);
        FollowMark(dump.FirewallMark);
        TunnelAddresses = [.. config.Addresses.Concat(AddressesOf(name)).Distinct().OrderBy(address => address.Bits)];
        if (proxy.Drops.TooLong == 0 || _isWarnedOfLength) return;
        logger.PacketTooLong(name);
        _isWarnedOfLength = true;
    }

    private void FollowPort(ushort port, WireGuardConfig config)
    {
        // An interface that is down has no port; the file's is the one it will have, and must be known before WireGuard sends.
        if (port == 0) port = config.ListenPort ?? 0;
        if (port == 0 && !_isWarnedOfPort) logger.NoListenPort(name);
        _isWarnedOfPort = port == 0;
        if (port == proxy.WireGuardPort) return;

        if (proxy.WireGuardPort != 0) logger.ListenPortChanged(port);
        proxy.SetWireGuardPort(port);
    }

    private void FollowMark(uint mark)
    {
        if (mark == _mark) return;
        try
        {
            proxy.SetFirewallMark(mark);
        }
        catch (SocketException exception)
        {
            // Packets go on with the mark of before, which a tunnel that takes all may swallow; but what needs no mark goes on. It is tried again at the next look.
            if (mark != _refusedMark) logger.MarkRefused(mark, exception.Message);
            _refusedMark = mark;
            return;
        }

        _refusedMark = 0;
        _mark = mark;
        logger.MarkChanged(mark);
    }

    private static IEnumerable<TransportAddress> AddressesOf(string name) =>
        NetworkInterface.GetAllNetworkInterfaces()
            .Where(found => found.Name == name)
            .SelectMany(found => found.GetIPProperties().UnicastAddresses)
            .Select(unicast => TransportAddress.From(unicast.Address, 0));
}
