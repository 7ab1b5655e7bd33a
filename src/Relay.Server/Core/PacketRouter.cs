using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Core;

/// <summary>Knows who is connected and brings packets to their queues. Shared by all connections; no lock is held for longer than a copy.</summary>
internal sealed class PacketRouter(RelayCounters counters)
{
    public RelayCounters Counters => counters;

    /// <summary>What the queues of all clients share.</summary>
    public QueueMemory QueueMemory { get; init; } = new(QueueMemory.DefaultMaxBytes);

    public TenantRegistry Tenants { get; } = new();

    /// <summary>Clients that were refused and are told so.</summary>
    public QuarantineWard Quarantine { get; } = new();

    /// <summary>The number of different keys connected, each counted once a tenant.</summary>
    public int KeyCount => Tenants.All.Sum(tenant => tenant.KeyCount);

    /// <summary>A connection has left. If it was the key's last, those it has sent to are told.</summary>
    /// <param name="set">The key's connections.</param>
    /// <param name="connection">The one that has left.</param>
    /// <param name="woken">Takes the connections that have something to send now.</param>
    public void Remove(ClientSet set, ClientConnection connection, HashSet<ClientConnection> woken)
    {
        Tenant tenant = set.Tenant;
        bool isLast = set.Remove(connection);
        if (isLast) tenant.Remove(set);
        Tenants.Leave(tenant);
        if (!isLast) return;

        Span<byte> gone = stackalloc byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(gone, set.Key, PeerGoneReason.Disconnected);
        foreach (NodeKey receiver in set.SentTo)
        {
            if (tenant.Find(receiver)?.Active is not { } active) continue;
            active.Queue.EnqueueControl(gone);
            woken.Add(active);
        }
    }
}
