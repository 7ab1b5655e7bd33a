using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>
/// All connections of one key. Any number is kept and read; the one that last sent a frame receives.
/// </summary>
internal sealed class ClientSet(NodeKey key, Tenant tenant)
{
    private readonly Lock _lock = new();
    private ClientConnection[] _connections = []; // No list: nearly all hold one for their whole life, and there are many.
    private volatile ClientConnection? _active;

    public NodeKey Key => key;

    /// <summary>The tenant in which the key is known.</summary>
    public Tenant Tenant => tenant;

    /// <summary>The connection that receives; null once the last has left, and then for good.</summary>
    public ClientConnection? Active => _active;

    /// <summary>Whom the key has sent to: they hear of it when its last connection has gone.</summary>
    public PeerGoneTracker Receivers { get; } = new();

    /// <summary>Says whether the last connection has left: the set is no longer in the registry.</summary>
    public bool IsGone { get; private set; }

    /// <summary>Adds a connection, which receives from now on; false where the set is gone.</summary>
    public bool TryAdd(ClientConnection connection)
    {
        lock (_lock)
        {
            if (IsGone) return false;
            _connections = [.. _connections, connection];
            _active = connection;
            return true;
        }
    }

    /// <summary>The connection has sent a frame: it receives from now on.</summary>
    public void Activate(ClientConnection connection)
    {
        if (_active == connection) return;
        lock (_lock)
        {
            int index = Array.IndexOf(_connections, connection);
            if (index < 0) return; // It has left meanwhile.
            Array.Copy(_connections, index + 1, _connections, index, _connections.Length - index - 1);
            _connections[^1] = connection; // The latest writer last: it is next in line.
            _active = connection;
        }
    }

    /// <summary>Takes out the connection that has been silent longest, where there are more than <paramref name="most"/>: it is to end.</summary>
    public ClientConnection? TakeSurplus(int most)
    {
        lock (_lock)
        {
            if (_connections.Length <= most) return null;
            ClientConnection surplus = _connections[0];
            _connections = _connections[1..];
            return surplus;
        }
    }

    /// <summary>Removes a connection; the latest writer among the others receives from now on.</summary>
    /// <returns>True where it was the last.</returns>
    public bool Remove(ClientConnection connection)
    {
        lock (_lock)
        {
            _connections = [.. _connections.Where(other => other != connection)];
            if (_active == connection) _active = _connections.Length > 0 ? _connections[^1] : null;
            IsGone = _connections.Length == 0;
            return IsGone;
        }
    }

    /// <summary>All connections of the key, as of now.</summary>
    public ClientConnection[] Connections
    {
        get
        {
            lock (_lock) return [.. _connections];
        }
    }
}
