namespace Relay.Protocol.Disco;

/// <summary>Which public address and port a NAT gives to one local address and port (RFC 4787 §4.1), as far as it is known.</summary>
public enum NatMapping : byte
{
    /// <summary>Not known: fewer than two STUN servers have answered.</summary>
    Unknown = 0,

    /// <summary>Endpoint-independent: one public port whatever the destination. A direct address, with no NAT, is this too.</summary>
    EndpointIndependent = 1,

    /// <summary>Another public port for another destination; whether its address decides, or its port too, is not known. A "hard" NAT.</summary>
    EndpointDependent = 2,

    /// <summary>Address-dependent: another public port for another destination address. A "hard" NAT.</summary>
    AddressDependent = 3,

    /// <summary>Address- and port-dependent: another public port for another destination address or port. A "hard" NAT.</summary>
    AddressAndPortDependent = 4,
}

/// <summary>Whose packets a NAT or a firewall lets in (RFC 4787 §5).</summary>
public enum NatFiltering : byte
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>Endpoint-independent: anybody's.</summary>
    EndpointIndependent = 1,

    /// <summary>Address-dependent: those of addresses that were sent to.</summary>
    AddressDependent = 2,

    /// <summary>Address- and port-dependent: those of addresses and ports that were sent to.</summary>
    AddressAndPortDependent = 3,
}

/// <summary>How a NAT chooses the public port of a new mapping (RFC 4787 §4.2).</summary>
public enum NatPortAllocation : byte
{
    /// <summary>Not known.</summary>
    Unknown = 0,

    /// <summary>The local port, where it is free (port preservation).</summary>
    Preserving = 1,

    /// <summary>The next one, or the one a step further.</summary>
    Sequential = 2,

    /// <summary>Any.</summary>
    Random = 3,
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

/// <summary>What a node knows of the NAT it is behind, in RFC 4787's words, for one address family.</summary>
/// <param name="Mapping">How its public port is chosen.</param>
/// <param name="Udp">Whether UDP works at all.</param>
public readonly record struct NatProfile(NatMapping Mapping, UdpReach Udp)
{
    /// <summary>Below this are the well-known ports, which belong to services: no NAT maps there, and nobody is knocked up there.</summary>
    public const ushort LowestUsablePort = 1024;

    /// <summary>Whose packets come in.</summary>
    public NatFiltering Filtering { get; init; }

    /// <summary>How the port of a new mapping is chosen.</summary>
    public NatPortAllocation Allocation { get; init; }

    /// <summary>From one new mapping's port to the next, negative where they fall; 0 where <see cref="Allocation"/> is not sequential.</summary>
    public short PortStep { get; init; }

    /// <summary>The lowest public port of the block that the NAT keeps this machine to; 0 = it is not known to be kept to one.</summary>
    public ushort LowestPort { get; init; }

    /// <summary>The highest public port of that block; 0 = none is known.</summary>
    public ushort HighestPort { get; init; }

    /// <summary>Says whether hosts behind the NAT reach each other by their public addresses; null = not known.</summary>
    public bool? Hairpins { get; init; }

    /// <summary>How long an idle mapping lives, in whole seconds, 1 to 65 535; 0 = not measured.</summary>
    public ushort LifetimeSeconds { get; init; }

    /// <summary>Says that more than one NAT stands between the machine and the world.</summary>
    public bool IsNested { get; init; }

    /// <summary>Says that the outer NAT is a carrier's: an address on the way is in 100.64.0.0/10 (RFC 6598).</summary>
    public bool IsCarrierGrade { get; init; }

    /// <summary>Says that a router here offers to map ports (PCP, NAT-PMP or UPnP).</summary>
    public bool OffersPortMapping { get; init; }

    /// <summary>Says that a peer cannot know beforehand which public port a packet to it will come from.</summary>
    public bool IsHard => Mapping >= NatMapping.EndpointDependent;

    /// <summary>How many public ports a new mapping may get: the block's size where one is known, else all that are not well-known.</summary>
    public int PortRange => HighestPort != 0 ? HighestPort - LowestPort + 1 : ushort.MaxValue - LowestUsablePort + 1;
}
