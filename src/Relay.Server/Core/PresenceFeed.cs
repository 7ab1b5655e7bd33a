using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>
/// What a watcher (WatchConns) still has to hear: the keys about which something has changed. What there is to say of a key is looked up when
/// it is sent, so nothing said is out of date, changes of one key that wait together are said once, and no more waits than there are keys.
/// Any thread may call.
/// </summary>
internal sealed class PresenceFeed(Tenant tenant)
{
    /// <summary>The most keys that wait; a watcher that is behind by more is cut off, and begins anew.</summary>
    public const int MaxPending = 1 << 20;

    private readonly Lock _lock = new();
    private readonly HashSet<NodeKey> _isPending = [];
    private readonly Queue<NodeKey> _pending = new();

    /// <summary>Says whether nothing waits.</summary>
    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _pending.Count == 0;
        }
    }

    /// <summary>Something about that key has changed: it has come, come again, or left.</summary>
    /// <returns>False where too many wait.</returns>
    public bool TryMark(NodeKey key)
    {
        lock (_lock)
        {
            if (_pending.Count >= MaxPending) return false;
            if (_isPending.Add(key)) _pending.Enqueue(key);
            return true;
        }
    }

    /// <summary>Writes as many whole PeerPresent and PeerGone frames as fit.</summary>
    /// <returns>The bytes written.</returns>
    public int Take(Span<byte> destination)
    {
        int taken = 0;
        lock (_lock)
        {
            while (destination.Length - taken >= PeerPresentFrame.Length && _pending.TryDequeue(out NodeKey key))
            {
                _isPending.Remove(key); // Before it is looked up: a change from now on marks it again.
                taken += Write(destination[taken..], key);
            }
        }

        return taken;
    }

    private int Write(Span<byte> destination, NodeKey key)
    {
        if (tenant.Find(key)?.Active is { } client)
        {
            PeerPresentFrame.Write(destination, key, client.Remote, client.Flags);
            return PeerPresentFrame.Length;
        }

        PeerGoneFrame.Write(destination, key, PeerGoneReason.Disconnected);
        return PeerGoneFrame.Length;
    }
}
