using NatLab;

namespace Demo;

/// <summary>What each path carries: by relay, directly, and WireGuard alone over a plain route to compare with.</summary>
internal static class ThroughputScene
{
    private static readonly TimeSpan Duration = TimeSpan.FromSeconds(4);

    public static async Task<IReadOnlyList<(string Name, double MegabitsPerSecond)>> MeasureAsync(string nat) =>
    [
        ("WireGuard alone, plain route", await MeasurePlainAsync()),
        ("direct", await MeasureTunnelAsync(nat, isCut: false)),
        ("by relay", await MeasureTunnelAsync(nat, isCut: true)),
    ];

    private static async Task<double> MeasureTunnelAsync(string nat, bool isCut)
    {
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat, NatOfB = nat });
        if (isCut) await lab.Lab.CutUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!);
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, TimeSpan.FromMilliseconds(200));
        await pings.WaitForReplyAsync(0, Scene.Patience);
        string wanted = isCut ? PeerReport.Relayed : PeerReport.Direct;
        await lab.A.WaitForPeerAsync(lab.B, report => report.Path == wanted, wanted, Scene.Patience);
        await pings.StopAsync();
        double megabits = await Throughput.MeasureTcpAsync(lab.A.Host, lab.B.Host, lab.B.TunnelAddress, Duration);
        PeerReport after = await lab.A.PeerAsync(lab.B);
        Scene.Expect(after.Path == wanted, $"the path was to be {wanted} and is {after}");
        return megabits;
    }

    private static async Task<double> MeasurePlainAsync()
    {
        await using PlainTunnel tunnel = await PlainTunnel.CreateAsync();
        return await Throughput.MeasureTcpAsync(tunnel.A, tunnel.B, tunnel.AddressOfB, Duration);
    }
}
