using Addresses;

namespace Stun.Server.Core;

/// <summary>How many connections there may be: in all, and of one prefix, so that nobody takes them all. Loopback counts only in all. Any thread.</summary>
internal sealed class ConnectionLimiter(int most)
{
    private const int PrefixShare = 8; // A prefix may have an eighth.

    private readonly Lock _lock = new();
    private readonly Dictionary<SourcePrefix, int> _ofPrefix = []; // No larger than the number of connections.
    private int _most = most;
    private int _count;

    /// <summary>How many there are.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Changes how many there may be. Those there are stay.</summary>
    public void SetMost(int most)
    {
        lock (_lock) _most = most;
    }

    /// <summary>Counts a connection in. False where there are too many: then it is not counted.</summary>
    public bool TryEnter(TransportAddress source)
    {
        lock (_lock)
        {
            if (_count >= _most) return false;
            if (!ForgedSources.IsLoopback(source))
            {
                SourcePrefix prefix = SourcePrefix.Of(source);
                int count = _ofPrefix.GetValueOrDefault(prefix);
                if (count >= Math.Max(1, _most / PrefixShare)) return false;
                _ofPrefix[prefix] = count + 1;
            }

            _count++;
            return true;
        }
    }

    /// <summary>Counts out a connection that <see cref="TryEnter"/> let in.</summary>
    public void Leave(TransportAddress source)
    {
        lock (_lock)
        {
            _count--;
            if (ForgedSources.IsLoopback(source)) return;

            SourcePrefix prefix = SourcePrefix.Of(source);
            int count = _ofPrefix.GetValueOrDefault(prefix) - 1;
            if (count > 0) _ofPrefix[prefix] = count;
            else _ofPrefix.Remove(prefix);
        }
    }
}
