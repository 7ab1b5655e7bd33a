namespace NatLab;

/// <summary>A site of a <see cref="MeshLab"/>, with one node.</summary>
/// <param name="Nat">The kind of its NAT.</param>
public sealed record MeshSite(string Nat)
{
    /// <summary>From its router to the core, one way.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The sites whose nodes are this one's peers, each with the ranges that lead there; null = all others, each with its own address.</summary>
    public IReadOnlyDictionary<int, string[]>? Peers { get; init; }

    /// <summary>Says that the node hands packets on from peer to peer: a hub.</summary>
    public bool Forwards { get; init; }
}

/// <summary>Many machines, each behind a NAT of its own, each with a wg-quick file that holds its peers' keys and no endpoint, and a relay.</summary>
public sealed class MeshLab : IAsyncDisposable
{
    private const int ListenPort = 51820;

    private readonly List<MeshSite> _sites = [];
    private readonly List<TunnelNode> _nodes = [];

    private MeshLab(Lab lab) => Lab = lab;

    public Lab Lab { get; }

    /// <summary>The nodes, in the order of their sites.</summary>
    public IReadOnlyList<TunnelNode> Nodes => _nodes;

    private RelayStation? Relay { get; set; }

    /// <summary>Builds sites, relay and WireGuard everywhere. Agents are started by <see cref="StartAgentsAsync"/>.</summary>
    public static async Task<MeshLab> CreateAsync(params IReadOnlyList<MeshSite> sites)
    {
        MeshLab mesh = new(await Lab.CreateAsync());
        try
        {
            mesh.Relay = await RelayStation.StartAsync(mesh.Lab);
            foreach (MeshSite site in sites) await mesh.BuildSiteAsync(site);
            for (int i = 0; i < sites.Count; i++) await mesh._nodes[i].Link.StartAsync(mesh.PlanOf(i));
            return mesh;
        }
        catch
        {
            await mesh.DisposeAsync();
            throw;
        }
    }

    /// <summary>The address of a node inside the tunnel.</summary>
    public static string AddressOf(int node) => $"10.77.0.{node + 1}";

    /// <summary>Starts all agents, one after another without a pause.</summary>
    public async Task StartAgentsAsync() => await Task.WhenAll(_nodes.Select(node => node.StartAgentAsync()));

    /// <summary>Adds a node to a full mesh as its owner would: the newcomer's file has everybody's key, everybody's file gets the newcomer's.</summary>
    public async Task<TunnelNode> JoinAsync(MeshSite site)
    {
        await BuildSiteAsync(site);
        int newcomer = _nodes.Count - 1;
        await _nodes[newcomer].Link.StartAsync(PlanOf(newcomer));
        await _nodes[newcomer].StartAgentAsync();
        for (int i = 0; i < newcomer; i++) await _nodes[i].Link.SyncAsync(PlanOf(i));
        return _nodes[newcomer];
    }

    public ValueTask DisposeAsync() => Lab.DisposeAsync();

    private async Task BuildSiteAsync(MeshSite site)
    {
        int number = _sites.Count;
        Site built = await Lab.AddSiteAsync($"m{number}", NatKind.Parse(site.Nat), delay: site.Delay);
        if (site.Forwards) built.Host.Namespace.WriteSysctls([("ipv4/ip_forward", "1"), ("ipv4/conf/all/send_redirects", "0"), ("ipv4/conf/default/send_redirects", "0")]);
        _sites.Add(site);
        _nodes.Add(await TunnelNode.CreateAsync(Lab, built.Host, AddressOf(number)));
    }

    private WireGuardPlan PlanOf(int self)
    {
        IReadOnlyDictionary<int, string[]> peers = _sites[self].Peers
            ?? Enumerable.Range(0, _sites.Count).Where(node => node != self).ToDictionary(node => node, node => new[] { $"{AddressOf(node)}/32" });
        return new WireGuardPlan
        {
            Keys = _nodes[self].Keys,
            Addresses = [$"{AddressOf(self)}/24"],
            ListenPort = ListenPort,
            RelayLines = [$"#RelayMap = {Relay!.MapFile}"],
            Peers = [.. peers.Select(peer => new WireGuardPeer(_nodes[peer.Key].Keys.PublicKey, peer.Value))],
        };
    }
}
