using Addresses;

namespace Relay.Protocol.Disco;

/// <summary>How a node has come by an address where it may be reached (RFC 8445 §5.1.1).</summary>
public enum CandidateKind : byte
{
    /// <summary>A kind that we do not know.</summary>
    Unknown = 0,

    /// <summary>An address of one of its interfaces.</summary>
    Host = 1,

    /// <summary>What a STUN server sees.</summary>
    ServerReflexive = 2,

    /// <summary>A port that a gateway maps, or a pinhole in its firewall.</summary>
    PortMapped = 3,

    /// <summary>Given by its user.</summary>
    Configured = 4,

    /// <summary>The public address with the local port: behind a hard NAT somebody may have forwarded that one.</summary>
    LocalPort = 5,
}

/// <summary>An address where a node may be reached. It is a guess until a check is answered there.</summary>
/// <param name="Address">The address.</param>
/// <param name="Kind">How the node has come by it.</param>
public readonly record struct Candidate(TransportAddress Address, CandidateKind Kind)
{
    /// <summary>Says that it is one STUN server's word against that of others.</summary>
    public bool IsUnconfirmed { get; init; }
}
