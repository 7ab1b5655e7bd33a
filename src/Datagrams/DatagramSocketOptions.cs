namespace Datagrams;

/// <summary>What a UDP socket is told when it is made. The "don't fragment" bit is never set, whatever the options.</summary>
public sealed record DatagramSocketOptions
{
    /// <summary>4 MiB: takes a burst of some thousand datagrams, where the usual default loses the end of a burst of 256.</summary>
    public const int DefaultBufferBytes = 4 << 20;

    /// <summary>Options that suit most sockets.</summary>
    public static DatagramSocketOptions Default { get; } = new();

    /// <summary>The kernel's receive buffer in bytes. Without CAP_NET_ADMIN the kernel grants at most <c>net.core.rmem_max</c>.</summary>
    public int ReceiveBufferBytes { get; init; } = DefaultBufferBytes;

    /// <summary>The kernel's send buffer in bytes. Without CAP_NET_ADMIN the kernel grants at most <c>net.core.wmem_max</c>.</summary>
    public int SendBufferBytes { get; init; } = DefaultBufferBytes;

    /// <summary>Lets several sockets of this user share one address; the kernel spreads sources over them (SO_REUSEPORT, Linux only).</summary>
    public bool ReusePort { get; init; }

    /// <summary>Lets an IPv6 socket carry IPv4 too. Off by default: a socket serves one family (IPV6_V6ONLY).</summary>
    public bool DualStack { get; init; }

    /// <summary>The mark on every packet sent, by which routing rules keep it out of a tunnel (SO_MARK, Linux, CAP_NET_ADMIN); 0 for none.</summary>
    public uint FirewallMark { get; init; }

    /// <summary>
    /// Tells of every datagram to which address it was sent, and answers in its batch leave from there: for sockets bound to all addresses of a
    /// host (IP_PKTINFO, Linux only; elsewhere nothing is told).
    /// </summary>
    public bool ReportLocalAddress { get; init; }

    /// <summary>Counts what the kernel drops because the receive buffer is full (SO_RXQ_OVFL, Linux only).</summary>
    public bool CountKernelDrops { get; init; }

    /// <summary>
    /// Receives runs of datagrams from one source as the kernel has put them together, which costs it far less (UDP_GRO, Linux only). Such a
    /// socket needs <see cref="DatagramBatch.ForCoalesced"/> to receive; each datagram appears there by itself all the same.
    /// </summary>
    public bool Coalesce { get; init; }
}
