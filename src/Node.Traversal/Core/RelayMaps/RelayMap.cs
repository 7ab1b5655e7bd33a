using Addresses;
using Node.Traversal.Core.RelayMaps;

namespace Node.Traversal;

/// <summary>The relays a node may use, by region: the field's DERPMap.</summary>
/// <param name="Regions">The regions, ordered by id.</param>
public sealed record RelayMap(IReadOnlyList<RelayRegion> Regions)
{
    /// <summary>A map without relays: direct paths only, and no way to meet.</summary>
    public static RelayMap Empty { get; } = new([]);

    /// <summary>The region of that id, or null.</summary>
    public RelayRegion? Find(int regionId)
    {
        foreach (RelayRegion region in Regions)
        {
            if (region.Id == regionId) return region;
        }

        return null;
    }

    /// <summary>Reads DERPMap JSON.</summary>
    /// <exception cref="FormatException">Not a DERPMap: the message says what is wrong and where.</exception>
    public static RelayMap Parse(string json) => RelayMapJson.Parse(json);
}

/// <summary>A few relays behind one name; a client may use any of them.</summary>
public sealed record RelayRegion
{
    /// <summary>The region's number, 1 or more; operators use 900 to 999.</summary>
    public required int Id { get; init; }

    /// <summary>A short name, such as "lab"; never empty.</summary>
    public required string Code { get; init; }

    /// <summary>Says whether a node may be at home here: the map does not forbid it, and there is a relay in it.</summary>
    public bool MayBeHome { get; init; } = true;

    /// <summary>The machines, in the order in which they are tried.</summary>
    public required IReadOnlyList<RelayNode> Nodes { get; init; }

    /// <summary>Says whether there is a relay among the machines.</summary>
    public bool HasRelay => Nodes.Any(node => !node.IsStunOnly);
}

/// <summary>One machine of a region.</summary>
public sealed record RelayNode
{
    /// <summary>The machine's name in the map.</summary>
    public required string Name { get; init; }

    /// <summary>The host name: looked up where no address is given, sent as SNI, checked in the certificate.</summary>
    public required string HostName { get; init; }

    /// <summary>Another name to check the certificate for, or null; see <see cref="CertificatePin"/>.</summary>
    public string? CertificateName { get; init; }

    /// <summary>The SHA-256 of the certificate (DER) to insist on, in lower-case hexadecimal, or null.</summary>
    public string? CertificatePin { get; init; }

    /// <summary>The IPv4 address; not valid where the name must be looked up.</summary>
    public TransportAddress Ipv4 { get; init; }

    /// <summary>The IPv6 address; not valid where the name must be looked up.</summary>
    public TransportAddress Ipv6 { get; init; }

    /// <summary>Says that IPv4 is not to be used ("none" in the map).</summary>
    public bool IsIpv4Off { get; init; }

    /// <summary>Says that IPv6 is not to be used ("none" in the map).</summary>
    public bool IsIpv6Off { get; init; }

    /// <summary>The TCP port of the relay.</summary>
    public ushort RelayPort { get; init; } = 443;

    /// <summary>The UDP port of STUN; 0 = no STUN here.</summary>
    public ushort StunPort { get; init; } = 3478;

    /// <summary>Says that there is no relay here, only STUN.</summary>
    public bool IsStunOnly { get; init; }

    /// <summary>Says that it answers plain HTTP on port 80, for captive-portal checks ("CanPort80" in the map).</summary>
    public bool HasHttp { get; init; }

    /// <summary>Says that the certificate is not checked: for tests, and warned about.</summary>
    public bool InsecureForTests { get; init; }

    /// <summary>Says that the relay is reached by plain HTTP: ours, for tests and behind tunnels of another kind.</summary>
    public bool IsPlain { get; init; }
}
