namespace NatLab;

/// <summary>How a NAT chooses the public port of a flow (RFC 4787 §4.1).</summary>
public enum NatMapping
{
    /// <summary>No NAT: the hosts have public addresses.</summary>
    None,

    /// <summary>Endpoint-independent, and the port is kept.</summary>
    EndpointIndependent,

    /// <summary>Endpoint-independent with a random port: what most home routers and carrier NATs do.</summary>
    EndpointIndependentRandom,

    /// <summary>Address-and-port-dependent with random ports: every destination sees another port.</summary>
    EndpointDependent,
}

/// <summary>Whom a NAT lets in through a mapping (RFC 4787 §5).</summary>
public enum NatFiltering
{
    /// <summary>Anyone.</summary>
    EndpointIndependent,

    /// <summary>Addresses that the mapping has sent to.</summary>
    AddressDependent,

    /// <summary>Addresses and ports that the mapping has sent to.</summary>
    AddressAndPortDependent,
}

/// <summary>A NAT's behaviour, spelled <c>mapping-filtering</c> as in <c>eimr-apdf</c>, or <c>pub</c> for none.</summary>
public readonly record struct NatKind(NatMapping Mapping, NatFiltering Filtering)
{
    public static NatKind Public => new(NatMapping.None, NatFiltering.EndpointIndependent);

    public bool IsPublic => Mapping == NatMapping.None;

    /// <exception cref="FormatException">The text is not the name of a kind.</exception>
    public static NatKind Parse(string text)
    {
        if (text == "pub") return Public;

        return text.Split('-') is [var mapping, var filtering]
            ? new NatKind(ParseMapping(mapping), ParseFiltering(filtering))
            : throw new FormatException($"'{text}' is not a NAT kind: pub, or mapping-filtering such as eimr-apdf.");
    }

    public override string ToString() => IsPublic ? "pub" : $"{MappingName}-{FilteringName}";

    private string MappingName => Mapping switch
    {
        NatMapping.EndpointIndependent => "eim",
        NatMapping.EndpointIndependentRandom => "eimr",
        _ => "edm",
    };

    private string FilteringName => Filtering switch
    {
        NatFiltering.EndpointIndependent => "eif",
        NatFiltering.AddressDependent => "adf",
        _ => "apdf",
    };

    private static NatMapping ParseMapping(string name) => name switch
    {
        "eim" => NatMapping.EndpointIndependent,
        "eimr" => NatMapping.EndpointIndependentRandom,
        "edm" => NatMapping.EndpointDependent,
        _ => throw new FormatException($"'{name}' is not a mapping: eim, eimr or edm."),
    };

    private static NatFiltering ParseFiltering(string name) => name switch
    {
        "eif" => NatFiltering.EndpointIndependent,
        "adf" => NatFiltering.AddressDependent,
        "apdf" => NatFiltering.AddressAndPortDependent,
        _ => throw new FormatException($"'{name}' is not a filtering: eif, adf or apdf."),
    };
}
