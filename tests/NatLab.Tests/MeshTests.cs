using System.Globalization;

namespace NatLab.Tests;

/// <summary>The networks this project was made for: a mesh of keys and nothing else, hubs with the same programs, and what a detour by a hub costs.</summary>
public sealed class MeshTests : IAsyncDisposable
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Within this every pair is direct that can be.</summary>
    private static readonly TimeSpan DirectWithin = TimeSpan.FromSeconds(20);

    private static readonly string[] TenNats =
    [
        "pub", "fw", "eim-eif", "eim-apdf", "eimr-apdf", "eimr-adf", "edm-apdf", "edm-eif", "eimr-apdf,cgn=eimr-apdf", "eim-apdf",
    ];

    private MeshLab? _mesh;

    [Fact]
    public async Task Ten_nodes_reach_each_other_by_their_keys_alone_and_an_eleventh_joins()
    {
        MeshLab mesh = await BuildAsync([.. TenNats.Select(nat => new MeshSite(nat))]);
        await mesh.StartAgentsAsync();

        DateTimeOffset start = DateTimeOffset.UtcNow;
        List<(int From, int To, PingStream Pings)> streams = [];
        for (int from = 0; from < TenNats.Length; from++)
        {
            for (int to = from + 1; to < TenNats.Length; to++) streams.Add((from, to, PingStream.Start(mesh.Nodes[from].Host, MeshLab.AddressOf(to), PingInterval)));
        }

        foreach ((int from, int to, PingStream pings) in streams) await pings.WaitForReplyAsync(0, Patience);
        TimeSpan rest = start + DirectWithin - DateTimeOffset.UtcNow;
        if (rest > TimeSpan.Zero) await Task.Delay(rest);
        NodeReport[] reports = await Task.WhenAll(mesh.Nodes.Select(node => node.StatusAsync()));

        Print("pair | path | direct after, s | first reply, ms | lost pings | verdict");
        int relayed = 0;
        List<string> wrong = [];
        foreach ((int from, int to, PingStream pings) in streams)
        {
            PeerReport report = reports[from].Peers.Single(peer => peer.PublicKey == mesh.Nodes[to].Keys.PublicKey);
            PingReply first = pings.Replies[0];
            PingLoss loss = await pings.StopAsync();
            bool isDirect = report.Path == PeerReport.Direct;
            Print(string.Create(CultureInfo.InvariantCulture, $"{TenNats[from]} : {TenNats[to]} | {report.Path} | {(isDirect ? $"{(report.Since - start).TotalSeconds:0.0}" : "")} | {first.Rtt.TotalMilliseconds:0} | {loss.Lost} of {loss.Asked} | {report.Verdict?.Code}"));
            if (!isDirect) relayed++;
            if (isDirect ? report.Verdict is not null : LabOracle.IsSurelyDirect(TenNats[from], TenNats[to]) || report.Verdict is null) wrong.Add($"{TenNats[from]} : {TenNats[to]} {report}");
            if (loss.Lost > 0) wrong.Add($"{TenNats[from]} : {TenNats[to]} {loss}");
        }

        Print($"{streams.Count - relayed} of {streams.Count} pairs direct");
        Assert.Empty(wrong);

        TunnelNode eleventh = await mesh.JoinAsync(new MeshSite("eimr-apdf"));
        PingStream[] answers = [.. Enumerable.Range(0, TenNats.Length).Select(node => PingStream.Start(mesh.Nodes[node].Host, eleventh.TunnelAddress, PingInterval))];
        foreach (PingStream pings in answers) await pings.WaitForReplyAsync(0, Patience);
        for (int node = 0; node < TenNats.Length; node++)
        {
            if (LabOracle.IsSurelyDirect(TenNats[node], "eimr-apdf")) await eleventh.WaitForDirectAsync(mesh.Nodes[node], Patience);
        }
    }

    [Fact]
    public async Task Two_hubs_with_two_spokes_each_carry_what_their_spokes_say_to_each_other()
    {
        // 0 and 1 are hubs; 2 and 3 are spokes of the first, 4 and 5 of the second. Every range but a spoke's own leads to its hub.
        static string[] Own(int node) => [$"{MeshLab.AddressOf(node)}/32"];
        static Dictionary<int, string[]> Spoke(int hub) => new() { [hub] = ["10.77.0.0/24"] };
        MeshLab mesh = await BuildAsync(
            new MeshSite("eimr-apdf") { Forwards = true, Peers = new Dictionary<int, string[]> { [2] = Own(2), [3] = Own(3), [1] = [.. Own(1), .. Own(4), .. Own(5)] } },
            new MeshSite("eim-apdf") { Forwards = true, Peers = new Dictionary<int, string[]> { [4] = Own(4), [5] = Own(5), [0] = [.. Own(0), .. Own(2), .. Own(3)] } },
            new MeshSite("edm-apdf") { Peers = Spoke(0) },
            new MeshSite("eimr-apdf") { Peers = Spoke(0) },
            new MeshSite("eimr-adf") { Peers = Spoke(1) },
            new MeshSite("fw") { Peers = Spoke(1) });
        await mesh.StartAgentsAsync();

        (int From, int To)[] pairs = [(2, 3), (2, 4), (3, 5), (4, 5)];
        PingStream[] streams = [.. pairs.Select(pair => PingStream.Start(mesh.Nodes[pair.From].Host, MeshLab.AddressOf(pair.To), TimeSpan.FromMilliseconds(200)))];
        foreach (((int from, int to), PingStream pings) in pairs.Zip(streams))
        {
            PingReply first = await pings.WaitForReplyAsync(0, Patience);
            await pings.WaitForReplyAsync(first.Sequence + 10, Patience);
            PingLoss loss = await pings.StopAsync();
            Print($"{from} to {to}: first answered ping {first.Sequence}, {loss}");
            Assert.Equal(0, loss.Lost);
        }

        await mesh.Nodes[0].WaitForDirectAsync(mesh.Nodes[1], Patience);
        await mesh.Nodes[3].WaitForDirectAsync(mesh.Nodes[0], Patience);
        await mesh.Nodes[5].WaitForDirectAsync(mesh.Nodes[1], Patience);
    }

    [Fact]
    public async Task Two_nodes_in_one_city_need_not_cross_an_ocean_to_meet()
    {
        // 0 is the hub across the ocean; 1 and 2 share a city. First by the hub, as without a mesh; then as peers of each other.
        TimeSpan city = TimeSpan.FromMilliseconds(2);
        TimeSpan ocean = TimeSpan.FromMilliseconds(45);
        Dictionary<int, string[]> byHub = new() { [0] = ["10.77.0.0/24"] };
        MeshLab mesh = await BuildAsync(
            new MeshSite("pub") { Delay = ocean, Forwards = true },
            new MeshSite("eimr-apdf") { Delay = city, Peers = byHub },
            new MeshSite("eimr-apdf") { Delay = city, Peers = byHub });
        await mesh.StartAgentsAsync();
        await mesh.Nodes[1].WaitForDirectAsync(mesh.Nodes[0], Patience);
        await mesh.Nodes[2].WaitForDirectAsync(mesh.Nodes[0], Patience);
        TimeSpan detour = await MedianRttAsync(mesh.Nodes[1], mesh.Nodes[2]);
        await mesh.DisposeAsync();

        mesh = await BuildAsync(new MeshSite("pub") { Delay = ocean }, new MeshSite("eimr-apdf") { Delay = city }, new MeshSite("eimr-apdf") { Delay = city });
        await mesh.StartAgentsAsync();
        PingStream first = PingStream.Start(mesh.Nodes[1].Host, mesh.Nodes[2].TunnelAddress, PingInterval);
        await first.WaitForReplyAsync(0, Patience);
        await mesh.Nodes[1].WaitForDirectAsync(mesh.Nodes[2], Patience);
        await mesh.Nodes[2].WaitForDirectAsync(mesh.Nodes[1], Patience);
        await first.StopAsync();
        TimeSpan direct = await MedianRttAsync(mesh.Nodes[1], mesh.Nodes[2]);

        Print($"by the hub {detour.TotalMilliseconds:0.0} ms, direct {direct.TotalMilliseconds:0.0} ms (median round trips; the cables alone: {4 * (city + ocean).TotalMilliseconds:0} and {4 * city.TotalMilliseconds:0} ms)");
        Assert.True(direct < detour / 3, $"direct {direct}, by the hub {detour}");
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_mesh is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_mesh.Lab.Describe());
        await _mesh.DisposeAsync();
    }

    private async Task<MeshLab> BuildAsync(params IReadOnlyList<MeshSite> sites)
    {
        Needs.Tunnels();
        return _mesh = await MeshLab.CreateAsync(sites);
    }

    private static async Task<TimeSpan> MedianRttAsync(TunnelNode from, TunnelNode to)
    {
        PingStream pings = PingStream.Start(from.Host, to.TunnelAddress, TimeSpan.FromMilliseconds(50));
        await pings.WaitForReplyAsync(20, Patience);
        await pings.StopAsync();
        TimeSpan[] sorted = [.. pings.Replies.Skip(5).Select(reply => reply.Rtt).Order()];
        return sorted[sorted.Length / 2];
    }

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
