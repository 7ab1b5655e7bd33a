namespace NatLab.Tests;

/// <summary>The main job on a real kernel: unmodified WireGuard, our programs as published, NATs by nftables.</summary>
public sealed class TunnelTests : IAsyncDisposable
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(50);

    /// <summary>Generous, because the machine may be busy with other things: how long it really takes is printed, and the demo shows it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>wireguard-go greets again this long after it has greeted in vain (RekeyTimeout), less the time that the test may take to get there.</summary>
    private static readonly TimeSpan WireGuardPause = TimeSpan.FromSeconds(3);

    private TunnelLab? _lab;

    [Theory]
    [InlineData("pub", "eimr-apdf")]
    [InlineData("eimr-apdf", "eimr-apdf")]
    [InlineData("eim-adf", "edm-apdf")] // The easy side learns the hard side's port from the check that arrives.
    public async Task The_first_ping_is_answered_and_the_tunnel_becomes_direct_without_losing_one(string natOfA, string natOfB)
    {
        TunnelLab lab = await BuildAsync(natOfA, natOfB);
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await pings.WaitForReplyAsync(0, Patience);
        PeerReport report = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{report}; {loss}");
        Assert.Equal(0, loss.Lost);
        Assert.Null(report.Verdict);
        Assert.StartsWith($"{lab.B.Host.Site!.PublicAddress}:", report.Endpoint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_that_carries_only_short_packets_is_found_out_from_both_ends_and_said()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", "eimr-apdf");
        await lab.A.Host.Site!.Router.IpAsync("link set dev wan mtu 1400"); // What is longer goes neither out nor in: the one is told so by ICMP, the other by nobody.
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport here = await lab.A.WaitForPathMtuAsync(lab.B, 1400, Patience);
        PeerReport there = await lab.B.WaitForPathMtuAsync(lab.A, 1400, Patience);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{here}; {there}; {loss}");
        Assert.Equal(0, loss.Lost);
        Assert.Contains("path MTU 1400", await lab.A.StatusTextAsync(), StringComparison.Ordinal);
        Assert.Contains("path MTU 1400", await lab.B.StatusTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_hard_nats_stay_relayed_and_both_sides_say_why()
    {
        TunnelLab lab = await BuildAsync("edm-apdf", "edm-apdf");
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport report = await lab.A.WaitForVerdictAsync(lab.B, "hard_both", Patience);
        await lab.B.WaitForVerdictAsync(lab.A, "hard_both", Patience);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{report}; {loss}");
        Assert.Equal(PeerReport.Relayed, report.Path);
        Assert.Equal(0, loss.Lost);
        Assert.Contains(report.Verdict!.Text, await lab.A.StatusTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_hard_nats_with_ipv6_behind_firewalls_are_direct_over_it()
    {
        TunnelLab lab = await BuildAsync("edm-apdf", "edm-apdf", ipv6: IPv6Access.Firewalled);
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport report = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{report}; {loss}");
        Assert.StartsWith($"[{lab.B.Host.AddressIPv6}]:", report.Endpoint, StringComparison.Ordinal);
        Assert.Equal(0, loss.Lost);
    }

    [Fact]
    public async Task Two_hosts_behind_one_nat_without_hairpin_meet_at_their_local_addresses()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", null);
        foreach (TunnelNode node in new[] { lab.A, lab.B }) await node.Host.RunAsync("ip", "-6", "address", "flush", "dev", node.Host.Interface, "scope", "link"); // By which they would be direct just as well.
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport report = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{report}; {loss}");
        Assert.StartsWith($"{lab.B.Host.Address}:", report.Endpoint, StringComparison.Ordinal);
        Assert.Equal(0, loss.Lost);
    }

    [Fact]
    public async Task A_site_without_udp_is_reached_over_tls_and_directly_once_udp_passes()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", "eimr-apdf");
        await lab.A.Host.Site!.BlockUdpAsync();
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport here = await lab.A.WaitForVerdictAsync(lab.B, "udp_blocked_here", Patience);
        PeerReport there = await lab.B.WaitForVerdictAsync(lab.A, "udp_blocked_there", Patience);
        await SettleAsync(pings);
        PingLoss blocked = pings.Since(0);
        Print($"{here}; {there}; {blocked}");
        Assert.Equal(PeerReport.Relayed, here.Path);
        Assert.Equal(0, blocked.Lost);

        await lab.A.Host.Site!.UnblockUdpAsync();
        await lab.A.WaitForDirectAsync(lab.B, TimeSpan.FromSeconds(60)); // A network that lets no UDP out is asked again at leisure.
        await SettleAsync(pings);
        PingLoss all = await pings.StopAsync();
        Print($"{all}");
        Assert.Equal(0, all.Lost);
    }

    [Fact]
    public async Task A_direct_tunnel_never_notices_that_the_relay_is_killed_and_restarted()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", "eimr-apdf");
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await lab.A.WaitForDirectAsync(lab.B, Patience);
        PeerReport before = await lab.B.WaitForDirectAsync(lab.A, Patience);

        await lab.Relay.KillAsync();
        await pings.WaitForReplyAsync(pings.Mark() + 60, Patience); // Three seconds without a relay.
        PeerReport during = await lab.B.PeerAsync(lab.A);
        await lab.Relay.StartAsync();
        await WaitForHomeAsync(lab.A);
        await WaitForHomeAsync(lab.B);
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"{during}; {loss}");
        Assert.Equal(0, loss.Lost);
        Assert.Equal(before.Since, during.Since);
        Assert.Equal(before.Since, (await lab.B.PeerAsync(lab.A)).Since);
    }

    [Fact]
    public async Task A_relayed_tunnel_resumes_by_itself_when_the_relay_is_back()
    {
        TunnelLab lab = await BuildAsync("edm-apdf", "edm-apdf");
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await pings.WaitForReplyAsync(0, Patience);
        await lab.A.WaitForVerdictAsync(lab.B, "hard_both", Patience);

        int mark = pings.Mark();
        await lab.Relay.KillAsync();
        await lab.A.WaitForVerdictAsync(lab.B, "relay_unreachable", Patience);
        await lab.Relay.StartAsync();
        await pings.WaitForReplyAsync(pings.Mark(), Patience);
        await SettleAsync(pings);

        Print($"{pings.Since(mark)}");
        int after = pings.Mark();
        await SettleAsync(pings);
        Assert.Equal(0, pings.Since(after).Lost);
        Assert.Equal(PeerReport.Relayed, (await lab.A.PeerAsync(lab.B)).Path);
    }

    [Fact]
    public async Task A_full_tunnel_is_direct_and_carries_none_of_its_own_packets()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", "eimr-apdf", fullTunnelAtA: true);
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PingReply first = await pings.WaitForReplyAsync(0, Patience);
        PeerReport report = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await SettleAsync(pings);
        PingLoss loss = await pings.StopAsync();
        long before = await TransferOfAsync(lab.A);
        await Task.Delay(TimeSpan.FromSeconds(2)); // Quiet: what passes now is nobody's but the tunnel's own.
        long quiet = await TransferOfAsync(lab.A) - before;

        Print($"{report}; {loss}; {quiet} bytes in 2 s of silence");
        Assert.Equal(0, loss.Lost);
        Assert.True(first.Rtt < WireGuardPause, $"{first.Rtt}: the kernel's multicast had made WireGuard pause");
        Assert.Contains($"dev {lab.A.Link.Name}", await lab.A.Host.RunAsync("ip", "route", "get", Lab.ServerAddress), StringComparison.Ordinal);
        Assert.InRange(quiet, 0, 2_000); // A loop would be megabytes; a keepalive or a handshake is a few hundred bytes.
    }

    [Fact]
    public async Task An_agent_that_is_killed_and_started_again_has_its_port_and_its_path()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf", "eimr-apdf");
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PeerReport before = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        int port = (await lab.A.StatusAsync()).Self.UdpPort;

        int mark = pings.Mark();
        await lab.A.Agent!.KillAsync();
        await lab.A.StartAgentAsync();
        PeerReport after = await lab.A.WaitForDirectAsync(lab.B, Patience);
        await SettleAsync(pings);

        PingLoss loss = pings.Since(mark);
        Print($"{after}; {loss}");
        Assert.Equal(port, (await lab.A.StatusAsync()).Self.UdpPort);
        Assert.Equal(before.Endpoint, after.Endpoint);
        int later = pings.Mark();
        await SettleAsync(pings);
        Assert.Equal(0, pings.Since(later).Lost);
    }

    [Fact]
    public async Task An_agent_that_is_asked_to_stop_does_so_in_time_and_leaves_nothing_open()
    {
        TunnelLab lab = await BuildAsync("pub", "eim-apdf");
        await lab.StartAgentsAsync();
        await lab.A.WaitForPeerAsync(lab.B, report => report.Path != "none", "reached", Patience);

        Assert.True(await lab.A.Agent!.StopAsync());
        Assert.True(await lab.Relay.StopAsync());

        Assert.False(File.Exists($"/run/relay-node/{lab.A.Link.Name}.sock"));
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    private async Task<TunnelLab> BuildAsync(string natOfA, string? natOfB, bool fullTunnelAtA = false, IPv6Access ipv6 = IPv6Access.None)
    {
        Needs.Tunnels();
        return _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = natOfA, NatOfB = natOfB, FullTunnelAtA = fullTunnelAtA, IPv6 = ipv6 });
    }

    /// <summary>Waits for another second of answered pings, so that a loss by the last change is seen.</summary>
    private static async Task SettleAsync(PingStream pings) => await pings.WaitForReplyAsync(pings.Mark() + (int)(TimeSpan.FromSeconds(1) / PingInterval), Patience);

    private static async Task WaitForHomeAsync(TunnelNode node)
    {
        for (int i = 0; (await node.StatusAsync()).Self.HomeRelay is null; i++)
        {
            Assert.True(i < 200, "no home relay in ten seconds");
            await Task.Delay(50);
        }
    }

    private static async Task<long> TransferOfAsync(TunnelNode node) => (await node.Link.ShowAsync("transfer")).Split('\t').Skip(1).Sum(long.Parse);

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
