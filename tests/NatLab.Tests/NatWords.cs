namespace NatLab.Tests;

/// <summary>What a kind of NAT is called in RFC 4787's words, as <c>relay-node</c> spells them.</summary>
internal static class NatWords
{
    public static string Mapping(NatKind kind) => kind.Mapping switch
    {
        NatMapping.AddressDependent => "address-dependent",
        NatMapping.EndpointDependent or NatMapping.Sequential => "address-and-port-dependent",
        _ => "endpoint-independent",
    };

    public static string Filtering(NatKind kind) => kind.Filtering switch
    {
        NatFiltering.EndpointIndependent => "endpoint-independent",
        NatFiltering.AddressDependent => "address-dependent",
        _ => "address-and-port-dependent",
    };

    public static string PortAllocation(NatKind kind) => kind.Mapping switch
    {
        NatMapping.None or NatMapping.EndpointIndependent => "preserving",
        NatMapping.Sequential => "sequential",
        _ => "random",
    };
}
