using System.Runtime.InteropServices;

namespace Datagrams.Linux;

/// <summary>
/// A control message that limits the hops of one datagram: <c>struct cmsghdr</c> (length, 64 bits; level, 32; type, 32) and an int, padded to
/// 24 bytes. Nothing of it stays with the socket.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 24)]
internal readonly struct HopLimit(bool isIpv4, byte hops)
{
    private readonly long _length = 20; // Without the padding.
    private readonly int _level = isIpv4 ? LibC.IpProtoIp : LibC.IpProtoIpv6;
    private readonly int _type = isIpv4 ? LibC.IpTtl : LibC.Ipv6HopLimit;
    private readonly int _hops = hops;
}
