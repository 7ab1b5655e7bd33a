using System.Collections.Concurrent;
using System.Net.Sockets;
using Addresses;
using Datagrams;
using Node.Traversal.Core;
using Node.Traversal.Io.WireGuard;
using Timing;

namespace Node.Traversal;

/// <summary>
/// Stands between an unmodified WireGuard on this machine and a node. Each peer has a <see cref="WireGuardLink"/>, a loopback address
/// that WireGuard takes for the peer's endpoint. One thread carries what WireGuard sends; nothing is allocated for a packet.
/// </summary>
public sealed class WireGuardProxy : IDisposable
{
    private const int ReadyTokens = 64;
    private const uint LoopbackAddress = (127u << 24) | 1; // WireGuard listens on all addresses; our sockets are on 127/8.

    private readonly DatagramPoller _poller = new();
    private readonly DatagramBatch _batch = new();
    private readonly BatchPool _pool = new();
    private readonly WireGuardDropCounter _drops = new();
    private readonly ConcurrentDictionary<int, WireGuardLink> _links = new();
    private readonly Lock _gate = new(); // Guards the set of links and what all of them have in common; no packet takes it.
    private readonly Thread _thread;
    private DatagramSocketOptions _options = DatagramSocketOptions.Default;
    private int _lastToken;
    private volatile bool _isStopping;

    /// <summary>Makes a proxy without links and starts its thread.</summary>
    public WireGuardProxy()
    {
        _thread = new Thread(Run) { Name = "wireguard-proxy", IsBackground = true };
        _thread.Start();
    }

    /// <summary>The UDP port of WireGuard; 0 while it is not known, and then nothing passes.</summary>
    public ushort WireGuardPort { get; private set; }

    /// <summary>Packets lost so far, by reason.</summary>
    public WireGuardProxyDrops Drops => _drops.Total;

    /// <summary>Opens a link for one peer.</summary>
    /// <param name="address">The loopback address it takes; port 0 for any.</param>
    /// <exception cref="SocketException">The address is taken (<see cref="SocketError.AddressAlreadyInUse"/>) or not of this host.</exception>
    public WireGuardLink Open(TransportAddress address)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            WireGuardLink link = new(address, ++_lastToken, _options, _pool, _drops);
            _links[link.Token] = link;
            Connect(link);
            return link;
        }
    }

    /// <summary>Closes a link; its address is free again.</summary>
    public void Close(WireGuardLink link)
    {
        lock (_gate)
        {
            if (_links.TryRemove(link.Token, out _)) link.Close(_poller);
        }
    }

    /// <summary>Says on which port WireGuard listens; all links follow.</summary>
    public void SetWireGuardPort(ushort port)
    {
        lock (_gate)
        {
            if (port == WireGuardPort || _isStopping) return;
            WireGuardPort = port;
            foreach (WireGuardLink link in _links.Values) Connect(link);
        }
    }

    /// <summary>Sets the mark of the links' sockets; 0 for none. Where it is refused, links that are opened later have the one before.</summary>
    /// <exception cref="SocketException">The process lacks CAP_NET_ADMIN.</exception>
    public void SetFirewallMark(uint mark)
    {
        lock (_gate)
        {
            if (mark == _options.FirewallMark) return;
            foreach (WireGuardLink link in _links.Values) link.SetFirewallMark(mark);
            _options = _options with { FirewallMark = mark };
        }
    }

    /// <summary>Ends the thread and closes all links.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isStopping) return;
            _isStopping = true;
        }

        _poller.Wake();
        _thread.Join();
        foreach (WireGuardLink link in _links.Values) Close(link);
        _poller.Dispose();
        _batch.Dispose();
        _drops.Dispose();
    }

    private void Connect(WireGuardLink link)
    {
        // Where WireGuard has closed its port, links stay at the old one: what is sent meanwhile is refused and counted.
        if (WireGuardPort != 0) link.Connect(TransportAddress.FromIpv4(LoopbackAddress, WireGuardPort), _poller);
    }

    private void Run()
    {
        Span<int> ready = stackalloc int[ReadyTokens];
        Gathering gathering = new();
        while (!_isStopping)
        {
            int count = _poller.Wait(ready, DatagramPoller.Forever);
            if (gathering.IsWorthwhile(MonotonicClock.System.Now)) DatagramPoller.Pause(Gathering.Pause);
            int packets = 0;
            foreach (int token in ready[..count]) packets += Carry(token);
            gathering.HandleRound(packets);
        }
    }

    /// <summary>Carries a batch of one link.</summary>
    /// <returns>How many packets there were.</returns>
    private int Carry(int token)
    {
        if (!_links.TryGetValue(token, out WireGuardLink? link)) return 0;
        try
        {
            link.ReceiveFromWireGuard(_batch);
        }
        catch (ObjectDisposedException)
        {
            // The link or its peer was closed by another thread after it had become ready.
            _drops.Closed(_batch.Count);
        }

        return _batch.Count;
    }
}
