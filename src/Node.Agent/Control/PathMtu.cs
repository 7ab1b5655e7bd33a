using System.Net.Sockets;
using Addresses;

namespace Node.Agent.Control;

/// <summary>Tells what fits through the tunnel without being cut into fragments.</summary>
internal static class PathMtu
{
    private const int SolSocket = 1; // Linux's numbers.
    private const int SoMark = 36;
    private const int IpProtoIp = 0;
    private const int IpMtu = 14;
    private const int IpProtoIpv6 = 41;
    private const int Ipv6Mtu = 24;
    private const int LongestFound = 1500; // See PeerStatus.PathMtu.
    private const int UdpHeader = 8;
    private const int WireGuardOverhead = 32; // Type, receiver, counter, and the tag at the end.

    /// <summary>What WireGuard and the headers outside add to a packet, in bytes.</summary>
    public static int OverheadTo(TransportAddress remote) => (remote.IsIpv4 ? 20 : 40) + UdpHeader + WireGuardOverhead;

    /// <summary>The largest packet on the way to an address, as the kernel knows it: the link's MTU, or less where a router has said so. Null where there is no way.</summary>
    public static int? To(TransportAddress remote, uint mark)
    {
        try
        {
            using Socket socket = new(remote.IsIpv4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6, SocketType.Dgram, ProtocolType.Udp);
            if (mark != 0) socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(mark)); // The way past the tunnel, not the one through it.
            socket.Connect(remote.ToIPEndPoint());
            byte[] value = new byte[sizeof(int)];
            socket.GetRawSocketOption(remote.IsIpv4 ? IpProtoIp : IpProtoIpv6, remote.IsIpv4 ? IpMtu : Ipv6Mtu, value);
            return BitConverter.ToInt32(value);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    /// <summary>The narrower of what the kernel knows and what padded checks have found; the longest that they ask for may not be the end.</summary>
    public static int? Narrower(int? kernel, int? found) => found < LongestFound ? Math.Min(kernel ?? LongestFound, found.Value) : kernel;

    /// <summary>Advises on the interface's MTU.</summary>
    /// <param name="interfaceName">WireGuard's interface.</param>
    /// <param name="mtu">Its MTU.</param>
    /// <param name="paths">The direct paths in use, with the largest packet of each.</param>
    /// <returns>A sentence; null where all fits.</returns>
    public static string? Advise(string interfaceName, int mtu, IEnumerable<(TransportAddress Remote, int Mtu)> paths)
    {
        (TransportAddress Remote, int Mtu)[] all = [.. paths];
        if (all.Length == 0) return null;
        (TransportAddress remote, int pathMtu) = all.MinBy(path => path.Mtu - OverheadTo(path.Remote));
        int fitting = pathMtu - OverheadTo(remote);
        return fitting >= mtu ? null : $"{interfaceName} has {mtu}, but only {fitting} fit into the {pathMtu} bytes of the way to {remote}: ip link set {interfaceName} mtu {fitting}";
    }
}
