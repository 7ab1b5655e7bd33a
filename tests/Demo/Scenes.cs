using NatLab;

namespace Demo;

/// <summary>The scenes of the story, each with the lab that it was given. The returned sentence is what came of it.</summary>
internal static class Scenes
{
    public static async Task<string> FirstPacketAsync(Scene scene)
    {
        PingStream pings = await scene.BeginAsync();
        scene.Tell("relay-node is up at both ends; a pings b");
        PingReply first = await pings.WaitForReplyAsync(0, Scene.Patience);
        TimeSpan direct = await scene.WaitForDirectAsync();
        TimeSpan answered = scene.SinceStart(first.At);
        string path = answered < direct ? "by relay" : "directly";
        scene.TellAt(answered, $"first reply, {path} (ping {first.Sequence}, {first.Rtt.TotalMilliseconds:0} ms)", Tone.Relayed);

        PeerReport report = await scene.A.PeerAsync(scene.B);
        scene.TellAt(direct, $"direct at both ends: a sends to {report.Endpoint}, {report.RttMs:0.0} ms", Tone.Direct);
        await Scene.SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        scene.Tell($"{loss}");
        Scene.Expect(first.Sequence == 1, $"the first ping that was answered is number {first.Sequence}");
        Scene.Expect(loss.Lost == 0, $"{loss.Lost} pings were lost");
        return $"first reply after {answered.TotalMilliseconds:0} ms {path}, direct after {direct.TotalMilliseconds:0} ms, no ping lost of {loss.Asked}";
    }

    public static async Task<string> CutAndHealAsync(Scene scene)
    {
        PingStream pings = await scene.BeginAsync();
        await scene.WaitForDirectAsync();
        await Scene.SettleAsync(pings);

        int mark = pings.Mark();
        scene.RestartClock();
        await scene.Lab.Lab.CutUdpAsync(scene.A.Host.Site!, scene.B.Host.Site!);
        scene.Tell("the tunnel is direct; UDP between the sites is cut");
        PeerReport relayed = await scene.A.WaitForRelayedAsync(scene.B, Scene.Patience);
        await Scene.SettleAsync(pings);
        PingLoss cut = pings.Since(mark);
        scene.TellAt(scene.SinceStart(relayed.Since), "the direct path is given up; since the first doubt, the relay has carried every packet too", Tone.Relayed);
        scene.Tell($"{cut}");

        mark = pings.Mark();
        TimeSpan healed = scene.Now;
        await scene.Lab.Lab.HealUdpAsync(scene.A.Host.Site!, scene.B.Host.Site!);
        scene.TellAt(healed, "UDP passes again");
        TimeSpan direct = await scene.WaitForDirectAsync();
        scene.TellAt(direct, "direct again", Tone.Direct);
        await Scene.SettleAsync(pings);
        PingLoss healing = pings.Since(mark);
        scene.Tell($"{healing}");
        Scene.Expect(cut.LongestSilence < TimeSpan.FromSeconds(2), $"{cut.LongestSilence.TotalMilliseconds:0} ms without an answer at the cut");
        Scene.Expect(healing.Lost == 0, $"{healing.Lost} pings were lost by the return");
        return $"cut: {cut.Lost} lost, {cut.LongestSilence.TotalMilliseconds:0} ms of silence; direct {(direct - healed).TotalMilliseconds:0} ms after the healing, {healing.Lost} lost";
    }

    public static async Task<string> UdpBlockedAsync(Scene scene)
    {
        await scene.A.Host.Site!.BlockUdpAsync();
        PingStream pings = await scene.BeginAsync();
        scene.Tell("the router of a drops every UDP packet; a pings b");
        PingReply first = await pings.WaitForReplyAsync(0, Scene.Patience);
        scene.TellAt(scene.SinceStart(first.At), $"first reply, over TLS on TCP alone ({first.Rtt.TotalMilliseconds:0} ms)", Tone.Relayed);
        PeerReport here = await scene.A.WaitForVerdictAsync(scene.B, "udp_blocked_here", Scene.Patience);
        scene.Tell($"a says: {here.Verdict!.Text}");
        PeerReport there = await scene.B.WaitForVerdictAsync(scene.A, "udp_blocked_there", Scene.Patience);
        scene.Tell($"b says: {there.Verdict!.Text}");
        await Scene.SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        scene.Tell($"{loss}");
        Scene.Expect(loss.Lost == 0, $"{loss.Lost} pings were lost");
        return $"first reply after {scene.SinceStart(first.At).TotalMilliseconds:0} ms over TLS, no ping lost of {loss.Asked}, both ends know why";
    }

