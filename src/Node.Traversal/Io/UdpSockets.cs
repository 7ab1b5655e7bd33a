using System.Buffers.Binary;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Datagrams;
using Node.Traversal.Core;
using Relay.Protocol;

namespace Node.Traversal.Io;

/// <summary>The node's UDP sockets, one for each family the machine has, on the same port; and the thread that receives on them.</summary>
internal sealed class UdpSockets : IDisposable
{
    private const int FirstPort = 49152; // The dynamic ports (RFC 6335 §6).
    private const int PortCount = 16384;
    private const int MaxPortsTried = 64;

    private readonly DatagramPoller _poller = new();
    private readonly DatagramBatch _batch = new();
    private readonly Thread _thread;
    private readonly DatagramSocket? _ipv4;
    private readonly DatagramSocket? _ipv6;
    private Action<SocketId, DatagramBatch>? _receive;
    private volatile bool _isStopping;

    private UdpSockets(DatagramSocket? ipv4, DatagramSocket? ipv6, ushort wantedPort)
    {
        _ipv4 = ipv4;
        _ipv6 = ipv6;
        WantedPort = wantedPort;
        _thread = new Thread(Run) { Name = "node-udp", IsBackground = true };
    }

    public ushort Port => (_ipv4 ?? _ipv6)!.LocalAddress.Port;

    /// <summary>The port that was to be had first; another than <see cref="Port"/> where it was taken.</summary>
    public ushort WantedPort { get; }

    public bool HasIpv4 => _ipv4 is not null;

    public bool HasIpv6 => _ipv6 is not null;

    public long KernelDrops => (_ipv4?.KernelDrops ?? 0) + (_ipv6?.KernelDrops ?? 0);

    /// <summary>Binds the sockets.</summary>
    /// <param name="port">The port; null = the one that follows from the key, so that it is the same after a restart and another on each host of a network; the next free one where that is taken.</param>
    /// <param name="key">The node's key.</param>
    /// <param name="mark">The firewall mark of every packet; 0 = none.</param>
    /// <exception cref="SocketException">The port is taken, the mark is not permitted, or the machine has no IP at all.</exception>
    public static UdpSockets Bind(ushort? port, NodeKey key, uint mark)
    {
        DatagramSocketOptions options = new() { FirewallMark = mark, CountKernelDrops = true };
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
        if (_ipv4 is not null) _poller.Add(_ipv4, SocketId.Ipv4.Value);
        if (_ipv6 is not null) _poller.Add(_ipv6, SocketId.Ipv6.Value);
        _thread.Start();
    }

    /// <summary>Sends one datagram, from any thread.</summary>
    public SocketError Send(SocketId socket, TransportAddress destination, ReadOnlySpan<byte> datagram) =>
        Find(socket) is { } found ? found.SendTo(datagram, destination) : SocketError.AddressFamilyNotSupported;

    /// <summary>Sends a batch from <paramref name="first"/> on, as <see cref="DatagramSocket.Send"/> does.</summary>
    public int Send(SocketId socket, DatagramBatch batch, int first, out SocketError error)
    {
        if (Find(socket) is { } found) return found.Send(batch, first, out error);
        error = SocketError.AddressFamilyNotSupported;
        return 0;
    }

    public void SetFirewallMark(uint mark)
    {
        _ipv4?.SetFirewallMark(mark);
        _ipv6?.SetFirewallMark(mark);
    }

    public void Dispose()
    {
        _isStopping = true;
        _poller.Wake();
        if (_thread.IsAlive) _thread.Join();
        _ipv4?.Dispose();
        _ipv6?.Dispose();
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
            return new UdpSockets(ipv4, ipv6, wanted);
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

    private DatagramSocket? Find(SocketId socket) => socket == SocketId.Ipv4 ? _ipv4 : socket == SocketId.Ipv6 ? _ipv6 : null;

    private void Run()
    {
        Span<int> ready = stackalloc int[2];
        while (!_isStopping)
        {
            int count = _poller.Wait(ready, DatagramPoller.Forever);
            foreach (int token in ready[..count])
            {
                SocketId id = new(token);
                if (_isStopping || Find(id) is not { } socket) continue;
                if (socket.Receive(_batch, out _) > 0) _receive!(id, _batch);
            }
        }
    }
}
