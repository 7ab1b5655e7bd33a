using System.Net;
using System.Net.Sockets;
using Addresses;
using Stun.Server.Streams;

namespace Stun.Server;

/// <summary>Where a STUN server listens, and how much it takes.</summary>
public sealed record StunServerOptions
{
    /// <summary>3478: the port of STUN over UDP (RFC 8489 §18.6).</summary>
    public const int DefaultPort = 3478;

    /// <summary>
    /// UDP addresses. Port 0 lets the system choose one: see <see cref="StunServer.BoundAddresses"/>. <c>[::]</c> takes IPv4 too, unless
    /// <c>0.0.0.0</c> is listed with the same port. By default loopback of both families, where the host has both.
    /// </summary>
    public IReadOnlyList<TransportAddress> Listen { get; init; } = LoopbackOfEachFamily(DefaultPort);

    /// <summary>
    /// The second address and port of behaviour discovery (RFC 5780), at most one of each family. It goes with the first address of that family in
    /// <see cref="Listen"/>, which must be one address and not all of the host's. Without it, and without <see cref="UsesNextPort"/>, CHANGE-REQUEST,
    /// RESPONSE-PORT and PADDING get error 420.
    /// </summary>
    public IReadOnlyList<TransportAddress> Alternates { get; init; } = [];

    /// <summary>
    /// Where there is no alternate: answers from the port behind an address's own too (3479 beside 3478), where that is free, to CHANGE-REQUEST for the port
    /// alone (RFC 5780 §7.2), to RESPONSE-PORT and with PADDING. So a client learns whether a filter looks at ports, and how long a mapping lives, from a server with one
    /// address. OTHER-ADDRESS is not told, for there is none. On a socket for all addresses of a host that has several, the system chooses which of them
    /// such an answer leaves from, and clients drop it where that is another than they asked: list the addresses then.
    /// </summary>
    public bool UsesNextPort { get; init; }

    /// <summary>TCP addresses. By default none.</summary>
    public IReadOnlyList<TransportAddress> ListenTcp { get; init; } = [];

    /// <summary>Addresses for TLS over TCP, with <see cref="Certificate"/>. By default none.</summary>
    public IReadOnlyList<TransportAddress> ListenTls { get; init; } = [];

    /// <summary>What the server shows in TLS handshakes; needed where <see cref="ListenTls"/> is given.</summary>
    public ServerCertificate? Certificate { get; init; }

    /// <summary>Threads for each UDP address, 1 to <see cref="MaxThreads"/>. By default one a core, since a thread that has nothing to do costs nothing.</summary>
    public int Threads { get; init; } = Math.Min(Environment.ProcessorCount, MaxThreads);

    /// <summary>How much may change while the server runs.</summary>
    public StunLimits Limits { get; init; } = new();

    /// <summary>256 threads for an address.</summary>
    public const int MaxThreads = 256;

    /// <summary>127.0.0.1, and ::1 where the host has it.</summary>
    public static IReadOnlyList<TransportAddress> LoopbackOfEachFamily(int port)
    {
        TransportAddress ipv4 = TransportAddress.From(IPAddress.Loopback, port);
        return HasIpv6Loopback() ? [ipv4, TransportAddress.From(IPAddress.IPv6Loopback, port)] : [ipv4];
    }

    private static bool HasIpv6Loopback()
    {
        if (!Socket.OSSupportsIPv6) return false;
        try
        {
            using var socket = new Socket(AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0));
            return true;
        }
        catch (SocketException)
        {
            return false; // The kernel speaks IPv6, but it is switched off here.
        }
    }
}
