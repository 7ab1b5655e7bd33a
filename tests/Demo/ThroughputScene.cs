using NatLab;

namespace Demo;

/// <summary>What each path carries: WireGuard alone over a plain route to compare with, directly, and by relay.</summary>
/// <remarks>The machine's other work comes and goes, so only runs that take turns can be compared; of each path's runs the median counts.</remarks>
internal sealed class ThroughputScene : IAsyncDisposable
{
    private const int Rounds = 3;
    private static readonly TimeSpan RunLength = TimeSpan.FromSeconds(2);

    private readonly List<IAsyncDisposable> _labs = [];
    private readonly List<(string Name, Func<Task<double>> MeasureAsync)> _paths = [];

    public static async Task<IReadOnlyList<(string Name, double MegabitsPerSecond)>> MeasureAsync(string nat)
    {
        await using ThroughputScene scene = new();
        await scene.AddPlainAsync("WireGuard alone, plain route");
        await scene.AddTunnelAsync("direct", nat, isCut: false);
        await scene.AddTunnelAsync("by relay", nat, isCut: true);

        double[][] rounds = new double[Rounds][];
        for (int round = 0; round < Rounds; round++)
        {
            rounds[round] = new double[scene._paths.Count];
            for (int path = 0; path < scene._paths.Count; path++) rounds[round][path] = await scene._paths[path].MeasureAsync();
        }
        return [.. scene._paths.Select((path, index) => (path.Name, rounds.Select(round => round[index]).Order().ElementAt(Rounds / 2)))];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable lab in _labs) await lab.DisposeAsync();
    }

    private async Task AddPlainAsync(string name)
    {
        PlainTunnel tunnel = await PlainTunnel.CreateAsync();
        _labs.Add(tunnel);
        _paths.Add((name, () => Throughput.MeasureTcpAsync(tunnel.A, tunnel.B, tunnel.AddressOfB, RunLength)));
    }

    private async Task AddTunnelAsync(string name, string nat, bool isCut)
    {
        TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat, NatOfB = nat });
        _labs.Add(lab);
        if (isCut) await lab.Lab.CutUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!);
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, TimeSpan.FromMilliseconds(200));
        await pings.WaitForReplyAsync(0, Scene.Patience);
        string wanted = isCut ? PeerReport.Relayed : PeerReport.Direct;
        await lab.A.WaitForPeerAsync(lab.B, report => report.Path == wanted, wanted, Scene.Patience);
        await pings.StopAsync();
        _paths.Add((name, async () =>
        {
            double megabits = await Throughput.MeasureTcpAsync(lab.A.Host, lab.B.Host, lab.B.TunnelAddress, RunLength);
            PeerReport after = await lab.A.PeerAsync(lab.B);
            Scene.Expect(after.Path == wanted, $"the path was to be {wanted} and is {after}");
            return megabits;
        }));
    }
}
