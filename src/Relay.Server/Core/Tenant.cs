using System.Collections.Concurrent;
using System.Collections.Immutable;
using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>
/// Clients that can reach each other, and nobody else. A connection looks keys up in its own tenant only, so a key of another tenant looks
/// to it like one that is not connected. The same key in two tenants is two clients.
/// </summary>
internal sealed class Tenant(string name)
{
    /// <summary>The longest name of a tenant, in characters.</summary>
    public const int MaxNameLength = 64;

    private readonly ConcurrentDictionary<NodeKey, ClientSet> _clients = new();
    private readonly ConcurrentDictionary<NodeKey, RemoteClient> _remotes = new();
    private readonly Lock _remotesLock = new();
    private ImmutableArray<ClientConnection> _watchers = [];
    private readonly Lock _departedLock = new();
    private TrafficTotals _departed;

    /// <summary>Its name; empty for those who have no tenant.</summary>
    public string Name => name;

    /// <summary>The number of different keys connected.</summary>
    public int KeyCount => _clients.Count;

    /// <summary>The keys connected, each with its connections, as of now.</summary>
    public IEnumerable<ClientSet> Clients => _clients.Select(client => client.Value);

    /// <summary>What all its clients together have used of what they may send.</summary>
    public UsedRates Used { get; } = new();

    /// <summary>Connections that hold the tenant; kept by <see cref="TenantRegistry"/> under its lock.</summary>
    public int Connections { get; set; }

    /// <summary>Says whether <paramref name="name"/> may be a tenant's: letters, digits, '.', '_' and '-', so that it is safe in a log and a label.</summary>
    public static bool IsValidName(string name) =>
        name.Length is > 0 and <= MaxNameLength && name.All(character => char.IsAsciiLetterOrDigit(character) || character is '.' or '_' or '-');

    /// <summary>What its connections have sent and were sent, those that have left among them.</summary>
    public TrafficTotals Totals
    {
        get
        {
            TrafficTotals live = default;
            foreach (ClientSet set in Clients)
            {
                foreach (ClientConnection connection in set.Connections) live += connection.Traffic.Totals;
            }

            lock (_departedLock) return live + _departed;
        }
    }

    /// <summary>Keeps what a connection had counted, now that it leaves.</summary>
    public void KeepTotals(TrafficTotals totals)
    {
        lock (_departedLock) _departed += totals;
    }

    /// <summary>Finds a key's connections; null where there are none.</summary>
    public ClientSet? Find(NodeKey key) => _clients.TryGetValue(key, out ClientSet? set) ? set : null;

    /// <summary>Makes a client reachable under its key.</summary>
    public ClientSet Add(NodeKey key, ClientConnection connection)
    {
        while (true)
        {
            ClientSet set = _clients.GetOrAdd(key, static (added, tenant) => new ClientSet(added, tenant), this);
            if (set.TryAdd(connection)) return set;
            Remove(set); // Its last connection is leaving at this moment.
        }
    }

    /// <summary>Forgets a key that has no connections any more.</summary>
    public void Remove(ClientSet set) => _clients.TryRemove(new KeyValuePair<NodeKey, ClientSet>(set.Key, set));

    /// <summary>The number of keys that other relays of the region say are connected to them.</summary>
    public int RemoteKeyCount => _remotes.Count;

    /// <summary>Connections that are told who comes and who goes.</summary>
    public int WatcherCount => _watchers.Length;

    /// <summary>Finds a key at the other relays of the region; null where none has it.</summary>
    public RemoteClient? FindRemote(NodeKey key) => _remotes.TryGetValue(key, out RemoteClient? remote) ? remote : null;

    /// <summary>Another relay says that the key is connected to it.</summary>
    public void AddRemote(NodeKey key, MeshLink link)
    {
        lock (_remotesLock) _remotes.GetOrAdd(key, static _ => new RemoteClient()).Add(link);
    }

    /// <summary>Another relay takes it back. Where none is left and the key is not here either, those it has sent to are told.</summary>
    public void RemoveRemote(NodeKey key, MeshLink link, Departures departures, HashSet<ClientConnection> woken)
    {
        RemoteClient? remote;
        lock (_remotesLock)
        {
            if (!_remotes.TryGetValue(key, out remote) || !remote.Remove(link)) return;
            _remotes.TryRemove(key, out _);
        }

        if (Find(key) is { IsGone: false } local) remote.Receivers.MoveTo(local.Receivers, departures);
        else remote.Receivers.Tell(key, this, departures, woken);
    }

    /// <summary>Notes that a key at another relay has sent something to a client here.</summary>
    public void NoteForwarded(NodeKey source, ClientSet receiver, Departures departures) => FindRemote(source)?.Receivers.Note(receiver, departures);

    public void AddWatcher(ClientConnection watcher) => ImmutableInterlocked.Update(ref _watchers, static (watchers, added) => watchers.Add(added), watcher);

    public void RemoveWatcher(ClientConnection watcher)
    {
        if (watcher.Queue.Feed is not null) ImmutableInterlocked.Update(ref _watchers, static (watchers, removed) => watchers.Remove(removed), watcher);
    }

    /// <summary>Something about a key has changed: marks it for all who watch.</summary>
    public void TellWatchers(NodeKey key, HashSet<ClientConnection> woken)
    {
        foreach (ClientConnection watcher in _watchers)
        {
            if (watcher.Queue.Feed?.TryMark(key) ?? true) woken.Add(watcher);
            else watcher.Shell?.End(CloseReason.WriteTimeout); // It is so far behind that it had better begin anew.
        }
    }
}
