using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>Holds a peer's packets for the moment in which there is no way to it yet. Not for two threads at once.</summary>
internal sealed class HoldQueue
{
    /// <summary>The most packets held: the start of any conversation, and no pile that arrives too late to matter.</summary>
    public const int MaxPackets = 32;

    /// <summary>How long a packet is worth keeping: whoever sent it sends it again by then.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(3);

    private readonly Queue<(byte[] Packet, Instant HeldAt)> _packets = [];

    /// <summary>Says whether nothing is held.</summary>
    public bool IsEmpty => _packets.Count == 0;

    /// <summary>Holds a copy of a packet, at the cost of the oldest where it is full.</summary>
    /// <returns>The packets dropped for it: those too old, and the oldest.</returns>
    public int Add(ReadOnlySpan<byte> packet, Instant now)
    {
        int dropped = DropOld(now);
        if (_packets.Count == MaxPackets)
        {
            _packets.Dequeue();
            dropped++;
        }

        _packets.Enqueue((packet.ToArray(), now));
        return dropped;
    }

    /// <summary>Drops what has been held for too long.</summary>
    public int DropOld(Instant now)
    {
        int dropped = 0;
        while (_packets.TryPeek(out (byte[] Packet, Instant HeldAt) oldest) && now - oldest.HeldAt > Lifetime)
        {
            _packets.Dequeue();
            dropped++;
        }

        return dropped;
    }

    /// <summary>The packets held, oldest first: they stay.</summary>
    public IEnumerable<byte[]> Packets => _packets.Select(held => held.Packet);

    /// <summary>Lets all go: they were sent.</summary>
    public void Clear() => _packets.Clear();
}
