using System.Collections.Concurrent;

namespace Relay.Server.Core;

/// <summary>
/// Holds the clients that were refused and are kept all the same: told why, kept alive, and served nothing. A client that is cut off
/// without a word comes back at once and for ever; one that is told and cut off comes back even faster, for a frame resets its patience.
/// </summary>
internal sealed class QuarantineWard
{
    /// <summary>The most connections kept so; where there are as many, a refused client is cut off.</summary>
    public const int MaxConnections = 1000;

    /// <summary>How long one is kept.</summary>
    public static readonly TimeSpan Duration = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<ClientConnection, byte> _connections = new();
    private int _count;

    /// <summary>Connections kept so at present.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>The connections kept so, as of now.</summary>
    public IEnumerable<ClientConnection> Connections => _connections.Select(kept => kept.Key);

    /// <summary>Takes a place; false where there is none.</summary>
    public bool TryEnter(ClientConnection connection)
    {
        if (Interlocked.Increment(ref _count) > MaxConnections)
        {
            Interlocked.Decrement(ref _count);
            return false;
        }

        _connections.TryAdd(connection, 0);
        return true;
    }

    /// <summary>Gives a place back.</summary>
    public void Leave(ClientConnection connection)
    {
        _connections.TryRemove(connection, out _);
        Interlocked.Decrement(ref _count);
    }
}
