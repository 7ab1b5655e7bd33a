using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace NatLab.Tests;

/// <summary>STUN requests from sources that do not exist: each from another address. Only inside a namespace, and never more than it was told.</summary>
internal sealed class ForgedFlood : IDisposable
{
    private const int RequestLength = 20; // A bare binding request.
    private const int UdpLength = 8 + RequestLength;
    private const int PacketLength = 20 + UdpLength;
    private const uint FirstSource = 0x40000000; // 64.0.0.0/6, which a lab has no other use for.
    private const int SourceBits = 26;
    private const uint Stride = 67; // Odd: all addresses differ, and neighbours in time share no /24 for long.
    private const int SourcePort = 5000;

    private readonly Socket _socket;
    private readonly byte[] _packet = new byte[PacketLength];
    private readonly SocketAddress _destination;

    public ForgedFlood(NetworkNamespace inside, IPEndPoint destination)
    {
        _socket = inside.Enter(() => new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Raw)); // Its packets bring their own IP header.
        _destination = new IPEndPoint(destination.Address, 0).Serialize();

        _packet[0] = 0x45; // Version 4, five words of header. The kernel adds length and checksum.
        _packet[8] = 64; // Hops.
        _packet[9] = 17; // UDP.
        destination.Address.TryWriteBytes(_packet.AsSpan(16), out _);
        BinaryPrimitives.WriteUInt16BigEndian(_packet.AsSpan(20), SourcePort);
        BinaryPrimitives.WriteUInt16BigEndian(_packet.AsSpan(22), (ushort)destination.Port);
        BinaryPrimitives.WriteUInt16BigEndian(_packet.AsSpan(24), UdpLength);
        _packet[29] = 1; // A binding request, and below it the magic cookie.
        BinaryPrimitives.WriteUInt32BigEndian(_packet.AsSpan(32), 0x2112a442);
    }

    /// <summary>The range that all sources are in: where its answers must end.</summary>
    public static string Sources => "64.0.0.0/6";

    /// <summary>Sends one request from each of <paramref name="count"/> sources, in bursts of a millisecond.</summary>
    /// <returns>How long it took: longer than asked for where the machine is busy.</returns>
    public TimeSpan Send(int count, int perSecond)
    {
        long start = Stopwatch.GetTimestamp();
        for (uint i = 0; i < count;)
        {
            long due = Math.Min(count, (long)(Stopwatch.GetElapsedTime(start).TotalSeconds * perSecond));
            due = Math.Min(due, i + (perSecond / 100)); // What the machine kept us from sending is not made up for in one go.
            for (; i < due; i++) SendOne(i);
            Thread.Sleep(1);
        }

        return Stopwatch.GetElapsedTime(start);
    }

    public void Dispose() => _socket.Dispose();

    private void SendOne(uint number)
    {
        uint source = FirstSource + ((number * Stride) & ((1u << SourceBits) - 1));
        BinaryPrimitives.WriteUInt32BigEndian(_packet.AsSpan(12), source);
        BinaryPrimitives.WriteUInt32BigEndian(_packet.AsSpan(36), number);
        _socket.SendTo(_packet, SocketFlags.None, _destination);
    }
}
