using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Datagrams;
using Node.Traversal.Core;
using Relay.Protocol;
using Timing;

namespace Node.Traversal.Io;

/// <summary>
/// The node's UDP sockets: one for each family the machine has, on the same port, and those opened beside them; and the thread that receives on all.
/// </summary>
internal sealed class UdpSockets : IDisposable
{
    private const int FirstPort = 49152; // The dynamic ports (RFC 6335 §6).
    private const int PortCount = 16384;
    private const int MaxPortsTried = 64;
    private const int ReadyTokens = 64; // A wait; what else is ready comes with the next one.

    private readonly DatagramPoller _poller = new();
    private readonly DatagramBatch _batch = DatagramBatch.ForCoalesced();
    private readonly ConcurrentDictionary<int, DatagramSocket> _sockets = new();
    private readonly Lock _gate = new(); // Guards the set of sockets and what all of them have in common; no packet takes it.
    private readonly Thread _thread;
    private readonly DatagramSocket? _ipv4;
    private readonly DatagramSocket? _ipv6;
    private DatagramSocketOptions _options;
    private Action<SocketId, DatagramBatch>? _receive;
    private volatile bool _isStopping;

    private UdpSockets(DatagramSocket? ipv4, DatagramSocket? ipv6, ushort wantedPort, DatagramSocketOptions options)
    {
        _ipv4 = ipv4;
        _ipv6 = ipv6;
        _options = options;
        WantedPort = wantedPort;
        if (ipv4 is not null) _sockets[SocketId.Ipv4.Value] = ipv4;
        if (ipv6 is not null) _sockets[SocketId.Ipv6.Value] = ipv6;
        _thread = new Thread(Run) { Name = "node-udp", IsBackground = true };
    }

    public ushort Port => (_ipv4 ?? _ipv6)!.LocalAddress.Port;

    /// <summary>The port that was to be had first; another than <see cref="Port"/> where it was taken.</summary>
    public ushort WantedPort { get; }

    public bool HasIpv4 => _ipv4 is not null;

    public bool HasIpv6 => _ipv6 is not null;

    /// <summary>What the kernel has dropped on the sockets that are open.</summary>
    public long KernelDrops => _sockets.Values.Sum(socket => socket.KernelDrops);

    /// <summary>Binds the sockets.</summary>
    /// <param name="port">The port; null = the one that follows from the key, so that it is the same after a restart and another on each host of a network; the next free one where that is taken.</param>
    /// <param name="key">The node's key.</param>
    /// <param name="mark">The firewall mark of every packet; 0 = none.</param>
    /// <exception cref="SocketException">The port is taken, the mark is not permitted, or the machine has no IP at all.</exception>
    public static UdpSockets Bind(ushort? port, NodeKey key, uint mark)
    {
        DatagramSocketOptions options = new() { FirewallMark = mark, CountKernelDrops = true, Coalesce = true };
        if (port is { } fixedPort) return Bind(fixedPort, options, fixedPort);

        ushort wanted = PortOf(key);
        for (int i = 0; ; i++)
        {
            try
            {
                return Bind((ushort)(FirstPort + (wanted - FirstPort + i) % PortCount), options, wanted);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse && i < MaxPortsTried)
            {
                continue; // The next one.
            }
        }
    }

