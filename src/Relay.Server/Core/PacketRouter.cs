namespace Relay.Server.Core;

/// <summary>Knows who is connected and brings packets to their queues. Shared by all connections; no lock is held for longer than a copy.</summary>
internal sealed class PacketRouter(RelayCounters counters)
{
    private ServerLimits _limits = new();
    private DrainNotice? _drain;

    public RelayCounters Counters => counters;

    /// <summary>What the queues of all clients share.</summary>
    public QueueMemory QueueMemory { get; init; } = new(QueueMemory.DefaultMaxBytes);

    public TenantRegistry Tenants { get; } = new();

    /// <summary>What the operator bounds; any thread may set others.</summary>
    public ServerLimits Limits
    {
        get => Volatile.Read(ref _limits);
        set => Volatile.Write(ref _limits, value);
    }

    /// <summary>What clients are told that come in while the relay is about to end; null = it is not. Any thread may set it.</summary>
    public DrainNotice? Drain
    {
        get => Volatile.Read(ref _drain);
        set => Volatile.Write(ref _drain, value);
    }

    /// <summary>Keys that have left, and whom to tell.</summary>
    public Departures Departures { get; } = new();

    /// <summary>Clients that were refused and are told so.</summary>
    public QuarantineWard Quarantine { get; } = new();

    /// <summary>The number of different keys connected, each counted once a tenant.</summary>
    public int KeyCount => Tenants.All.Sum(tenant => tenant.KeyCount);

    /// <summary>All connections of clients that are in, as of now.</summary>
    public IEnumerable<ClientConnection> Connections => Tenants.All.SelectMany(tenant => tenant.Clients).SelectMany(client => client.Connections);

    /// <summary>A connection has left. If it was the key's last, those it has sent to are told, some of them later.</summary>
    /// <param name="set">The key's connections.</param>
    /// <param name="connection">The one that has left.</param>
    /// <param name="woken">Takes the connections that have something to send now.</param>
    public void Remove(ClientSet set, ClientConnection connection, HashSet<ClientConnection> woken)
    {
        Tenant tenant = set.Tenant;
        bool isLast = set.Remove(connection);
        if (isLast) tenant.Remove(set);
        tenant.KeepTotals(connection.Traffic.Totals);
        Tenants.Leave(tenant);
        if (isLast) Departures.Add(set, woken);
    }
}
