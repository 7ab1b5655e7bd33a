using System.Collections.Concurrent;
using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>Knows who is connected and brings packets to their queues. Shared by all connections; no lock is held for longer than a copy.</summary>
internal sealed class PacketRouter(RelayCounters counters)
{
    private readonly ConcurrentDictionary<NodeKey, ClientSet> _clients = new();

    public RelayCounters Counters => counters;

    /// <summary>What the queues of all clients share.</summary>
    public QueueMemory QueueMemory { get; init; } = new(QueueMemory.DefaultMaxBytes);

    /// <summary>The number of different keys connected.</summary>
    public int KeyCount => _clients.Count;

    /// <summary>Makes a client reachable under its key.</summary>
    public ClientSet Add(NodeKey key, ClientConnection connection)
    {
        while (true)
        {
            ClientSet set = _clients.GetOrAdd(key, static added => new ClientSet(added));
            if (set.TryAdd(connection)) return set;
            _clients.TryRemove(new KeyValuePair<NodeKey, ClientSet>(key, set)); // Its last connection is leaving at this moment.
        }
    }

    /// <summary>A connection has left. If it was the key's last, those it has sent to are told.</summary>
    /// <param name="set">The key's connections.</param>
    /// <param name="connection">The one that has left.</param>
    /// <param name="woken">Takes the connections that have something to send now.</param>
    public void Remove(ClientSet set, ClientConnection connection, HashSet<ClientConnection> woken)
    {
        if (!set.Remove(connection)) return;
        _clients.TryRemove(new KeyValuePair<NodeKey, ClientSet>(set.Key, set));

        Span<byte> gone = stackalloc byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(gone, set.Key, PeerGoneReason.Disconnected);
        foreach (NodeKey receiver in set.SentTo)
        {
            if (Find(receiver)?.Active is not { } active) continue;
            active.Queue.EnqueueControl(gone);
            woken.Add(active);
        }
    }

    /// <summary>Finds a key's connections; null where there are none.</summary>
    public ClientSet? Find(NodeKey key) => _clients.TryGetValue(key, out ClientSet? set) ? set : null;
}