    /// <summary>The port that follows from a key: 49152 + SHA-256(key) mod 16384, of the hash's first 32 bits.</summary>
    public static ushort PortOf(NodeKey key)
    {
        Span<byte> bytes = stackalloc byte[NodeKey.Length];
        key.CopyTo(bytes);
        return (ushort)(FirstPort + BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(bytes)) % PortCount);
    }

    /// <summary>Starts receiving. The batch belongs to the receiver until it returns.</summary>
    public void Start(Action<SocketId, DatagramBatch> receive)
    {
        _receive = receive;
        lock (_gate)
        {
            foreach ((int id, DatagramSocket socket) in _sockets) _poller.Add(socket, id);
        }

        _thread.Start();
    }

    /// <summary>Opens one more socket, after <see cref="Start"/>; what it receives goes where everything goes.</summary>
    /// <param name="id">Its name, which no socket has had before: what is late for one must not find another.</param>
    /// <param name="local">Its address; port 0 for any.</param>
    /// <exception cref="SocketException">The address is taken or not of this host, or the process is out of descriptors.</exception>
    public void Open(SocketId id, TransportAddress local)
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_isStopping, this);
            DatagramSocket socket = DatagramSocket.Bind(local, _options);
            _sockets[id.Value] = socket;
            _poller.Add(socket, id.Value);
        }
    }

    /// <summary>Closes a socket that was opened beside the first two. Nothing happens where it is closed already.</summary>
    public void Close(SocketId id)
    {
        if (id == SocketId.Ipv4 || id == SocketId.Ipv6) throw new ArgumentException("The node's own sockets stay open.", nameof(id));
        lock (_gate)
        {
            if (!_sockets.TryRemove(id.Value, out DatagramSocket? socket)) return;
            _poller.Remove(socket);
            socket.Dispose();
        }
    }

    /// <summary>The address of an open socket; none where it is closed.</summary>
    public TransportAddress LocalAddressOf(SocketId id) => _sockets.TryGetValue(id.Value, out DatagramSocket? socket) ? socket.LocalAddress : default;

    /// <summary>Sends one datagram, from any thread.</summary>
    /// <param name="socket">From which socket.</param>
    /// <param name="destination">Where to.</param>
    /// <param name="datagram">Its bytes.</param>
    /// <param name="hops">How many hops it may go; 0 = as many as the system says.</param>
    /// <returns>Success, or why it did not go; AddressFamilyNotSupported where there is no such socket (any more).</returns>
    public SocketError Send(SocketId socket, TransportAddress destination, ReadOnlySpan<byte> datagram, byte hops = 0)
    {
        if (!_sockets.TryGetValue(socket.Value, out DatagramSocket? found)) return SocketError.AddressFamilyNotSupported;
        try
        {
            return found.SendTo(datagram, destination, hops);
        }
        catch (ObjectDisposedException)
        {
            return SocketError.AddressFamilyNotSupported; // Closed at this moment.
        }
    }

    /// <summary>Sends one datagram that nobody may cut into fragments, as <see cref="DatagramSocket.SendWhole"/> does.</summary>
    public SocketError SendWhole(SocketId socket, TransportAddress destination, ReadOnlySpan<byte> datagram)
    {
        if (!_sockets.TryGetValue(socket.Value, out DatagramSocket? found)) return SocketError.AddressFamilyNotSupported;
        try
        {
            return found.SendWhole(datagram, destination);
        }
        catch (ObjectDisposedException)
        {
            return SocketError.AddressFamilyNotSupported; // Closed at this moment.
        }
    }

    /// <summary>Sends a batch from <paramref name="first"/> on, as <see cref="DatagramSocket.Send"/> does.</summary>
    public int Send(SocketId socket, DatagramBatch batch, int first, out SocketError error)
    {
        error = SocketError.AddressFamilyNotSupported;
        if (!_sockets.TryGetValue(socket.Value, out DatagramSocket? found)) return 0;
        try
        {
            return found.Send(batch, first, out error);
        }
        catch (ObjectDisposedException)
        {
            return 0; // Closed at this moment.
        }
    }

    public void SetFirewallMark(uint mark)
    {
        lock (_gate)
        {
            _options = _options with { FirewallMark = mark };
            foreach (DatagramSocket socket in _sockets.Values) socket.SetFirewallMark(mark);
        }
    }

    public void Dispose()
    {
        lock (_gate) _isStopping = true;
        _poller.Wake();
        if (_thread.IsAlive) _thread.Join();
        foreach (DatagramSocket socket in _sockets.Values) socket.Dispose();
        _poller.Dispose();
        _batch.Dispose();
    }

    private static UdpSockets Bind(ushort port, DatagramSocketOptions options, ushort wanted)
    {
        DatagramSocket? ipv4 = BindFamily(TransportAddress.FromIpv4(0, port), options);
        try
        {
            DatagramSocket? ipv6 = BindFamily(TransportAddress.FromIpv6(0, ipv4?.LocalAddress.Port ?? port), options);
            if (ipv4 is null && ipv6 is null) throw new SocketException((int)SocketError.AddressFamilyNotSupported, "This machine has neither IPv4 nor IPv6.");
            return new UdpSockets(ipv4, ipv6, wanted, options);
        }
        catch (SocketException)
        {
            ipv4?.Dispose();
            throw;
        }
    }

    /// <summary>Null where the machine lacks the family.</summary>
    private static DatagramSocket? BindFamily(TransportAddress local, DatagramSocketOptions options)
    {
        try
        {
            return DatagramSocket.Bind(local, options);
        }
        catch (SocketException exception) when (exception.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable or SocketError.ProtocolNotSupported)
        {
            return null;
        }
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
            foreach (int token in ready[..count])
            {
                if (_isStopping) return;
                if (!Receive(token)) continue;
                packets += _batch.Count;
                _receive!(new SocketId(token), _batch);
            }

            gathering.HandleRound(packets);
        }
    }

    private bool Receive(int token)
    {
        try
        {
            return _sockets.TryGetValue(token, out DatagramSocket? socket) && socket.Receive(_batch, out _) > 0;
        }
        catch (ObjectDisposedException)
        {
            return false; // Closed by another thread after it had become ready.
        }
    }
}
