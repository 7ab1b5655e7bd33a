using NatLab;

namespace Demo;

/// <summary>Draws who is where.</summary>
internal static class Sketch
{
    private const int Column = 42;

    /// <summary>The whole picture.</summary>
    public static string Of(TunnelLab lab)
    {
        IEnumerable<string> sites = Lines(lab.A).Zip(Lines(lab.B), (one, other) => one.PadRight(Column) + other);
        return $"""
                         relay-server {Lab.ServerAddress}:443, STUN there and at {Lab.ServerSecondAddress}
                                             │
               ┌─────────────────────────────┴───────────┐
            {string.Join("\n", sites)}
            """;
    }

    /// <summary>A line, for those who have seen the picture.</summary>
    public static string InShort(TunnelLab lab) =>
        $"a behind {lab.A.Host.Site!.PublicAddress} ({Describe(lab.A.Host.Site.Kind)}), b behind {lab.B.Host.Site!.PublicAddress} ({Describe(lab.B.Host.Site.Kind)})";

    private static string[] Lines(TunnelNode node) =>
    [
        $"NAT {node.Host.Site!.PublicAddress}, {node.Host.Site.Kind}",
        $"    {Describe(node.Host.Site.Kind)}",
        "   │",
        $"{node.Host.Name}  {node.Host.Address}",
        $"   wireguard-go and relay-node",
        $"   {node.TunnelAddress} in the tunnel",
    ];

    private static string Describe(NatKind kind) => kind.Mapping switch
    {
        NatMapping.None => "no NAT",
        NatMapping.EndpointDependent => "another random port per destination",
        _ => "one random port for all destinations",
    };
}
