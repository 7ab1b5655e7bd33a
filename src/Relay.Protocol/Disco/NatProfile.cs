namespace Relay.Protocol.Disco;

/// <summary>How a NAT chooses the public port of a socket (RFC 4787 §4.1), as far as it is known.</summary>
public enum NatMapping : byte
{
    /// <summary>Not known: fewer than two STUN servers have answered.</summary>
    Unknown = 0,

    /// <summary>Endpoint-independent: one public port whatever the destination. A direct address, with no NAT, is this too.</summary>
    EndpointIndependent = 1,

    /// <summary>Address-dependent, or address- and port-dependent: another public port for another destination. A "hard" NAT.</summary>
    EndpointDependent = 2,
}

/// <summary>Whether UDP gets out and answers get back.</summary>
public enum UdpReach : byte
{
    /// <summary>Not known yet.</summary>
    Unknown = 0,

    /// <summary>STUN servers answer.</summary>
    Works = 1,

    /// <summary>No STUN server answers, though a relay can be reached.</summary>
    Blocked = 2,
}

/// <summary>What a node knows of the NAT it is behind.</summary>
/// <param name="Mapping">How its public port is chosen.</param>
/// <param name="Udp">Whether UDP works at all.</param>
public readonly record struct NatProfile(NatMapping Mapping, UdpReach Udp);