    public static async Task<string> HardNatsAsync(Scene scene)
    {
        PingStream pings = await scene.BeginAsync();
        PingReply first = await pings.WaitForReplyAsync(0, Scene.Patience);
        scene.TellAt(scene.SinceStart(first.At), $"first reply, by relay ({first.Rtt.TotalMilliseconds:0} ms)", Tone.Relayed);
        PeerReport report = await scene.A.WaitForVerdictAsync(scene.B, "hard_both", Scene.Patience);
        scene.Tell("relay-node status says at a:");
        foreach (string line in (await Scene.StatusLineAsync(scene.A)).Split('\n')) scene.Tell($"  {line}", Tone.Quiet);
        await Scene.SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        scene.Tell($"{loss}");
        Scene.Expect(report.Path == PeerReport.Relayed, $"the path is {report.Path}");
        Scene.Expect(loss.Lost == 0, $"{loss.Lost} pings were lost");
        return $"stays relayed, no ping lost of {loss.Asked}; why: {report.Verdict!.Text}";
    }

    public static async Task<string> RelayRestartAsync(Scene scene)
    {
        PingStream pings = await scene.BeginAsync();
        await scene.WaitForDirectAsync();
        await Scene.SettleAsync(pings);
        PeerReport before = await scene.A.PeerAsync(scene.B);

        int mark = pings.Mark();
        scene.RestartClock();
        await scene.Lab.Relay.KillAsync();
        scene.Tell("the tunnel is direct; the relay is killed");
        await pings.WaitForReplyAsync(pings.Mark() + 40, Scene.Patience);
        await scene.Lab.Relay.StartAsync();
        TimeSpan back = scene.Now;
        scene.Tell("the relay is back");
        while ((await scene.A.StatusAsync()).Self.HomeRelay is null || (await scene.B.StatusAsync()).Self.HomeRelay is null)
        {
            Scene.Expect(scene.Now - back < Scene.Patience, "the nodes do not find the relay again");
            await Task.Delay(50);
        }
        await scene.Lab.Relay.Process.WaitForLineAsync(line => line.Contains("has come", StringComparison.Ordinal), Scene.Patience);
        TimeSpan reconnected = scene.Now;
        scene.Tell("the nodes are connected to it again, by themselves", Tone.Relayed);
        await Scene.SettleAsync(pings);
        PingLoss loss = pings.Since(mark);
        scene.Tell($"{loss}");
        Scene.Expect(loss.Lost == 0, $"{loss.Lost} pings were lost");
        Scene.Expect((await scene.A.PeerAsync(scene.B)).Since == before.Since, "the direct path was left meanwhile");
        return $"the direct tunnel never noticed: no ping lost of {loss.Asked}; reconnected {(reconnected - back).TotalMilliseconds:0} ms after the relay was back";
    }

    public static async Task<string> FullTunnelAsync(Scene scene)
    {
        scene.RestartClock();
        scene.Tell("AllowedIPs = 0.0.0.0/0, ::/0 at a, with the rules that wg-quick makes");
        PingStream pings = await scene.BeginAsync();
        TimeSpan direct = await scene.WaitForDirectAsync();
        PeerReport report = await scene.A.PeerAsync(scene.B);
        scene.TellAt(direct, $"direct: a sends to {report.Endpoint}", Tone.Direct);
        await Scene.SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        scene.Tell($"{loss}");
        string route = (await scene.A.Host.RunAsync("ip", "route", "get", Lab.ServerAddress)).Split('\n')[0].Trim();
        scene.Tell($"and yet everything else goes into the tunnel: {route}", Tone.Quiet);
        long before = await TransferAsync(scene.A);
        await Task.Delay(TimeSpan.FromSeconds(2));
        long quiet = await TransferAsync(scene.A) - before;
        scene.Tell($"two seconds of silence: {quiet} bytes through the tunnel, so no packet of relay-node goes round in it");
        Scene.Expect(loss.Lost == 0, $"{loss.Lost} pings were lost");
        Scene.Expect(route.Contains(scene.A.Link.Name, StringComparison.Ordinal), $"the route is not the tunnel's: {route}");
        Scene.Expect(quiet < 2_000, $"{quiet} bytes went through a silent tunnel");
        return $"direct after {direct.TotalMilliseconds:0} ms, no ping lost of {loss.Asked}, no loop";
    }

    private static async Task<long> TransferAsync(TunnelNode node) => (await node.Link.ShowAsync("transfer")).Split('\t').Skip(1).Sum(long.Parse);
}
