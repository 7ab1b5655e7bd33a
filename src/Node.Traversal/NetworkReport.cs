using Addresses;

namespace Node.Traversal;

/// <summary>What UDP is worth in one address family.</summary>
public enum UdpState
{
    /// <summary>Nobody could be asked: the map names no STUN server of this family.</summary>
    NotAsked,

    /// <summary>There is no way out in this family here.</summary>
    NoWay,

    /// <summary>Requests went out, and no answer came.</summary>
    Silent,

    /// <summary>Answers came.</summary>
    Works,
}

/// <summary>What one address family is like here.</summary>
/// <param name="Udp">What UDP is worth.</param>
/// <param name="PublicAddresses">How servers see this machine, without ports; the most often reported first.</param>
/// <param name="MappingVaries">Says whether different servers see one socket at different addresses or ports; null = fewer than two have answered.</param>
/// <param name="Behavior">What stands before this machine, in RFC 4787's words; null = not asked, or nobody answered.</param>
public sealed record FamilyReport(UdpState Udp, IReadOnlyList<TransportAddress> PublicAddresses, bool? MappingVaries, NatBehavior? Behavior);

/// <summary>How far away one region is.</summary>
/// <param name="RegionId">Its number in the map.</param>
/// <param name="Code">Its short name.</param>
/// <param name="Ipv4">The round trip of STUN over IPv4; null = no answer.</param>
/// <param name="Ipv6">The round trip of STUN over IPv6; null = no answer.</param>
/// <param name="Https">The time of an HTTPS request on a standing connection; null = not asked, because STUN answers, or no answer.</param>
public sealed record RegionReport(int RegionId, string Code, TimeSpan? Ipv4, TimeSpan? Ipv6, TimeSpan? Https)
{
    /// <summary>The lowest of them; null = the region does not answer.</summary>
    public TimeSpan? Latency => new[] { Ipv4, Ipv6, Https }.Min();
}

/// <summary>What the network here is like, as a node finds it.</summary>
public sealed record NetworkReport
{
    /// <summary>IPv4.</summary>
    public required FamilyReport Ipv4 { get; init; }

    /// <summary>IPv6.</summary>
    public required FamilyReport Ipv6 { get; init; }

    /// <summary>The regions of the map, the nearest first, those that do not answer last.</summary>
    public required IReadOnlyList<RegionReport> Regions { get; init; }

    /// <summary>The region a node would be at home in; 0 = none.</summary>
    public required int HomeRegion { get; init; }

    /// <summary>What the gateway offers in port mapping.</summary>
    public required PortMappingStatus PortMapping { get; init; }

    /// <summary>Says whether a captive portal stands before this network; null = not looked for, because UDP passes, or no relay could be asked.</summary>
    public bool? CaptivePortal { get; init; }

    /// <summary>The HTTP proxy by which relays are reached, all but exceptions; null = none.</summary>
    public HttpProxy? Proxy { get; init; }

    /// <summary>Says whether any region has answered.</summary>
    public bool IsAnswered => Regions.Any(region => region.Latency is not null);
}
