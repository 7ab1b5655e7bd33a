using System.Buffers.Binary;

namespace Simulation;

/// <summary>Data packets of simulated nodes: they look like WireGuard's, and carry a number, so that losses and doubles show.</summary>
public static class SimData
{
    private const byte TransportData = 4; // WireGuard's type.
    private const int Length = 16, NumberAt = 8;

    /// <summary>The packet with that number.</summary>
    public static byte[] Of(long number)
    {
        byte[] packet = new byte[Length];
        packet[0] = TransportData;
        BinaryPrimitives.WriteInt64BigEndian(packet.AsSpan(NumberAt), number);
        return packet;
    }

    /// <summary>Says whether a datagram is such a packet.</summary>
    public static bool Is(ReadOnlySpan<byte> datagram) => datagram is [TransportData, ..];

    /// <summary>The number in a packet.</summary>
    public static long NumberOf(ReadOnlySpan<byte> packet) => BinaryPrimitives.ReadInt64BigEndian(packet[NumberAt..]);
}
