using System.Net;
using System.Net.Sockets;
using Addresses;
using Datagrams.Linux;
using Datagrams.Portable;

namespace Datagrams;

/// <summary>
/// A bound UDP socket that moves datagrams in batches and never blocks. One thread may receive while others send, each with a batch of its own.
/// What ICMP reports does not surface on it unless it is connected.
/// </summary>
public sealed class DatagramSocket : IDisposable
{
    private const int SioUdpConnectionReset = -1744830452; // Windows: ICMP errors on an unconnected socket come up as ConnectionReset, unless told not to.

    private readonly IDatagramIo _io;
    private readonly Lock _whole = new();
    private volatile bool _isConnected;

    private DatagramSocket(Socket socket, IDatagramIo io)
    {
        Socket = socket;
        _io = io;
        LocalAddress = LocalAddressOf(socket);
    }

    /// <summary>The address the socket is bound to, with the port that the kernel chose where port 0 was asked for.</summary>
    public TransportAddress LocalAddress { get; private set; }

    /// <summary>How many datagrams the kernel has dropped here because the receive buffer was full, as of the last one received.</summary>
    public long KernelDrops => _io.KernelDrops;

    /// <summary>The socket beneath, for the poller.</summary>
    internal Socket Socket { get; }

    /// <summary>Makes a socket and binds it.</summary>
    /// <exception cref="SocketException">The address is taken or not of this host, or an option is refused; the message says which.</exception>
    public static DatagramSocket Bind(TransportAddress local, DatagramSocketOptions options) => Bind(local, options, isPortable: !OperatingSystem.IsLinux());

