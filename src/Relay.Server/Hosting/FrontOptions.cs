using Addresses;
using Relay.Server.Core;
using Relay.Server.Region;

namespace Relay.Server.Hosting;

/// <summary>What stands in front of a relay and beside it: proxies, web pages, the other relays of its region.</summary>
internal sealed record FrontOptions
{
    /// <summary>The path of the upgrade.</summary>
    public string UpgradePath { get; init; } = "/derp";

    /// <summary>Who is believed about whose connection it is.</summary>
    public TrustedProxies TrustedProxies { get; init; } = TrustedProxies.None;

    /// <summary>Where captive-portal checks are answered, and everybody else is sent to https.</summary>
    public IReadOnlyList<TransportAddress> Http { get; init; } = [];

    /// <summary>Names whose addresses anybody may ask for.</summary>
    public IReadOnlyList<string> BootstrapDnsNames { get; init; } = [];

    /// <summary>What the relays of the region know each other by; null = there are no others.</summary>
    public MeshSecret? MeshSecret { get; init; }

    /// <summary>The file it was read from; null = none.</summary>
    public string? MeshKeyPath { get; init; }

    /// <summary>The tenant whose clients the region's links serve; empty = those who have none.</summary>
    public string MeshTenant { get; init; } = "";

    /// <summary>The other relays of the region.</summary>
    public IReadOnlyList<MeshTarget> MeshTargets { get; init; } = [];

    /// <summary>Which certificates they may have.</summary>
    public MeshTrust MeshTrust { get; init; } = new([], []);
}
