using Addresses;

namespace Node.Traversal;

/// <summary>Whether the gateway lets the world in.</summary>
public enum PortMappingState
{
    /// <summary>It is not asked: port mapping is turned off.</summary>
    Off,

    /// <summary>There is no gateway.</summary>
    NoGateway,

    /// <summary>It is being asked.</summary>
    Asking,

    /// <summary>The node's port is mapped.</summary>
    Mapped,

    /// <summary>It maps no ports, or not for us.</summary>
    NotMapped,

    /// <summary>It would map a port, but its own address is none of the public internet: there is another NAT in front of it.</summary>
    NestedNat,
}

/// <summary>What became of one protocol of port mapping.</summary>
public enum PortMappingAnswer
{
    /// <summary>No answer yet.</summary>
    Asking,

    /// <summary>No answer in time. It is asked again, ever more rarely.</summary>
    Silent,

    /// <summary>The gateway says that it does not speak it.</summary>
    Absent,

    /// <summary>The gateway speaks it.</summary>
    Offered,

    /// <summary>The gateway speaks it and refuses; asked again after a while.</summary>
    Refused,

    /// <summary>Its external address is private, shared (RFC 6598), reserved or zero.</summary>
    NestedNat,
}

/// <summary>How one protocol of port mapping stands.</summary>
/// <param name="Answer">What the gateway made of it.</param>
/// <param name="Problem">Why there is no mapping, where the gateway said so; otherwise null.</param>
/// <param name="External">The external address, with the mapped port where there is a mapping; not valid where none was told.</param>
/// <param name="Lifetime">What was granted; zero where there is no mapping.</param>
public sealed record PortMappingOffer(PortMappingAnswer Answer, string? Problem, TransportAddress External, TimeSpan Lifetime)
{
    /// <summary>The gateway knows only leases without end: the mapping is renewed as if it ended after <see cref="Lifetime"/>, and a crash leaves it behind.</summary>
    public bool IsPermanent { get; init; }
}

/// <summary>The protocols by which ports are mapped, or pinholes made.</summary>
[Flags]
public enum PortMappingProtocols
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Port Control Protocol (RFC 6887).</summary>
    Pcp = 1,

    /// <summary>NAT-PMP (RFC 6886).</summary>
    NatPmp = 2,

    /// <summary>UPnP's Internet gateway device.</summary>
    Upnp = 4,
}

/// <summary>What a gateway offers, and whether the node's port is mapped; of an IPv6 gateway, whether its firewall has a pinhole for it.</summary>
/// <param name="State">Whether it is.</param>
/// <param name="Gateway">The gateway; not valid where there is none.</param>
/// <param name="Local">Our address on its network, with the internal port.</param>
/// <param name="Mapped">Where the world reaches the node; not valid where it is not mapped.</param>
/// <param name="Pcp">How PCP stands (RFC 6887); null where there is no gateway.</param>
/// <param name="NatPmp">How NAT-PMP stands (RFC 6886); null where there is no gateway, and for IPv6.</param>
/// <param name="Upnp">How UPnP stands: a mapping by WANIPConnection, or a pinhole by WANIPv6FirewallControl; null where there is no gateway.</param>
public sealed record PortMappingStatus(
    PortMappingState State, TransportAddress Gateway, TransportAddress Local, TransportAddress Mapped, PortMappingOffer? Pcp, PortMappingOffer? NatPmp, PortMappingOffer? Upnp)
{
    /// <summary>Port mapping is turned off.</summary>
    public static PortMappingStatus Off { get; } = new(PortMappingState.Off, default, default, default, null, null, null);

    /// <summary>There is no gateway to ask.</summary>
    public static PortMappingStatus NoGateway { get; } = new(PortMappingState.NoGateway, default, default, default, null, null, null);

    /// <summary>What the IPv6 gateway's firewall makes of the port; null where this is that.</summary>
    public PortMappingStatus? Pinhole { get; init; }

    /// <summary>Routers of the LAN that answered and are not the way out of it: they are not asked.</summary>
    public IReadOnlyList<TransportAddress> OtherRouters { get; init; } = [];

    /// <summary>Says whether a gateway was found.</summary>
    public bool HasGateway => Gateway.IsValid;

    /// <summary>The protocols that the gateway speaks, also where it refuses, or has another NAT in front of it.</summary>
    public PortMappingProtocols Offered =>
        Flag(Pcp, PortMappingProtocols.Pcp) | Flag(NatPmp, PortMappingProtocols.NatPmp) | Flag(Upnp, PortMappingProtocols.Upnp);

    /// <summary>Where the world reaches the node through gateways: by a mapping, and by a pinhole.</summary>
    internal IEnumerable<TransportAddress> AllMapped => ((IEnumerable<TransportAddress>)[Mapped, Pinhole?.Mapped ?? default]).Where(address => address.IsValid);

    private static PortMappingProtocols Flag(PortMappingOffer? offer, PortMappingProtocols flag) =>
        offer?.Answer is PortMappingAnswer.Offered or PortMappingAnswer.Refused or PortMappingAnswer.NestedNat ? flag : PortMappingProtocols.None;
}
