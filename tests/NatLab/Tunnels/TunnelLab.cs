namespace NatLab;

/// <summary>How a <see cref="TunnelLab"/> is built.</summary>
public sealed record TunnelLabOptions
{
    /// <summary>The NAT of the site of a.</summary>
    public required string NatOfA { get; init; }

    /// <summary>The NAT of the site of b; null puts b behind the NAT of a, on the same LAN.</summary>
    public required string? NatOfB { get; init; }

    /// <summary>What IPv6 the sites have.</summary>
    public IPv6Access IPv6 { get; init; }

    /// <summary>True if the site of a has IPv6 and a NAT64 alone, and the relay IPv4 alone.</summary>
    public bool HasNat64AtA { get; init; }

    /// <summary>True if all of a's traffic goes through the tunnel.</summary>
    public bool FullTunnelAtA { get; init; }

    /// <summary>True for STUN by <c>stun-server</c>, which tells filters and lifetimes too (RFC 5780); the relay's own, which it is otherwise, does not.</summary>
    public bool TellsNatBehavior { get; init; }

    /// <summary>More of our own settings for a, as the comment lines that they are.</summary>
    public IReadOnlyList<string> RelayLinesOfA { get; init; } = [];
}

/// <summary>Two machines, a and b, with a tunnel between them that no configuration names an endpoint for, and a relay. Agents are started by the test.</summary>
public sealed class TunnelLab : IAsyncDisposable
{
    private const string AddressOfA = "10.77.0.1";
    private const string AddressOfB = "10.77.0.2";

    private TunnelLab(Lab lab, RelayStation relay, TunnelNode a, TunnelNode b)
    {
        Lab = lab;
        Relay = relay;
        A = a;
        B = b;
    }

    public Lab Lab { get; }
    public RelayStation Relay { get; }
    public TunnelNode A { get; }
    public TunnelNode B { get; }

    /// <summary>Builds the lab, starts the relay, and configures WireGuard at both ends.</summary>
    public static async Task<TunnelLab> CreateAsync(TunnelLabOptions options)
    {
        Lab lab = await Lab.CreateAsync();
        try
        {
            Site siteOfA = await lab.AddSiteAsync("a", NatKind.Parse(options.NatOfA), options.HasNat64AtA ? IPv6Access.Firewalled : options.IPv6);
            if (options.HasNat64AtA) await Nat64Station.StartAsync(lab, siteOfA);
            LabHost hostOfB = options.NatOfB is { } kind ? (await lab.AddSiteAsync("b", NatKind.Parse(kind), options.IPv6)).Host : await siteOfA.AddHostAsync("b");
            RelayStation relay = await RelayStation.StartAsync(lab, hasStun: !options.TellsNatBehavior, hasIPv6: !options.HasNat64AtA);
            if (options.TellsNatBehavior) await StunStation.StartOursAsync(lab, RelayStation.StunPort);
            TunnelNode a = await TunnelNode.CreateAsync(lab, siteOfA.Host, AddressOfA);
            TunnelNode b = await TunnelNode.CreateAsync(lab, hostOfB, AddressOfB);
            string[] everything = ["0.0.0.0/0", "::/0"];
            await a.Link.StartAsync(PlanFor(a, b, options.FullTunnelAtA ? everything : [$"{AddressOfB}/32"], 51820, relay, options.RelayLinesOfA));
            await b.Link.StartAsync(PlanFor(b, a, [$"{AddressOfA}/32"], 51821, relay, []));
            return new TunnelLab(lab, relay, a, b);
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts both agents, b first.</summary>
    public async Task StartAgentsAsync()
    {
        await B.StartAgentAsync();
        await A.StartAgentAsync();
    }

    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    private static WireGuardPlan PlanFor(TunnelNode self, TunnelNode peer, string[] allowedIps, int listenPort, RelayStation relay, IReadOnlyList<string> more) => new()
    {
        Keys = self.Keys,
        Addresses = [$"{self.TunnelAddress}/24"],
        ListenPort = listenPort,
        RelayLines = [$"#RelayMap = {relay.MapFile}", .. more],
        Peers = [new WireGuardPeer(peer.Keys.PublicKey, allowedIps)],
    };
}
