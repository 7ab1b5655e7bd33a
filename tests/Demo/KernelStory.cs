using System.Diagnostics;
using System.Runtime.Versioning;
using NatLab;

namespace Demo;

/// <summary>The main job, told on the kernel: our programs as published, an unmodified wireguard-go, NATs of nftables in network namespaces.</summary>
[SupportedOSPlatform("linux")]
internal sealed class KernelStory(Timeline timeline)
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan MeasureFor = TimeSpan.FromSeconds(3);

    public async Task TellAsync()
    {
        Timeline.Say("""

              a ── NAT ──┐                 ┌── NAT ── b
                         ├── the network ──┤
                         │                 │
              (192.168.x, no open port,    (the same)
               no endpoint configured)
                                  │
                    relay-server 198.19.1.10, STUN also on 198.19.1.11

            Each site: an unmodified wireguard-go with an ordinary wg0.conf, and relay-node beside it.
            A ping goes through the tunnel every 200 ms.
            """);
        double plain = await MeasurePlainAsync();
        await TellEasyAsync(plain);
        await TellBlockedAsync();
        await TellHardAsync();
        await TellFullTunnelAsync();
    }

    private async Task<double> MeasurePlainAsync()
    {
        timeline.Chapter("For comparison: wireguard-go over a plain route, endpoints configured by hand, no relay-node");
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "pub", NatOfB = "pub" });
        await lab.A.Host.RunAsync("wg", "set", lab.A.Link.Name, "peer", lab.B.Keys.PublicKey, "endpoint", $"{lab.B.Host.Address}:51821");
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await pings.WaitForReplyAsync(0, Patience);
        await pings.StopAsync();
        double plain = await MeasureAsync(lab);
        timeline.Note($"{plain:0} Mbit/s");
        return plain;
    }

    private async Task TellEasyAsync(double plain)
    {
        timeline.Chapter("1. Two home routers (a random port for each socket, the same for every destination; only known peers let in)");
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eimr-apdf", NatOfB = "eimr-apdf" });
        timeline.Note($"a is {lab.A.Host.Address} behind {lab.A.Host.Site!.PublicAddress}, b is {lab.B.Host.Address} behind {lab.B.Host.Site!.PublicAddress}; the relay is up");
        await lab.B.StartAgentAsync();
        timeline.Note("relay-node up at b");
        await lab.A.StartAgentAsync();
        timeline.Note("relay-node up at a; the first ping goes out");
        DateTimeOffset asked = DateTimeOffset.UtcNow;
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PingReply first = await pings.WaitForReplyAsync(0, Patience);
        PeerReport direct = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        string by = first.At < direct.Since ? "by relay" : "directly";
        timeline.Check(first.Sequence == 1, $"first reply after {(first.At - asked).TotalMilliseconds:0} ms, {by}: ping {first.Sequence}");
        timeline.Check(true, $"direct to {direct.Endpoint} {Math.Max(0, (direct.Since - asked).TotalMilliseconds):0} ms after the first ping");
        await SettleAsync(pings);
        PingLoss loss = pings.Since(0);
        timeline.Check(loss.Lost == 0, $"{loss}");
        double speed = await MeasureAsync(lab);
        timeline.Note($"throughput direct: {speed:0} Mbit/s, {speed / plain:P0} of the plain route's {plain:0}");

        await TellCutAsync(lab, pings, plain);
        await TellRelayRestartAsync(lab, pings);
        await pings.StopAsync();
    }

    private async Task TellCutAsync(TunnelLab lab, PingStream pings, double plain)
    {
        timeline.Chapter("2. UDP between the sites is cut, and heals");
        int mark = pings.Mark();
        long start = Stopwatch.GetTimestamp();
        await lab.Lab.CutUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!);
        timeline.Note("cut");
        PeerReport relayed = await lab.A.WaitForRelayedAsync(lab.B, Patience);
        timeline.Note($"both ways at once from the first silence; the dead path was given up after {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms");
        await SettleAsync(pings);
        PingLoss loss = pings.Since(mark);
        timeline.Check(relayed.Path == PeerReport.Relayed && loss.Lost <= 1, $"the tunnel goes on by relay: {loss}");
        double speed = await MeasureAsync(lab);
        timeline.Note($"throughput by relay: {speed:0} Mbit/s, {speed / plain:P0} of the plain route");

        mark = pings.Mark();
        start = Stopwatch.GetTimestamp();
        await lab.Lab.HealUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!);
        timeline.Note("healed");
        await lab.A.WaitForDirectAsync(lab.B, Patience);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        await SettleAsync(pings);
        loss = pings.Since(mark);
        timeline.Check(loss.Lost == 0, $"direct again after {took.TotalMilliseconds:0} ms: {loss}");
    }

    private async Task TellRelayRestartAsync(TunnelLab lab, PingStream pings)
    {
        timeline.Chapter("5. The relay is killed, and started again");
        int mark = pings.Mark();
        await lab.Relay.KillAsync();
        timeline.Note("killed");
        await pings.WaitForReplyAsync(pings.Mark() + 15, Patience);
        PeerReport during = await lab.A.PeerAsync(lab.B);
        timeline.Check(during.Path == PeerReport.Direct, $"three seconds without a relay: {pings.Since(mark)}");
        await lab.Relay.StartAsync();
        long start = Stopwatch.GetTimestamp();
        timeline.Note("started");
        await Task.WhenAll(WaitForLineAsync(lab.A), WaitForLineAsync(lab.B));
        timeline.Note($"both nodes are back at it {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms after it was ready");
        await SettleAsync(pings);
        PingLoss loss = pings.Since(mark);
        timeline.Check(loss.Lost == 0, $"the direct tunnel never noticed: {loss}");
    }

    private async Task TellBlockedAsync()
    {
        timeline.Chapter("3. No UDP at all at a: TLS on TCP alone");
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eimr-apdf", NatOfB = "eimr-apdf" });
        await lab.A.Host.Site!.BlockUdpAsync();
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PingReply first = await pings.WaitForReplyAsync(0, Patience);
        PeerReport report = await lab.A.WaitForVerdictAsync(lab.B, "udp_blocked_here", Patience);
        await SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        timeline.Check(loss.Lost == 0, $"first reply is ping {first.Sequence}; {loss}");
        timeline.Check(report.Path == PeerReport.Relayed, $"status at a: {report.Path}, {report.Verdict?.Text}");
    }

    private async Task TellHardAsync()
    {
        timeline.Chapter("4. Hard NATs on both sides (a random port for every destination)");
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = "edm-apdf" });
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport report = await lab.A.WaitForVerdictAsync(lab.B, "hard_both", Patience);
        await SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        timeline.Check(loss.Lost == 0, $"it stays relayed: {loss}");
        timeline.Check(report.Path == PeerReport.Relayed, "relay-node status says why:");
        Timeline.Say($"              {(await lab.A.StatusTextAsync()).Trim().Split('\n')[1].Trim()}");
    }

    private async Task TellFullTunnelAsync()
    {
        timeline.Chapter("6. A full tunnel at a (AllowedIPs = 0.0.0.0/0, ::/0)");
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eimr-apdf", NatOfB = "eimr-apdf", FullTunnelAtA = true });
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport report = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        timeline.Check(loss.Lost == 0, $"direct to {report.Endpoint}: {loss}");

        long before = await TransferAsync(lab.A);
        await Task.Delay(TimeSpan.FromSeconds(2));
        long quiet = await TransferAsync(lab.A) - before;
        timeline.Check(quiet < 2000, $"no tunnel inside the tunnel: {quiet} bytes through it in two quiet seconds");
    }

    private static Task<double> MeasureAsync(TunnelLab lab) => Throughput.MeasureTcpAsync(lab.A.Host, lab.B.Host, lab.B.TunnelAddress, MeasureFor);

    private static async Task SettleAsync(PingStream pings) => await pings.WaitForReplyAsync(pings.Mark() + 5, Patience);

    private static Task<string> WaitForLineAsync(TunnelNode node)
    {
        int connections = node.Agent!.Lines.Count(IsConnected);
        return node.Agent.WaitForLineAsync(line => IsConnected(line) && --connections < 0, Patience);
    }

    private static bool IsConnected(string line) => line.Contains("is connected", StringComparison.Ordinal);

    private static async Task<long> TransferAsync(TunnelNode node) => (await node.Link.ShowAsync("transfer")).Split('\t').Skip(1).Sum(long.Parse);
}