    /// <summary>As the public one; tests choose the portable way on Linux too.</summary>
    internal static DatagramSocket Bind(TransportAddress local, DatagramSocketOptions options, bool isPortable)
    {
        if (!local.IsValid) throw new ArgumentException("An address to bind to is needed.", nameof(local));

        var socket = new Socket(local.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (!local.IsIpv4) socket.SetSocketOption(SocketOptionLevel.IPv6, SocketOptionName.IPv6Only, !options.DualStack);
            NeverSetDontFragment(socket);
            if (OperatingSystem.IsWindows()) socket.IOControl(SioUdpConnectionReset, [0, 0, 0, 0], null);
            SetBuffers(socket, options);
            if (options.ReusePort) ShareThePort(socket);
            if (options.FirewallMark != 0) Mark(socket, options.FirewallMark);
            BindTo(socket, local);

            bool reportsLocalAddress = !isPortable && options.ReportLocalAddress;
            if (reportsLocalAddress) ReportLocalAddress(socket);
            bool countsKernelDrops = !isPortable && options.CountKernelDrops;
            if (countsKernelDrops) Check(LibC.SetOption(socket.SafeHandle, LibC.SolSocket, LibC.SoRxqOvfl, 1), "count kernel drops (SO_RXQ_OVFL)");
            // Kernels before 5.0 have no such option: then each datagram comes by itself.
            bool coalesces = !isPortable && options.Coalesce && LibC.SetOption(socket.SafeHandle, LibC.SolUdp, LibC.UdpGro, 1) == SocketError.Success;
            if (isPortable) socket.Blocking = false;
            return new DatagramSocket(socket, isPortable ? new SocketIo(socket) : new MessageIo(socket, countsKernelDrops, reportsLocalAddress, coalesces));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Fixes the peer: only its datagrams are received from now on, and all that is sent goes there, whatever address it carries.
    /// A peer that is not there shows as <see cref="SocketError.ConnectionRefused"/> in the next call.
    /// </summary>
    /// <exception cref="SocketException">There is no way to the address.</exception>
    public void Connect(TransportAddress remote)
    {
        IPEndPoint endPoint = remote.ToIPEndPoint();
        if (remote.IsIpv4 && Socket.AddressFamily == AddressFamily.InterNetworkV6) endPoint.Address = endPoint.Address.MapToIPv6();
        Socket.Connect(endPoint);
        _isConnected = true;
        LocalAddress = LocalAddressOf(Socket);
    }

    /// <summary>Clears the batch and fills it with what has arrived; never waits.</summary>
    /// <param name="batch">Where to.</param>
    /// <param name="error">Success, also when nothing is there; otherwise what the socket has to report, e.g. <see cref="SocketError.ConnectionRefused"/>.</param>
    /// <returns>How many datagrams are in the batch.</returns>
    /// <exception cref="InvalidOperationException">The socket coalesces, and the batch is not made for that.</exception>
    /// <exception cref="ObjectDisposedException">The socket or the batch was disposed.</exception>
    public int Receive(DatagramBatch batch, out SocketError error)
    {
        batch.ThrowIfDisposed();
        batch.Clear();
        return _io.Receive(batch, out error);
    }

    /// <summary>
    /// As <see cref="Receive"/>, but waits until something has arrived: for a thread that serves this socket and no other, one system call
    /// cheaper than a <see cref="DatagramPoller"/>. Returns 0 with Success once interrupted.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The socket or the batch was disposed.</exception>
    public int ReceiveOrWait(DatagramBatch batch, out SocketError error)
    {
        batch.ThrowIfDisposed();
        batch.Clear();
        return _io.ReceiveOrWait(batch, out error);
    }

    /// <summary>Ends the present <see cref="ReceiveOrWait"/> and every later one, for good. Any thread; nothing happens once the socket is disposed.</summary>
    public void Interrupt() => _io.Interrupt();

    /// <summary>
    /// Lets sockets that are bound with <see cref="DatagramSocketOptions.ReusePort"/> from now on share this one's port. A first socket bound
    /// without that option and opened afterwards refuses a port that another program shares out; the option alone would quietly join it.
    /// </summary>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public void AllowSharing() => ShareThePort(Socket);

    /// <summary>Sends the datagrams from <paramref name="first"/> on, in order, up to the first that does not go; never waits.</summary>
    /// <param name="batch">What to send.</param>
    /// <param name="first">The index of the first datagram to send.</param>
    /// <param name="error">Success when all went. Otherwise why the first one left did not: WouldBlock, MessageSize, NetworkUnreachable, ConnectionRefused and the like.</param>
    /// <returns>How many datagrams went.</returns>
    /// <exception cref="ObjectDisposedException">The socket or the batch was disposed.</exception>
    public int Send(DatagramBatch batch, int first, out SocketError error)
    {
        batch.ThrowIfDisposed();
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        return _io.Send(batch, first, _isConnected, out error);
    }

    /// <summary>
    /// Sends one datagram of a batch, which another socket may have received. It leaves from this socket's own address. Never waits.
    /// </summary>
    /// <returns>Success, or why it did not go.</returns>
    public SocketError SendOne(DatagramBatch batch, int index)
    {
        batch.ThrowIfDisposed();
        return _io.SendOne(batch, index, _isConnected);
    }

    /// <summary>Sends one datagram; never waits. Any thread may call this at any time.</summary>
    /// <param name="payload">The bytes to send.</param>
    /// <param name="destination">Where to; not looked at where the socket is connected.</param>
    /// <returns>Success, or why it did not go.</returns>
    public SocketError SendTo(ReadOnlySpan<byte> payload, TransportAddress destination) =>
        _io.SendTo(payload, DatagramAddress.From(destination), _isConnected);

    /// <summary>
    /// Sends one datagram that may go <paramref name="hops"/> hops and no more (IPv4's TTL, IPv6's hop limit), and leaves the socket's own limit
    /// alone; never waits. Any thread may call this at any time.
    /// </summary>
    /// <param name="payload">The bytes to send.</param>
    /// <param name="destination">Where to; not looked at where the socket is connected.</param>
    /// <param name="hops">1 to 255; 0 is <see cref="SendTo(ReadOnlySpan{byte}, TransportAddress)"/>.</param>
    /// <returns>Success, or why it did not go: OperationNotSupported where the platform cannot limit one datagram alone.</returns>
    public SocketError SendTo(ReadOnlySpan<byte> payload, TransportAddress destination, byte hops) => hops == 0
        ? SendTo(payload, destination)
        : _io.SendTo(payload, DatagramAddress.From(destination), _isConnected, hops);

    /// <summary>
    /// Sends one datagram that no router may cut into fragments (IPv4's don't-fragment bit), whatever the kernel has learnt of the way; never
    /// waits. IPv4 has no such flag for one datagram alone, so the socket's own setting changes for the one call: what another thread sends at
    /// this moment may carry the bit too, and is refused with MessageSize where it is longer than the link takes. Any thread may call this.
    /// </summary>
    /// <param name="payload">The bytes to send.</param>
    /// <param name="destination">Where to; not looked at where the socket is connected.</param>
    /// <returns>Success, or why it did not go: MessageSize where the link it leaves by does not take it, OperationNotSupported on other systems than Linux.</returns>
    public SocketError SendWhole(ReadOnlySpan<byte> payload, TransportAddress destination)
    {
        if (!OperatingSystem.IsLinux()) return SocketError.OperationNotSupported;
        lock (_whole)
        {
            SocketError error = SetMtuDiscovery(Socket, LibC.PmtuDiscoverProbe);
            if (error == SocketError.Success) error = SendTo(payload, destination);
            SocketError back = SetMtuDiscovery(Socket, LibC.PmtuDiscoverDont);
            return error == SocketError.Success ? back : error;
        }
    }

    /// <summary>Changes the mark on every packet sent from now on; 0 for none.</summary>
    /// <exception cref="SocketException">The process lacks CAP_NET_ADMIN.</exception>
    /// <exception cref="PlatformNotSupportedException">This is not Linux.</exception>
    public void SetFirewallMark(uint mark) => Mark(Socket, mark);

    /// <summary>Closes the socket. A poller that knew it forgets it.</summary>
    public void Dispose() => Socket.Dispose();

    private static void BindTo(Socket socket, TransportAddress local)
    {
        try
        {
            socket.Bind(local.ToIPEndPoint());
        }
        catch (SocketException exception)
        {
            throw new SocketException((int)exception.SocketErrorCode, $"UDP {local}: {exception.Message}");
        }
    }

    private static void NeverSetDontFragment(Socket socket)
    {
        bool isIpv4 = socket.AddressFamily == AddressFamily.InterNetwork;
        if (!OperatingSystem.IsLinux())
        {
            if (isIpv4) socket.DontFragment = false; // IPv6 routers never fragment, and senders elsewhere do so by default.
            return;
        }

        Check(SetMtuDiscovery(socket, LibC.PmtuDiscoverDont), "clear DF (IP_MTU_DISCOVER, IPV6_MTU_DISCOVER)");
    }

    private static SocketError SetMtuDiscovery(Socket socket, int value)
    {
        // An IPv6 socket that carries IPv4 too needs both.
        SocketError error = LibC.SetOption(socket.SafeHandle, LibC.IpProtoIp, LibC.IpMtuDiscover, value);
        if (error != SocketError.Success || socket.AddressFamily == AddressFamily.InterNetwork) return error;
        return LibC.SetOption(socket.SafeHandle, LibC.IpProtoIpv6, LibC.Ipv6MtuDiscover, value);
    }

    private static void SetBuffers(Socket socket, DatagramSocketOptions options)
    {
        // The forced variant goes past the system's ceiling, and is for the privileged; the other one grants what the ceiling allows.
        bool isForced = OperatingSystem.IsLinux()
            && LibC.SetOption(socket.SafeHandle, LibC.SolSocket, LibC.SoRcvBufForce, options.ReceiveBufferBytes) == SocketError.Success
            && LibC.SetOption(socket.SafeHandle, LibC.SolSocket, LibC.SoSndBufForce, options.SendBufferBytes) == SocketError.Success;
        if (isForced) return;

        socket.ReceiveBufferSize = options.ReceiveBufferBytes;
        socket.SendBufferSize = options.SendBufferBytes;
    }

    private static void ShareThePort(Socket socket)
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("Sharing a port between sockets (SO_REUSEPORT) is for Linux.");
        Check(LibC.SetOption(socket.SafeHandle, LibC.SolSocket, LibC.SoReusePort, 1), "share the port (SO_REUSEPORT)");
    }

    private static void ReportLocalAddress(Socket socket)
    {
        // An IPv6 socket says so of IPv4 datagrams too, in the IPv4-mapped form.
        SocketError error = socket.AddressFamily == AddressFamily.InterNetwork
            ? LibC.SetOption(socket.SafeHandle, LibC.IpProtoIp, LibC.IpPacketInfo, 1)
            : LibC.SetOption(socket.SafeHandle, LibC.IpProtoIpv6, LibC.Ipv6ReceivePacketInfo, 1);
        Check(error, "tell local addresses (IP_PKTINFO)");
    }

    private static void Mark(Socket socket, uint mark)
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("A firewall mark (SO_MARK) is for Linux.");
        SocketError error = LibC.SetOption(socket.SafeHandle, LibC.SolSocket, LibC.SoMark, unchecked((int)mark));
        Check(error, error == SocketError.AccessDenied ? "set the firewall mark (SO_MARK): the process needs CAP_NET_ADMIN" : "set the firewall mark (SO_MARK)");
    }

    private static void Check(SocketError error, string what)
    {
        if (error != SocketError.Success) throw new SocketException((int)error, $"The UDP socket cannot {what} ({error}).");
    }

    private static TransportAddress LocalAddressOf(Socket socket) =>
        socket.LocalEndPoint is IPEndPoint endPoint ? TransportAddress.From(endPoint) : default;
}
