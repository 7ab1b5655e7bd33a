using Addresses;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Relay.Protocol;

namespace Node.Traversal;

/// <summary>What a node is started with.</summary>
public sealed record TraversalNodeOptions
{
    private const string ParameterName = "options"; // Of who is handed them.

    /// <summary>The most <see cref="AdvertisedAddresses"/>: they are part of a list of 32 that other addresses must fit into too.</summary>
    public const int MaxAdvertisedAddresses = 8;

    /// <summary>The node's keys. The public key is its name to its peers.</summary>
    public required NodeKeyPair PrivateKey { get; init; }

    /// <summary>The relays it may use. Without any, only peers whose addresses are known can be reached.</summary>
    public RelayMap RelayMap { get; init; } = RelayMap.Empty;

    /// <summary>
    /// Gives the token that relays which want one are shown: asked at each login, from two minutes before the last one runs out, and at
    /// <see cref="TraversalNode.RenewRelayToken"/>. Null, or giving null = none. It may not wait or throw.
    /// </summary>
    public Func<string?>? RelayToken { get; init; }

    /// <summary>By which HTTP proxy relays are reached, where that is not directly. STUN and direct paths are UDP, and pass no proxy.</summary>
    public ProxySettings RelayProxy { get; init; } = ProxySettings.None;

    /// <summary>The local UDP port; null = one that follows from the key, so that it is the same after a restart.</summary>
    public ushort? Port { get; init; }

    /// <summary>The firewall mark of every packet the node sends, TCP and DNS too; 0 = none. Linux only; takes CAP_NET_ADMIN.</summary>
    public uint FirewallMark { get; init; }

    /// <summary>Addresses of the tunnel that the node carries: never candidates, for a tunnel inside itself carries nothing.</summary>
    public IReadOnlyList<TransportAddress> TunnelAddresses { get; init; } = [];

    /// <summary>Ranges that lead into the tunnel although no peer here has them, such as those of peers that the tunnel reaches by itself: no path may lie in there.</summary>
    public IReadOnlyList<IpPrefix> TunnelRanges { get; init; } = [];

    /// <summary>
    /// Where the world reaches the node's UDP port, if its user knows: a port forwarded by hand, a cloud's public address. Told to peers before
    /// all else, at most <see cref="MaxAdvertisedAddresses"/>; global or private addresses with a port from 1024 on.
    /// </summary>
    public IReadOnlyList<TransportAddress> AdvertisedAddresses { get; init; } = [];

    /// <summary>A file in which the node keeps what it has learnt; null = nothing is kept, and its clock must not be set back between starts.</summary>
    public string? StateFile { get; init; }

    /// <summary>Says that the gateway is asked to map the node's UDP port (PCP, NAT-PMP; IPv4, on Linux), and given it back at the end.</summary>
    public bool PortMapping { get; init; } = true;

    /// <summary>Says that loopback addresses are tried too: for tests and demonstrations on one machine. The gateway is not asked for anything then.</summary>
    public bool AllowLoopback { get; init; }

    /// <summary>Where the node logs.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>What is wrong with an address that is to be one of <see cref="AdvertisedAddresses"/>, as a sentence without a full stop; null where nothing is.</summary>
    public static string? ProblemOfAdvertised(TransportAddress address)
    {
        bool isReachable = address.Port >= CandidateFilter.LowestAnnouncedPort && AddressScopes.ScopeOf(address) is AddressScope.Global or AddressScope.Private;
        return isReachable ? null : $"no peer would go to {address}: it takes a global or private address, and a port from {CandidateFilter.LowestAnnouncedPort} on";
    }

    /// <exception cref="ArgumentException">An option cannot be used; the message says which, and what would be right.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(PrivateKey);
        ArgumentNullException.ThrowIfNull(RelayMap);
        ArgumentNullException.ThrowIfNull(RelayProxy);
        ArgumentNullException.ThrowIfNull(TunnelAddresses);
        ArgumentNullException.ThrowIfNull(TunnelRanges);
        ArgumentNullException.ThrowIfNull(AdvertisedAddresses);
        ArgumentNullException.ThrowIfNull(LoggerFactory);
        ArgumentNullException.ThrowIfNull(TimeProvider);
        if (StateFile == "") throw new ArgumentException("StateFile is empty: give a path, or null for none.", ParameterName);
        if (Port == 0) throw new ArgumentException("Port 0 is no port: give 1 to 65535, or null for the one that follows from the key.", ParameterName);
        if (FirewallMark != 0 && !OperatingSystem.IsLinux()) throw new ArgumentException("Firewall marks are Linux's: leave FirewallMark at 0 here.", ParameterName);
        if (AdvertisedAddresses.Count > MaxAdvertisedAddresses) throw new ArgumentException($"{AdvertisedAddresses.Count} advertised addresses are too many: give at most {MaxAdvertisedAddresses}.", ParameterName);
        if (AdvertisedAddresses.Select(ProblemOfAdvertised).FirstOrDefault(problem => problem is not null) is { } problem) throw new ArgumentException($"An advertised address cannot be used: {problem}.", ParameterName);

        if (StateFile is { } file && Path.GetDirectoryName(Path.GetFullPath(file)) is { } directory && !Directory.Exists(directory))
        {
            throw new ArgumentException($"StateFile {file} lies in a directory that does not exist: make it, or give another.", ParameterName);
        }
    }
}

/// <summary>A peer to be reached.</summary>
public sealed record TraversalPeerOptions
{
    private const string ParameterName = "options"; // Of who is handed them.

    /// <summary>The peer's public key.</summary>
    public required NodeKey PublicKey { get; init; }

    /// <summary>The addresses that lead to this peer through the tunnel (WireGuard's AllowedIPs): no path to any peer may lie in there.</summary>
    public IReadOnlyList<IpPrefix> AllowedAddresses { get; init; } = [];

    /// <summary>Addresses where the peer may be reached, if any are known.</summary>
    public IReadOnlyList<TransportAddress> ExtraCandidates { get; init; } = [];

    /// <summary>Takes what the peer sends; null = it is kept for <see cref="TraversalPeer.ReceiveAsync"/>.</summary>
    public IPeerDatagramSink? Sink { get; init; }

    /// <exception cref="ArgumentException">An option cannot be used; the message says which, and what would be right.</exception>
    internal void Validate()
    {
        ArgumentNullException.ThrowIfNull(AllowedAddresses);
        ArgumentNullException.ThrowIfNull(ExtraCandidates);
        if (PublicKey.IsZero) throw new ArgumentException("The all-zero key is nobody's: give the peer's public key.", ParameterName);
    }
}
