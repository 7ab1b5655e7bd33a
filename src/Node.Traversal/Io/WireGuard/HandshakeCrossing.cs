namespace Node.Traversal.Io.WireGuard;

/// <summary>
/// Settles whose WireGuard handshake stands when both ends begin one at the same moment, as two agents that start together make them do.
/// Each end would answer the other's initiation and forget its own, so that neither answer is expected any more, and nothing passes until
/// both try again after five seconds. So one of the two, agreed beforehand, lets the other's initiation go while its own is on the way.
/// </summary>
internal sealed class HandshakeCrossing
{
    /// <summary>As long as a packet may be held for want of a way; then an initiation unanswered counts as lost, and the peer's as welcome.</summary>
    private const long WindowMilliseconds = 3000;

    private const int InitiationLength = 148;
    private const int ResponseLength = 92;
    private const long Never = long.MinValue / 2;

    private long _initiatedAt = Never; // Written by the thread that sends, and by those that deliver.

    /// <summary>Says whether this end's initiation stands.</summary>
    public bool IsWinner { get; set; }

    /// <summary>Looks at what WireGuard sends.</summary>
    public void NoteSent(ReadOnlySpan<byte> datagram, long nowMilliseconds)
    {
        if (IsInitiation(datagram)) Volatile.Write(ref _initiatedAt, nowMilliseconds);
    }

    /// <summary>Looks at what the peer sends. True where it is an initiation that crosses ours and must not reach WireGuard.</summary>
    public bool IsLoser(ReadOnlySpan<byte> datagram, long nowMilliseconds)
    {
        if (datagram.Length == ResponseLength && datagram[0] == 2) Volatile.Write(ref _initiatedAt, Never); // Ours has been answered.
        return IsWinner && IsInitiation(datagram) && nowMilliseconds - Volatile.Read(ref _initiatedAt) < WindowMilliseconds;
    }

    private static bool IsInitiation(ReadOnlySpan<byte> datagram) => datagram.Length == InitiationLength && datagram[0] == 1;
}
