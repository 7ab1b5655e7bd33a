using Node.Traversal;
using Relay.Protocol.Disco;

namespace Node.Agent.Control;

/// <summary>How the agent and its peers stand: what <c>relay-node status</c> shows.</summary>
/// <param name="Interface">The WireGuard interface.</param>
/// <param name="PublicKey">The node's own key, as WireGuard writes it.</param>
/// <param name="HomeRelay">The relay region the node is at home in, or null while it has none.</param>
/// <param name="UdpPort">The node's UDP port.</param>
/// <param name="Peers">The peers the agent carries.</param>
internal sealed record AgentStatus(string Interface, string PublicKey, RelayRegionStatus? HomeRelay, int UdpPort, IReadOnlyList<PeerStatusLine> Peers)
{
    /// <summary>What is known of the NAT for IPv4, or for IPv6 where there is no IPv4.</summary>
    public NatProfile Nat { get; init; }

    /// <summary>What is known of the NAT or firewall for IPv6.</summary>
    public NatProfile NatIpv6 { get; init; }

    /// <summary>Where the node tells its peers that it may be reached, best first.</summary>
    public IReadOnlyList<CandidateLine> Candidates { get; init; } = [];

    /// <summary>What the gateways make of the UDP port.</summary>
    public PortMappingStatus PortMapping { get; init; } = PortMappingStatus.Off;

    /// <summary>Why no relay is connected, where an attempt has failed; otherwise null.</summary>
    public string? RelayProblem { get; init; }

    /// <summary>Whether a captive portal stands before the network; null where it was not looked for, because UDP works, or cannot be told.</summary>
    public bool? CaptivePortal { get; init; }

    /// <summary>What to do about the tunnel's MTU, or null where nothing is.</summary>
    public string? MtuAdvice { get; init; }
}

/// <summary>A region of the relay map.</summary>
internal sealed record RelayRegionStatus(int RegionId, string RegionCode);

/// <summary>An address of the node.</summary>
/// <param name="Address">The address, with its port.</param>
/// <param name="Kind">How the node has come by it: RFC 8445's words and ours, with underscores.</param>
/// <param name="IsUnconfirmed">Says that it is one STUN server's word against that of others.</param>
internal sealed record CandidateLine(string Address, string Kind, bool IsUnconfirmed);

/// <summary>How one peer stands.</summary>
/// <param name="PublicKey">The peer's key, as WireGuard writes it.</param>
/// <param name="Path"><c>direct</c>, <c>relay</c> or <c>none</c>.</param>
/// <param name="Endpoint">The peer's address on a direct path, or null.</param>
/// <param name="Rtt">The round trip, or null where it was not measured.</param>
/// <param name="Since">Since when packets have gone this way.</param>
/// <param name="RxBytes">Bytes received from the peer.</param>
/// <param name="TxBytes">Bytes sent to it.</param>
/// <param name="Verdict">Why the path is not direct, or null where it is.</param>
internal sealed record PeerStatusLine(string PublicKey, string Path, string? Endpoint, TimeSpan? Rtt, DateTimeOffset Since, long RxBytes, long TxBytes, VerdictStatus? Verdict)
{
    /// <summary>How the peer has come by the endpoint, or null where the path is not direct.</summary>
    public string? EndpointKind { get; init; }

    /// <summary>The region that carries packets to the peer, or null where the path is not by relay.</summary>
    public RelayRegionStatus? Relay { get; init; }

    /// <summary>The longest IP packet that a direct path is known to carry whole, in bytes; null where it is not known, or the path is not direct.</summary>
    public int? PathMtu { get; init; }

    /// <summary>How often a direct path was left because data did not arrive there though checks were answered.</summary>
    public int PutBacks { get; init; }

    /// <summary>The peer's addresses that are left alone at present for that.</summary>
    public IReadOnlyList<string> PutBackEndpoints { get; init; } = [];
}

/// <summary>A reason, for programs and for people.</summary>
/// <param name="Code">The reason.</param>
/// <param name="Text">The reason in a sentence.</param>
internal sealed record VerdictStatus(string Code, string Text)
{
    /// <summary>Where it failed.</summary>
    public string Stage { get; init; } = "";

    /// <summary>What would help.</summary>
    public string Remedy { get; init; } = "";

    /// <summary>What would help, in words; null where there is nothing to do.</summary>
    public string? RemedyText { get; init; }

    /// <summary>What was tried.</summary>
    public IReadOnlyList<string> Tried { get; init; } = [];

    /// <summary>The chance that was given to making a hole, or null where it does not come to that.</summary>
    public double? Probability { get; init; }

    /// <summary>Why that was not attempted, or null.</summary>
    public string? NotAttempted { get; init; }

    /// <summary>What is known of the NAT at this end.</summary>
    public NatProfile Here { get; init; }

    /// <summary>What the peer has told of its NAT.</summary>
    public NatProfile There { get; init; }
}
