namespace NatLab.Tests;

/// <summary>Two nodes on one link that have nothing there but link-local IPv6, and no way past a relay elsewhere.</summary>
public sealed class LinkLocalTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private TunnelLab? _lab;

    /// <summary>The link is known by its IPv4 router, which the hosts may speak to: as in a café whose access point keeps its guests apart, but for IPv6.</summary>
    [Fact]
    public async Task Two_behind_one_router_whose_switch_keeps_ipv4_apart_become_direct()
    {
        TunnelLab lab = await CreateAsync(natOfB: null);
        await lab.A.Host.Site!.Router.NftAsync("add table bridge apart\nadd chain bridge apart forward { type filter hook forward priority 0; }\nadd rule bridge apart forward ether type ip drop\n");

        await AssertDirectOverLinkLocalAsync(lab);
    }

    /// <summary>The link is known by its IPv6 router; no prefix is announced there.</summary>
    [Fact]
    public async Task Two_joined_by_a_cable_become_direct_though_the_routers_between_them_let_nothing_through()
    {
        TunnelLab lab = await CreateAsync(natOfB: "edm-apdf");
        await lab.Lab.CutUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!);
        await lab.A.Host.CableToAsync(lab.B.Host, "cable", router: "fe80::200:5eff:fe00:53");

        await AssertDirectOverLinkLocalAsync(lab);
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    private async Task<TunnelLab> CreateAsync(string? natOfB)
    {
        Needs.Tunnels();
        return _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = natOfB });
    }

    private static async Task AssertDirectOverLinkLocalAsync(TunnelLab lab)
    {
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, TimeSpan.FromMilliseconds(200));

        PeerReport there = await lab.A.WaitForDirectAsync(lab.B, Patience);
        PeerReport back = await lab.B.WaitForDirectAsync(lab.A, Patience);

        Assert.Matches(@"^\[fe80::.*%\d+\]:\d+$", there.Endpoint);
        Assert.Matches(@"^\[fe80::.*%\d+\]:\d+$", back.Endpoint);
        int mark = pings.Mark();
        await pings.WaitForReplyAsync(mark + 10, Patience);
        Assert.Equal(0, pings.Since(mark).Lost);
    }
}
