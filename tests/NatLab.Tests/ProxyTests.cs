namespace NatLab.Tests;

/// <summary>A site out of which nothing leads but an HTTP proxy.</summary>
public sealed class ProxyTests : IAsyncDisposable
{
    private const int Port = 3128;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(50);

    private TunnelLab? _lab;

    [Fact]
    public async Task A_site_whose_only_way_out_is_a_proxy_works_by_relay_once_the_proxy_knows_who_asks()
    {
        Needs.Tunnels();
        Needs.Programs(TinyProxy.Program);
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eimr-apdf", NatOfB = "eimr-apdf", RelayLinesOfA = [$"#RelayProxy = http://192.168.1.1:{Port}"] });
        Site site = _lab.A.Host.Site!;
        LabProcess proxy = await TinyProxy.StartAsync(_lab.Lab, site, Port, "ann secret");
        await site.BlockAllAsync();
        await _lab.StartAgentsAsync();

        await _lab.A.WaitForVerdictAsync(_lab.B, "relay_unreachable", Patience);
        Assert.Contains("wants a user name and password (407)", await _lab.A.StatusTextAsync(), StringComparison.Ordinal);
        await _lab.A.Agent!.WaitForLineAsync(line => line.Contains("because of the proxy", StringComparison.Ordinal), Patience);

        string file = await File.ReadAllTextAsync(_lab.A.Link.ConfigFile);
        await File.WriteAllTextAsync(_lab.A.Link.ConfigFile, file.Replace("http://", "http://ann:secret@", StringComparison.Ordinal));
        PingStream pings = PingStream.Start(_lab.A.Host, _lab.B.TunnelAddress, PingInterval);
        PeerReport here = await _lab.A.WaitForVerdictAsync(_lab.B, "udp_blocked_here", Patience);
        PeerReport there = await _lab.B.WaitForVerdictAsync(_lab.A, "udp_blocked_there", Patience);
        int mark = pings.Mark();
        await pings.WaitForReplyAsync(mark + 40, Patience);

        Assert.Equal((PeerReport.Relayed, PeerReport.Relayed), (here.Path, there.Path));
        Assert.Equal(0, pings.Since(mark).Lost);
        Assert.Contains(proxy.Lines, line => TinyProxy.IsRequest(line, $"{Lab.ServerAddress}:443"));
        Assert.DoesNotContain(_lab.A.Agent.Lines, line => line.Contains("secret", StringComparison.Ordinal));
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }
}
