using Relay.Protocol;

namespace Node.Traversal.Io.WireGuard;

/// <summary>
/// Tells a copy of a WireGuard handshake message from the first one. A node sends some packets twice (by both ways while a path is in doubt,
/// and again to a peer that has just come), which WireGuard's replay window takes care of for data. Handshakes have no such window: when
/// wireguard-go takes one response on two threads, it sets the session up twice, starts its packet counter anew, and the peer drops
/// what follows as replayed. WireGuard makes each message with fresh keys, so equal bytes are always a copy.
/// </summary>
internal sealed class HandshakeCopies
{
    private const int Remembered = 8; // Copies come within a round trip or two; a handshake has two messages.
    private const int SlotLength = 148; // The longest handshake message: the initiation.

    private byte[]? _messages; // Made with the first message: most peers of a large mesh are silent.
    private readonly int[] _lengths = new int[Remembered];
    private int _next;

    /// <summary>Says whether <paramref name="datagram"/> is a handshake message that has been here of late, and remembers it if not.</summary>
    public bool IsCopy(ReadOnlySpan<byte> datagram)
    {
        if (PacketKinds.Of(datagram) != PacketKind.WireGuardHandshake) return false;
        _messages ??= new byte[Remembered * SlotLength];
        for (int slot = 0; slot < Remembered; slot++)
        {
            if (datagram.SequenceEqual(_messages.AsSpan(slot * SlotLength, _lengths[slot]))) return true;
        }

        datagram.CopyTo(_messages.AsSpan(_next * SlotLength));
        _lengths[_next] = datagram.Length;
        _next = (_next + 1) % Remembered;
        return false;
    }
}
