using Addresses;
using Relay.Protocol;
using Relay.Protocol.Disco;

namespace Node.Traversal;

/// <summary>How a node and its peers stand.</summary>
/// <param name="Self">The node.</param>
/// <param name="Peers">Its peers.</param>
public sealed record NodeStatus(SelfStatus Self, IReadOnlyList<PeerStatus> Peers);

/// <summary>How the node itself stands.</summary>
/// <param name="PublicKey">Its name.</param>
/// <param name="HomeRelay">The region it is at home in; null = none yet, or its relay is not connected.</param>
/// <param name="UdpPort">Its local UDP port.</param>
public sealed record SelfStatus(NodeKey PublicKey, HomeRelay? HomeRelay, ushort UdpPort)
{
    /// <summary>Why there is no home relay: what came of the last attempt, as a sentence without a full stop; null where there is one, or none was tried.</summary>
    public string? RelayProblem { get; init; }

    /// <summary>What is known of the NAT for IPv4, or for IPv6 where there is no IPv4.</summary>
    public NatProfile Nat { get; init; }

    /// <summary>What is known of the NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 { get; init; }

    /// <summary>
    /// Says whether a captive portal stands before this network, so that a person must open a web page before anything passes: true, false, or null
    /// where it was not looked for, because UDP works, or cannot be told. Looked for while no STUN server answers, by plain HTTP at relays that serve it.
    /// </summary>
    public bool? CaptivePortal { get; init; }

    /// <summary>Where it tells its peers that it may be reached, best first; at most 32. Link-local IPv6 addresses are not among them: only peers on the same link hear those.</summary>
    public IReadOnlyList<Candidate> Candidates { get; init; } = [];

    /// <summary>What the gateway makes of the port.</summary>
    public PortMappingStatus PortMapping { get; init; } = PortMappingStatus.Off;
}

/// <summary>A home region.</summary>
/// <param name="RegionId">Its number in the relay map.</param>
/// <param name="RegionCode">Its short name there.</param>
public sealed record HomeRelay(int RegionId, string RegionCode);

/// <summary>The region that carries packets to a peer.</summary>
/// <param name="RegionId">Its number in the relay map.</param>
/// <param name="RegionCode">Its short name there.</param>
public sealed record PeerRelay(int RegionId, string RegionCode);

/// <summary>How one peer stands.</summary>
public sealed record PeerStatus
{
    /// <summary>The peer's name.</summary>
    public required NodeKey PublicKey { get; init; }

    /// <summary>How packets to it travel.</summary>
    public required PathKind Path { get; init; }

    /// <summary>Its address on a direct path; null otherwise.</summary>
    public TransportAddress? Endpoint { get; init; }

    /// <summary>
    /// How the peer has come by <see cref="Endpoint"/>: <see cref="CandidateKind.Unknown"/> where it does not say how, as nodes of others do not; null
    /// where it has not told that address (one of its checks came from there: peer-reflexive), or where the path is not direct.
    /// </summary>
    public CandidateKind? EndpointKind { get; init; }

    /// <summary>The relay region that carries packets to it; null on a direct path, or where there is none. The way back may be by another.</summary>
    public PeerRelay? Relay { get; init; }

    /// <summary>The round trip on a direct path, where it was measured.</summary>
    public TimeSpan? Rtt { get; init; }

    /// <summary>
    /// The longest IP packet that the direct path is known to carry without being cut, in bytes, with the IP and UDP headers: 1280 to 1500, which
    /// is the most that is asked for. Found by padded checks once data has passed (RFC 8899), and again every 10 minutes while it does. Null
    /// where it is not known yet, where not even 1280 was answered, where the platform cannot ask, or where the path is not direct.
    /// </summary>
    public int? PathMtu { get; init; }

    /// <summary>How often, since it was added, a direct path to it was left because data sent there did not arrive though checks were answered.</summary>
    public int PutBacks { get; init; }

    /// <summary>Addresses of it that are left alone at present for that: for 30 s the first time, twice as long each time after, 10 min at most.</summary>
    public IReadOnlyList<TransportAddress> PutBackEndpoints { get; init; } = [];

    /// <summary>Since when packets have travelled this way.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>Bytes of datagrams received from it.</summary>
    public long RxBytes { get; init; }

    /// <summary>Bytes of datagrams sent to it.</summary>
    public long TxBytes { get; init; }

    /// <summary>Why it is not reached directly; null where it is.</summary>
    public PathVerdict? Verdict { get; init; }
}

/// <summary>Packets to a peer travel another way from now on, or more is known of how long they may be.</summary>
/// <param name="Peer">The peer.</param>
/// <param name="Path">The way.</param>
/// <param name="Endpoint">The peer's address on a direct path; null otherwise.</param>
public sealed record PathChange(NodeKey Peer, PathKind Path, TransportAddress? Endpoint)
{
    /// <summary>As <see cref="PeerStatus.PathMtu"/>: a moment after a path is taken into use it is found, and told in a change of its own.</summary>
    public int? PathMtu { get; init; }
}
