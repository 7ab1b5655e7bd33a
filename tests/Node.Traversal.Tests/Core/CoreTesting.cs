using Addresses;
using Node.Traversal.Core;
using Relay.Protocol;
using Timing;

namespace Node.Traversal.Tests.Core;

/// <summary>Small helpers of the core's tests: addresses from text, keys from a number, entropy from a seed.</summary>
internal static class CoreTesting
{
    public static readonly Instant Start = Instant.Origin + TimeSpan.FromSeconds(1000);

    public static TransportAddress Address(string text) =>
        TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    public static NodeKeyPair Keys(byte seed)
    {
        byte[] secret = new byte[NodeKey.Length];
        Array.Fill(secret, seed);
        return NodeKeyPair.FromPrivateKey(secret);
    }

    public static EntropySource Entropy(int seed)
    {
        Random random = new(seed);
        return random.NextBytes;
    }

    public static TimeSpan Milliseconds(double milliseconds) => TimeSpan.FromMilliseconds(milliseconds);

    public static NodeContext Context(byte seed, RelayMap map, bool allowLoopback = false) => new(
        new NodeCoreOptions { Keys = Keys(seed), Entropy = Entropy(seed), StartedAt = 1_000_000 + seed, UdpPort = 5000, AllowLoopback = allowLoopback },
        map);

    /// <summary>Takes what the parts of a core have decided so far.</summary>
    public static NodeEvent[] Events(NodeContext context)
    {
        List<NodeEvent> events = [];
        while (context.TryDequeueEvent(out NodeEvent? nodeEvent)) events.Add(nodeEvent!);
        return [.. events];
    }

    public static RelayMap Map(params int[] regions) => new([.. regions.Select(id => new RelayRegion
    {
        Id = id,
        Code = $"r{id}",
        Nodes = [new RelayNode { Name = $"{id}a", HostName = $"relay{id}", Ipv4 = Address("198.19.1.10:0") }],
    })]);
}
