namespace Node.Traversal.Core.Netcheck;

/// <summary>What is remembered of the network that the node is in.</summary>
/// <param name="Name">Its name; what is learnt here is kept under it.</param>
internal sealed record KnownNetwork(NetworkFingerprint Name)
{
    /// <summary>The latencies of regions as they were last measured from there; empty where none were.</summary>
    public IReadOnlyDictionary<int, TimeSpan> Latencies { get; init; } = new Dictionary<int, TimeSpan>();

    /// <summary>Its NAT for IPv4; null = not known.</summary>
    public RememberedNat? Ipv4 { get; init; }

    /// <summary>Its NAT or firewall for IPv6; null = not known.</summary>
    public RememberedNat? Ipv6 { get; init; }
}
