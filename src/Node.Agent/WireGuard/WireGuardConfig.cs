using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>A wg-quick file, as far as the agent cares. Everything else in it is WireGuard's business and left alone.</summary>
internal sealed record WireGuardConfig
{
    /// <summary>The node's keys, or null where the file leaves them to a PostUp command: then the interface is asked.</summary>
    public NodeKeyPair? PrivateKey { get; init; }

    /// <summary>The UDP port WireGuard is told to take, or null.</summary>
    public ushort? ListenPort { get; init; }

    /// <summary>The mark on WireGuard's own packets, or null where the file says nothing; 0 = off.</summary>
    public uint? FirewallMark { get; init; }

    /// <summary>The line of <c>SaveConfig = true</c>, which would write our loopback endpoints into the file; or null.</summary>
    public int? SaveConfigLine { get; init; }

    /// <summary>The interface's own addresses, with port 0.</summary>
    public IReadOnlyList<TransportAddress> Addresses { get; init; } = [];

    /// <summary><c>#RelayMap</c>: a file or an HTTPS URL, or null.</summary>
    public string? RelayMap { get; init; }

    /// <summary><c>#RelayTokenFile</c>: a file with the token for relays that want one, or null.</summary>
    public string? RelayTokenFile { get; init; }

    /// <summary><c>#RelayProxy</c>: the HTTP proxy to relays, or <c>off</c>; null where the file does not say. May hold a password.</summary>
    public string? RelayProxy { get; init; }

    /// <summary><c>#RelayPort</c>: the UDP port of the node, or null.</summary>
    public ushort? RelayPort { get; init; }

    /// <summary><c>#RelayPortMapping = on|off</c>, or null where the file does not say.</summary>
    public bool? RelayPortMapping { get; init; }

    /// <summary><c>#RelayAdvertise</c>: where the world reaches the node's UDP port; empty where the file does not say.</summary>
    public IReadOnlyList<TransportAddress> RelayAdvertise { get; init; } = [];

    /// <summary>The peers, in the order of the file.</summary>
    public IReadOnlyList<WireGuardPeer> Peers { get; init; } = [];
}

/// <summary>One <c>[Peer]</c> of a wg-quick file.</summary>
internal sealed record WireGuardPeer
{
    /// <summary>The peer's public key: its name everywhere.</summary>
    public required NodeKey PublicKey { get; init; }

    /// <summary>The line in which its section begins.</summary>
    public required int Line { get; init; }

    /// <summary>AllowedIPs: what lies behind this peer.</summary>
    public IReadOnlyList<IpPrefix> AllowedAddresses { get; init; } = [];

    /// <summary>The endpoint as written; null where there is none, or one on loopback, which can only be ours from an earlier run.</summary>
    public string? Endpoint { get; init; }

    /// <summary><c>#Relay = on|off</c>, or null where the file does not say.</summary>
    public bool? Relay { get; init; }

    /// <summary>Says whether this peer is ours to carry: by default exactly those that have no endpoint.</summary>
    public bool IsCarried => Relay ?? Endpoint is null;

    /// <summary>The endpoint as an address; not valid where there is none or it is a name.</summary>
    public TransportAddress EndpointAddress => TransportAddress.TryParse(Endpoint, out TransportAddress address) ? address : default;
}

/// <summary>A wg-quick file that cannot be used.</summary>
/// <param name="line">Where, from 1.</param>
/// <param name="problem">What is wrong. Never quotes a value that may be a secret.</param>
/// <param name="remedy">What would be right.</param>
internal sealed class WireGuardConfigException(int line, string problem, string remedy) : Exception($"line {line}: {problem}; {remedy}.")
{
    public int Line => line;
    public string Problem => problem;
    public string Remedy => remedy;
}
