using System.Diagnostics;

namespace NatLab;

/// <summary>A machine with WireGuard and, beside it, <c>relay-node</c>.</summary>
public sealed class TunnelNode
{
    /// <summary>It starts in a second. On a busy machine, where a dozen start at once, one was seen to take twenty-five.</summary>
    private static readonly TimeSpan StartTimeout = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);

    private readonly string _program;
    private readonly string _files;

    private TunnelNode(Lab lab, LabHost host, string tunnelAddress, WireGuardKeys keys, string program)
    {
        _program = program;
        _files = lab.Files;
        Host = host;
        TunnelAddress = tunnelAddress;
        Keys = keys;
        Link = new WireGuardLink(host, $"{lab.Name}{host.Name}", lab.Files);
    }

    public LabHost Host { get; }

    /// <summary>Its address inside the tunnel.</summary>
    public string TunnelAddress { get; }

    public WireGuardKeys Keys { get; }
    public WireGuardLink Link { get; }

    /// <summary>The agent's process, for its log; null before the first start.</summary>
    public LabProcess? Agent { get; private set; }

    public static async Task<TunnelNode> CreateAsync(Lab lab, LabHost host, string tunnelAddress) =>
        new(lab, host, tunnelAddress, await WireGuardKeys.CreateAsync(), await PublishedPrograms.PathOfAsync("relay-node"));

    /// <summary>Starts <c>relay-node up</c>, with more in its environment if need be, and waits until it is ready.</summary>
    public async Task StartAgentAsync(IReadOnlyDictionary<string, string>? more = null)
    {
        // A node's state and nothing else is its own: the machine's directories are one for all namespaces.
        Dictionary<string, string> environment = new() { ["STATE_DIRECTORY"] = Path.Combine(_files, $"state-{Host.Name}") };
        foreach ((string name, string value) in more ?? new Dictionary<string, string>()) environment[name] = value;
        Agent = Host.Start([_program, "up", Link.ConfigFile, "--log-level", "debug"], environment);
        await Agent.WaitForLineAsync(ProgramReady.IsReadyLine, StartTimeout);
    }

    /// <summary>Asks the agent for its status.</summary>
    /// <exception cref="LabException">It does not answer.</exception>
    public async Task<NodeReport> StatusAsync() => NodeReport.Parse(await Command.RunAsync([_program, "status", "--json", "--socket", $"/run/relay-node/{Link.Name}.sock"]));

    /// <summary>The status as a person sees it.</summary>
    public Task<string> StatusTextAsync() => Command.RunAsync([_program, "status", "--socket", $"/run/relay-node/{Link.Name}.sock"]);

    /// <summary>What the agent says of one peer.</summary>
    public async Task<PeerReport> PeerAsync(TunnelNode peer) =>
        (await StatusAsync()).Peers.SingleOrDefault(report => report.PublicKey == peer.Keys.PublicKey)
        ?? throw new LabException($"the status of {Host.Name} has no peer {peer.Keys.PublicKey}");

    /// <summary>Asks until what the agent says of <paramref name="peer"/> is <paramref name="wanted"/>.</summary>
    /// <exception cref="LabException">It did not become so in time.</exception>
    public Task<PeerReport> WaitForPeerAsync(TunnelNode peer, Func<PeerReport, bool> isWanted, string wanted, TimeSpan timeout) =>
        WaitAsync(() => PeerAsync(peer), isWanted, wanted, timeout);

    /// <summary>Asks until what the agent says of its NAT is <paramref name="wanted"/>.</summary>
    /// <exception cref="LabException">It did not become so in time.</exception>
    public async Task<NatReport> WaitForNatAsync(Func<NatReport, bool> isWanted, string wanted, TimeSpan timeout) =>
        (await WaitAsync(async () => (await StatusAsync()).Self.Nat, nat => nat is not null && isWanted(nat), wanted, timeout))!;

    /// <summary>Asks until the node is at home in that region: its first look at a busy machine may have seen another as the nearest.</summary>
    /// <exception cref="LabException">It did not become so in time.</exception>
    public Task WaitForHomeAsync(int region, TimeSpan timeout) =>
        WaitAsync(async () => (await StatusAsync()).Self.HomeRelay?.RegionId, home => home == region, $"at home in {region}", timeout);

    public Task<PeerReport> WaitForDirectAsync(TunnelNode peer, TimeSpan timeout) => WaitForPeerAsync(peer, report => report.Path == PeerReport.Direct, "direct", timeout);

    public Task<PeerReport> WaitForRelayedAsync(TunnelNode peer, TimeSpan timeout) => WaitForPeerAsync(peer, report => report.Path == PeerReport.Relayed, "relayed", timeout);

    public Task<PeerReport> WaitForPathMtuAsync(TunnelNode peer, int mtu, TimeSpan timeout) => WaitForPeerAsync(peer, report => report.PathMtu == mtu, $"found to carry {mtu} bytes", timeout);

    public Task<PeerReport> WaitForVerdictAsync(TunnelNode peer, string code, TimeSpan timeout) => WaitForPeerAsync(peer, report => report.Verdict?.Code == code, $"'{code}'", timeout);

    private async Task<T> WaitAsync<T>(Func<Task<T>> ask, Func<T, bool> isWanted, string wanted, TimeSpan timeout)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            T report = await ask();
            if (isWanted(report)) return report;
            if (Stopwatch.GetElapsedTime(start) > timeout) throw new LabException($"{Host.Name}: not {wanted} after {timeout.TotalSeconds:0.#} s but {report}");
            await Task.Delay(PollInterval);
        }
    }
}
