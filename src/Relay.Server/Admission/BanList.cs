using System.Collections.Concurrent;
using Relay.Protocol;
using Timing;

namespace Relay.Server.Admission;

/// <summary>Keys that the operator has shut out for a time. It is kept in memory only: a restart forgets it, and what is to last belongs on the lists.</summary>
internal sealed class BanList
{
    /// <summary>The most bans at once; one more is refused.</summary>
    public const int MaxBans = 10_000;

    /// <summary>The longest ban.</summary>
    public static readonly TimeSpan MaxDuration = TimeSpan.FromDays(365);

    private readonly ConcurrentDictionary<NodeKey, Instant> _until = new();

    /// <summary>The bans that still hold, each with its end.</summary>
    public IEnumerable<(NodeKey Key, Instant Until)> At(Instant now) => _until.Where(ban => now < ban.Value).Select(ban => (ban.Key, ban.Value));

    /// <summary>Bans a key, or bans it anew; false where there are too many bans.</summary>
    public bool TryAdd(NodeKey key, Instant until, Instant now)
    {
        foreach ((NodeKey other, Instant end) in _until)
        {
            if (end <= now) _until.TryRemove(new KeyValuePair<NodeKey, Instant>(other, end));
        }

        if (_until.Count >= MaxBans && !_until.ContainsKey(key)) return false;
        _until[key] = until;
        return true;
    }

    /// <summary>Lets a key in again; false where it was not banned.</summary>
    public bool Remove(NodeKey key) => _until.TryRemove(key, out _);

    public bool Contains(NodeKey key, Instant now) => !_until.IsEmpty && _until.TryGetValue(key, out Instant until) && now < until;
}
