using Addresses;
using BenchmarkDotNet.Attributes;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal;
using Relay.Protocol;
using Timing;

namespace Benchmarks;

/// <summary>What the data plane pays per batch to follow the path, and what the core pays per wake-up with many idle peers.</summary>
[MemoryDiagnoser]
public class PathBenchmarks
{
    private readonly PathTraffic _traffic = new();
    private readonly SelectedPath _path = SelectedPath.Direct(new PairId(SocketId.Ipv4, TransportAddress.FromIpv4(0xc6120202, 5000)), 900, isSuspect: false);
    private NodeCore _core = null!;
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(1);

    [GlobalSetup]
    public void Prepare()
    {
        Random random = new(1);
        _core = new NodeCore(
            new NodeCoreOptions { Keys = Keys(random), Entropy = random.NextBytes, StartedAt = 1, UdpPort = 50000 },
            RelayMap.Empty,
            _now);
        for (int i = 0; i < 1000; i++) _core.HandlePeerAdded(new PeerOptions { Key = Keys(random).PublicKey, Traffic = new PathTraffic() }, _now);
    }

    [Benchmark]
    public int Follow_the_path_for_a_batch()
    {
        _now += TimeSpan.FromMicroseconds(10);
        _traffic.NoteSent(_now);
        return _traffic.CopiesByRelay(_path, 1, _now);
    }

    [Benchmark]
    public Instant? Wake_a_core_with_a_thousand_idle_peers()
    {
        _core.HandleTimeout(_now);
        return _core.NextTimeout;
    }

    private static NodeKeyPair Keys(Random random)
    {
        byte[] secret = new byte[NodeKey.Length];
        random.NextBytes(secret);
        return NodeKeyPair.FromPrivateKey(secret);
    }
}
