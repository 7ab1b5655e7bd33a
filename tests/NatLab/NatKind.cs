using System.Globalization;

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

    /// <summary>Address-dependent with random ports: every destination address sees another port.</summary>
    AddressDependent,

    /// <summary>Address-and-port-dependent with random ports: every destination sees another port.</summary>
    EndpointDependent,

    /// <summary>Address-and-port-dependent, and every destination sees the next port.</summary>
    Sequential,
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

/// <summary>The public ports that a NAT uses, both ends included.</summary>
public sealed record PortRange(int First, int Last)
{
    public override string ToString() => $"{First}-{Last}";
}

/// <summary>
/// A NAT's behaviour, spelled <c>mapping-filtering</c> as in <c>eimr-apdf</c>, or <c>pub</c> for none, <c>fw</c> for a firewall without one, or
/// <c>linux</c> for a bare masquerade. Behind that, by commas: <c>hairpin</c>, <c>step=2</c> (seq), <c>range=20480-21503</c> (eimr, edm, seq), <c>cgn=KIND</c> (a second NAT in front; always the last).
/// </summary>
public sealed record NatKind(NatMapping Mapping, NatFiltering Filtering)
{
    private const string CarrierKey = "cgn=";

    public static NatKind Public { get; } = new(NatMapping.None, NatFiltering.EndpointIndependent);

    /// <summary>Public addresses behind a firewall that lets in what belongs to a flow from inside.</summary>
    public static NatKind Firewall { get; } = new(NatMapping.None, NatFiltering.AddressAndPortDependent);

    /// <summary>
    /// A Linux box with <c>masquerade</c> and no firewall. It maps and filters as <c>eim-apdf</c>, but the box itself takes what belongs to nothing:
    /// a packet that comes before a host behind it has sent costs that host its public port.
    /// </summary>
    public static NatKind Linux { get; } = new(NatMapping.EndpointIndependent, NatFiltering.AddressAndPortDependent) { TakesStrays = true };

    /// <summary>Says that there is no NAT: the hosts have public addresses.</summary>
    public bool IsPublic => Mapping == NatMapping.None;

    /// <summary>From one public port to the next; for a sequential mapping.</summary>
    public int Step { get; init; } = 1;

    /// <summary>The public ports, where it has not all.</summary>
    public PortRange? Ports { get; init; }

    /// <summary>Says that hosts behind it reach each other by their public addresses.</summary>
    public bool Hairpins { get; init; }

    /// <summary>Says that the router itself accepts what belongs to nothing; others drop it unseen.</summary>
    public bool TakesStrays { get; private init; }

    /// <summary>The carrier's NAT in front of it; null = none.</summary>
    public NatKind? Carrier { get; init; }

    /// <exception cref="FormatException">The text is not the name of a kind.</exception>
    public static NatKind Parse(string text)
    {
        int carrier = text.IndexOf(CarrierKey, StringComparison.Ordinal);
        if (carrier > 0) return ParseAlone(text[..(carrier - 1)]) with { Carrier = Parse(text[(carrier + CarrierKey.Length)..]) };
        return ParseAlone(text);
    }

    public override string ToString()
    {
        string name = this switch
        {
            { IsPublic: true, Filtering: NatFiltering.EndpointIndependent } => "pub",
            { IsPublic: true } => "fw",
            { TakesStrays: true } => "linux",
            _ => $"{MappingName}-{FilteringName}",
        };
        return $"{name}{(Hairpins ? ",hairpin" : "")}{(Step == 1 ? "" : $",step={Step}")}{(Ports is null ? "" : $",range={Ports}")}{(Carrier is null ? "" : $",{CarrierKey}{Carrier}")}";
    }

    private string MappingName => Mapping switch
    {
        NatMapping.EndpointIndependent => "eim",
        NatMapping.EndpointIndependentRandom => "eimr",
        NatMapping.AddressDependent => "adm",
        NatMapping.Sequential => "seq",
        _ => "edm",
    };

    private string FilteringName => Filtering switch
    {
        NatFiltering.EndpointIndependent => "eif",
        NatFiltering.AddressDependent => "adf",
        _ => "apdf",
    };

    private static NatKind ParseAlone(string text)
    {
        string[] words = text.Split(',');
        NatKind kind = words[0] switch
        {
            "pub" => Public,
            "fw" => Firewall,
            "linux" => Linux,
            var name => name.Split('-') is [var mapping, var filtering]
                ? new NatKind(ParseMapping(mapping), ParseFiltering(filtering))
                : throw new FormatException($"'{name}' is not a NAT kind: pub, fw, linux, or mapping-filtering such as eimr-apdf."),
        };
        foreach (string word in words.Skip(1)) kind = kind.With(word);
        return kind;
    }

    private NatKind With(string word) => word.Split('=') switch
    {
        ["hairpin"] when !IsPublic => this with { Hairpins = true },
        ["step", var step] when Mapping == NatMapping.Sequential => this with { Step = NumberOf(step) },
        ["range", var range] when Mapping is NatMapping.EndpointIndependentRandom or NatMapping.EndpointDependent or NatMapping.Sequential && range.Split('-') is [var first, var last] =>
            this with { Ports = new PortRange(NumberOf(first), NumberOf(last)) },
        _ => throw new FormatException($"'{word}' means nothing for {this}: hairpin, step=2 (seq), range=20480-21503 (eimr, edm, seq), cgn=KIND."),
    };

    private static int NumberOf(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number is > 0 and <= ushort.MaxValue
            ? number
            : throw new FormatException($"'{text}' is not a number of a port.");

    private static NatMapping ParseMapping(string name) => name switch
    {
        "eim" => NatMapping.EndpointIndependent,
        "eimr" => NatMapping.EndpointIndependentRandom,
        "adm" => NatMapping.AddressDependent,
        "edm" => NatMapping.EndpointDependent,
        "seq" => NatMapping.Sequential,
        _ => throw new FormatException($"'{name}' is not a mapping: eim, eimr, adm, edm or seq."),
    };

    private static NatFiltering ParseFiltering(string name) => name switch
    {
        "eif" => NatFiltering.EndpointIndependent,
        "adf" => NatFiltering.AddressDependent,
        "apdf" => NatFiltering.AddressAndPortDependent,
        _ => throw new FormatException($"'{name}' is not a filtering: eif, adf or apdf."),
    };
}
