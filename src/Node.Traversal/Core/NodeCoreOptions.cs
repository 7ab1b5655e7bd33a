using Addresses;
using Node.Traversal.Core.Paths;
using Relay.Protocol;

namespace Node.Traversal.Core;

/// <summary>Fills a span with random bytes. A core is handed its entropy like its time.</summary>
internal delegate void EntropySource(Span<byte> destination);

/// <summary>What a node is, for the core.</summary>
internal sealed record NodeCoreOptions
{
    /// <summary>The node's keys.</summary>
    public required NodeKeyPair Keys { get; init; }

    /// <summary>Where randomness comes from: nonces, check ids, the disco key, jitter.</summary>
    public required EntropySource Entropy { get; init; }

    /// <summary>Microseconds since 1970 at this start; later than at any start before (the shell keeps it on disk).</summary>
    public required long StartedAt { get; init; }

    /// <summary>The local UDP port, the same for both families.</summary>
    public required ushort UdpPort { get; init; }

    /// <summary>Where the node may be reached, as its user says: told to peers.</summary>
    public IReadOnlyList<TransportAddress> AdvertisedAddresses { get; init; } = [];

    /// <summary>Says whether there is an IPv4 socket.</summary>
    public bool HasIpv4 { get; init; } = true;

    /// <summary>Says whether there is an IPv6 socket.</summary>
    public bool HasIpv6 { get; init; } = true;

    /// <summary>Says that loopback addresses are candidates: for tests and demonstrations on one machine.</summary>
    public bool AllowLoopback { get; init; }
}

/// <summary>What is known of a peer beforehand.</summary>
internal sealed record PeerOptions
{
    /// <summary>The peer's public key.</summary>
    public required NodeKey Key { get; init; }

    /// <summary>The peer's AllowedIPs: an address in here leads through the tunnel and is no candidate.</summary>
    public IReadOnlyList<IpPrefix> TunnelRanges { get; init; } = [];

    /// <summary>Addresses worth trying, from the configuration or from before a restart.</summary>
    public IReadOnlyList<TransportAddress> ExtraCandidates { get; init; } = [];

    /// <summary>The peer's home region as it was last known; 0 = unknown.</summary>
    public int LastHomeRegion { get; init; }

    /// <summary>What the data plane notes of this peer's traffic.</summary>
    public required PathTraffic Traffic { get; init; }
}
