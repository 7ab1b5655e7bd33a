using Addresses;
using Node.Agent.Control;
using Node.Agent.Maps;
using Node.Agent.WireGuard;
using Node.Traversal;
using Settings;

namespace Node.Agent;

/// <summary>What the agent is told on its command line, in the environment or in its settings file. The wg-quick file says the rest.</summary>
internal sealed record AgentOptions
{
    /// <summary>The wg-quick file.</summary>
    public required string ConfigFile { get; init; }

    /// <summary>The WireGuard interface, which exists already.</summary>
    public required string Interface { get; init; }

    /// <summary>The control socket.</summary>
    public required string SocketPath { get; init; }

    /// <summary>Where the relay map is; null to leave it to the file.</summary>
    public RelayMapLocation? RelayMap { get; init; }

    /// <summary>A file with the token for relays that want one; null to leave it to the wg-quick file.</summary>
    public string? RelayTokenFile { get; init; }

    /// <summary>The HTTP proxy to relays, or <c>off</c>; null to leave it to the file or to the environment. May hold a password.</summary>
    public string? RelayProxy { get; init; }

    /// <summary>The node's UDP port; null to leave it to the file or to the rule.</summary>
    public ushort? Port { get; init; }

    /// <summary>Whether the gateway is asked to map the port; null to leave it to the file.</summary>
    public bool? PortMapping { get; init; }

    /// <summary>Where the world reaches the node's port, as its user says; null to leave it to the file.</summary>
    public IReadOnlyList<TransportAddress>? Advertised { get; init; }

    /// <summary>The program that speaks to WireGuard.</summary>
    public string WireGuardProgram { get; init; } = "wg";

    /// <summary>The directory of the control socket and the lock.</summary>
    public string SocketDirectory => Path.GetDirectoryName(Path.GetFullPath(SocketPath)) ?? ControlDirectory.Default;

    /// <summary>Where the relay map is, with the file's word where the command line is silent. A relative path in the file counts from there.</summary>
    /// <exception cref="OptionException">Nobody says, or says something that is no place.</exception>
    public RelayMapLocation LocateRelayMap(WireGuardConfig config)
    {
        if (RelayMap is not null) return RelayMap;
        string source = $"#RelayMap in {ConfigFile}";
        if (config.RelayMap is not { } text) throw new OptionException("--relay-map", "it is missing, and the file has no #RelayMap either", "give --relay-map FILE or an https:// URL, or write #RelayMap = … into [Interface], without a space after the #");

        RelayMapLocation location = RelayMapLocation.Parse(text, source);
        string directory = Path.GetDirectoryName(Path.GetFullPath(ConfigFile)) ?? "";
        return location.File is { } file ? location with { File = Path.Combine(directory, file) } : location;
    }

    /// <summary>The file with the token; null where there is none. A relative path in the wg-quick file counts from there.</summary>
    public string? LocateRelayToken(WireGuardConfig config) =>
        RelayTokenFile ?? (config.RelayTokenFile is { } file ? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(ConfigFile)) ?? "", file) : null);

    /// <summary>By which HTTP proxy relays are reached.</summary>
    /// <exception cref="OptionException">The environment names one that cannot be used.</exception>
    public ProxySettings ProxyFor(WireGuardConfig config) => RelayProxyChoice.Read(RelayProxy ?? config.RelayProxy, RelayProxy is null ? $"#RelayProxy in {ConfigFile}" : "--proxy", Environment.GetEnvironmentVariable);

    /// <summary>The node's UDP port; null where the rule gives it.</summary>
    public ushort? PortFor(WireGuardConfig config) => (Port ?? config.RelayPort) is > 0 and var port ? port : null;

    /// <summary>Where the world reaches the node's port, as its user says; empty where nobody says.</summary>
    public IReadOnlyList<TransportAddress> AdvertisedFor(WireGuardConfig config) => Advertised ?? config.RelayAdvertise;

    /// <summary>Whether the gateway is asked to map the port: it is, unless somebody says no.</summary>
    public bool MapsPort(WireGuardConfig config) => PortMapping ?? config.RelayPortMapping ?? true;
}
