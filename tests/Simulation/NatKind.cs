using System.Globalization;

namespace Simulation;

/// <summary>How a NAT chooses the public port of a socket (RFC 4787 §4.1).</summary>
public enum Mapping
{
    /// <summary>One public port whatever the destination.</summary>
    EndpointIndependent,

    /// <summary>Another for another destination address.</summary>
    AddressDependent,

    /// <summary>Another for another destination address or port.</summary>
    AddressAndPortDependent,
}

/// <summary>Whose packets a NAT lets in (RFC 4787 §5).</summary>
public enum Filtering
{
    /// <summary>Anybody's.</summary>
    EndpointIndependent,

    /// <summary>Those of addresses that were sent to.</summary>
    AddressDependent,

    /// <summary>Those of addresses and ports that were sent to.</summary>
    AddressAndPortDependent,
}

/// <summary>A kind of NAT.</summary>
public sealed record NatKind(Mapping Mapping, Filtering Filtering)
{
    /// <summary>Says that the public port is the local one where it is free; else it is random.</summary>
    public bool PreservesPorts { get; init; }

    /// <summary>From one public port to the next, where they are given in sequence; 0 = at random.</summary>
    public int PortStep { get; init; }

    /// <summary>The lowest public port.</summary>
    public ushort LowestPort { get; init; } = 1024;

    /// <summary>The highest public port.</summary>
    public ushort HighestPort { get; init; } = 65535;

    /// <summary>Says that hosts behind it may reach each other by their public addresses.</summary>
    public bool Hairpins { get; init; }

    /// <summary>How long an idle mapping lives.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Says that ports are kept: a stateful firewall, with no translation.</summary>
    public bool IsFirewall { get; init; }

    /// <summary>
    /// Says that the box takes what it does not forward for itself, as a bare Linux masquerade does: an early packet then owns its tuple, and
    /// the flow from inside that would have met it gets another port.
    /// </summary>
    public bool TakesEarlyPackets { get; init; }

    /// <summary>Says that two hosts may share a public port as long as they talk to different destinations.</summary>
    public bool OverloadsPorts { get; init; }

    /// <summary>Flows of other hosts behind it, a second: each takes a port.</summary>
    public double BackgroundRate { get; init; }

    /// <summary>Says that it drops all UDP.</summary>
    public bool BlocksUdp { get; init; }

    /// <summary>Endpoint-independent mapping, port- and address-dependent filtering: the usual home router.</summary>
    public static NatKind Easy { get; } = new(Mapping.EndpointIndependent, Filtering.AddressAndPortDependent);

    /// <summary>A random port for every destination, and only known ports let in.</summary>
    public static NatKind Hard { get; } = new(Mapping.AddressAndPortDependent, Filtering.AddressAndPortDependent);

    /// <summary>A bare Linux masquerade whose box accepts what comes to it.</summary>
    public static NatKind Linux { get; } = Easy with { PreservesPorts = true, TakesEarlyPackets = true, OverloadsPorts = true };

    /// <summary>A stateful firewall: addresses stay, and only answers come in.</summary>
    public static NatKind Firewall { get; } = Easy with { PreservesPorts = true, IsFirewall = true };

    /// <summary>No UDP at all.</summary>
    public static NatKind Blocked { get; } = Easy with { BlocksUdp = true };

    /// <summary>Says that a peer cannot know beforehand which port it will be reached from.</summary>
    public bool IsHard => Mapping != Mapping.EndpointIndependent;

    /// <summary>How many ports it chooses from.</summary>
    public int Ports => HighestPort - LowestPort + 1;

    /// <summary>Says that it chooses from a known part of the ports.</summary>
    public bool IsConfined => Ports < 60_000;

    /// <summary>The lab's short name: eim-apdf, edm-apdf+step2…</summary>
    public override string ToString() => string.Concat(
        BlocksUdp ? "blocked:" : "",
        IsFirewall ? "fw" : Mapping switch { Mapping.EndpointIndependent => "eim", Mapping.AddressDependent => "adm", _ => "edm" },
        Filtering switch { Filtering.EndpointIndependent => "-eif", Filtering.AddressDependent => "-adf", _ => "-apdf" },
        PreservesPorts && !IsFirewall ? "+kept" : "",
        PortStep != 0 ? $"+step{PortStep}" : "",
        IsConfined ? $"+block{Ports}" : "",
        BackgroundRate > 0 ? $"+busy{BackgroundRate:0.#}" : "",
        Hairpins ? "+hairpin" : "",
        TakesEarlyPackets ? "+early" : "");

    /// <summary>The kind that has that short name: what <see cref="ToString"/> tells of one. What it does not tell is as usual.</summary>
    /// <exception cref="FormatException">No kind has that name.</exception>
    public static NatKind Parse(string name)
    {
        string[] words = name.Split('+');
        NatKind kind = words[0] == "fw-apdf" ? Firewall : new NatKind(
            words[0] switch { "eim-eif" or "eim-adf" or "eim-apdf" => Mapping.EndpointIndependent, "adm-eif" or "adm-adf" or "adm-apdf" => Mapping.AddressDependent, "edm-eif" or "edm-adf" or "edm-apdf" => Mapping.AddressAndPortDependent, _ => throw new FormatException(name) },
            words[0][4..] switch { "eif" => Filtering.EndpointIndependent, "adf" => Filtering.AddressDependent, _ => Filtering.AddressAndPortDependent });
        return words[1..].Aggregate(kind, (so, word) => word switch
        {
            "kept" => so with { PreservesPorts = true },
            "hairpin" => so with { Hairpins = true },
            "early" => so with { TakesEarlyPackets = true },
            ['s', 't', 'e', 'p', .. string step] => so with { PortStep = int.Parse(step, CultureInfo.InvariantCulture) },
            ['b', 'l', 'o', 'c', 'k', .. string ports] => so with { LowestPort = 4096, HighestPort = (ushort)(4095 + int.Parse(ports, CultureInfo.InvariantCulture)) },
            _ => throw new FormatException(name),
        });
    }
}
