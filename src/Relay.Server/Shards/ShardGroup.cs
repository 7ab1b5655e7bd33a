using Relay.Server.Streams;

namespace Relay.Server.Shards;

/// <summary>The shards of a relay, one thread each.</summary>
internal sealed class ShardGroup : IDisposable
{
    /// <summary>The most shards: no machine we know of has more cores that help a relay.</summary>
    public const int MaxShards = 256;

    private readonly Shard[] _shards;
    private int _accepting;

    /// <summary>Makes shards and starts them.</summary>
    /// <param name="count">How many, 1 to <see cref="MaxShards"/>.</param>
    /// <param name="longestGathering">How long a shard may wait for more packets before it reads; zero = never.</param>
    /// <param name="services">What all endpoints share.</param>
    public ShardGroup(int count, TimeSpan longestGathering, EndpointServices services)
    {
        _shards = new Shard[count];
        for (int i = 0; i < count; i++) _shards[i] = new Shard(services, longestGathering, i);
        foreach (Shard shard in _shards) shard.Start();
    }

    public IReadOnlyList<Shard> All => _shards;

    /// <summary>The shard for one more listener.</summary>
    public Shard NextToAccept() => _shards[(uint)(Interlocked.Increment(ref _accepting) - 1) % (uint)_shards.Length];

    /// <summary>The shard with the fewest connections; among equals <paramref name="preferred"/>.</summary>
    public Shard LeastLoaded(Shard preferred)
    {
        Shard least = preferred;
        foreach (Shard shard in _shards)
        {
            if (shard.ConnectionCount < least.ConnectionCount) least = shard;
        }

        return least;
    }

    public void Dispose()
    {
        foreach (Shard shard in _shards) shard.Dispose();
    }
}
