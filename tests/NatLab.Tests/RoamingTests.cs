namespace NatLab.Tests;

/// <summary>
/// What happens to a network under a tunnel, on a real kernel: five pings a second count what each change costs, from the moment when it is done,
/// for while there is no network, nothing arrives. The figures are printed, with how long it took to be direct again.
/// </summary>
public sealed class RoamingTests : IAsyncDisposable
{
    /// <summary>A path that dies takes the ping that is on its way. A second one is for the busy machine: on a quiet one it is hardly ever lost.</summary>
    private const int MostLostByCut = 2;

    /// <summary>After a change of network the relay carries on within a second.</summary>
    private const int MostLostByChange = 5;

    /// <summary>
    /// To be direct again takes half a second, and a few on a busy machine. A node that misses a change, and sees it only when STUN is asked in its
    /// turn, takes 20 to 26 s.
    /// </summary>
    private static readonly TimeSpan DirectAgainWithin = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TunnelLab? _lab;

    [Fact]
    public async Task A_cut_of_one_way_or_both_costs_a_ping_and_healing_none()
    {
        TunnelLab lab = await BuildAsync("eimr-apdf");
        await lab.StartAgentsAsync();
        PingStream pings = await PingDirectlyAsync(lab);
        (Site a, Site b) = (lab.A.Host.Site!, lab.B.Host.Site!);

        await CutAsync("both ways", lab.Lab.CutUdpAsync, lab.Lab.HealUdpAsync);
        await CutAsync("from here", lab.Lab.CutUdpOneWayAsync, lab.Lab.HealUdpOneWayAsync);
        (a, b) = (b, a);
        await CutAsync("to here", lab.Lab.CutUdpOneWayAsync, lab.Lab.HealUdpOneWayAsync);

        async Task CutAsync(string what, Func<Site, Site, Task> cut, Func<Site, Site, Task> heal)
        {
            int mark = pings.Mark();
            await cut(a, b);
            await lab.A.WaitForRelayedAsync(lab.B, Patience);
            await lab.B.WaitForRelayedAsync(lab.A, Patience);
            await SettleAsync(pings);
            PingLoss cutLoss = pings.Since(mark);

            mark = pings.Mark();
            await heal(a, b);
            DateTimeOffset healed = DateTimeOffset.UtcNow;
            await WaitForDirectAsync(lab, pings);
            PingLoss healLoss = pings.Since(mark);
            Print($"cut {what}: {cutLoss}; healed: {healLoss}; direct after {await TimeToDirectAsync(lab, healed):0.0} s");
            Assert.InRange(cutLoss.Lost, 0, MostLostByCut);
            Assert.Equal(0, healLoss.Lost);
        }
    }

    [Fact]
    public Task A_host_that_gets_another_address_is_direct_again() => ChangeAsync("another address", async lab =>
    {
        string old = lab.A.Host.Address;
        string gateway = lab.A.Host.Site!.Gateway;
        string fresh = $"{gateway[..gateway.LastIndexOf('.')]}.99";
        await lab.A.Host.Namespace.IpAsync($"addr del {old}/24 dev eth0", $"addr add {fresh}/24 dev eth0", $"route replace default via {gateway}");
    });

    [Fact]
    public Task A_host_whose_interface_goes_down_and_comes_up_is_direct_again() => ChangeAsync("interface down for a second", async lab =>
    {
        await lab.A.Host.Namespace.IpAsync("link set dev eth0 down");
        await Task.Delay(TimeSpan.FromSeconds(1));
        await lab.A.Host.Namespace.IpAsync("link set dev eth0 up", $"route replace default via {lab.A.Host.Site!.Gateway}");
    });

    [Fact]
    public Task A_host_whose_interface_is_replaced_is_direct_again() => ChangeAsync("another interface", lab => lab.A.Host.ReplaceInterfaceAsync("wlan0"));

    [Fact]
    public Task A_host_that_changes_networks_is_direct_again() =>
        ChangeAsync("another network", async lab => await lab.A.Host.MoveToAsync(await lab.Lab.AddSiteAsync("c", NatKind.Parse("eim-apdf"))), nat: "eimr-apdf");

    [Fact]
    public Task A_router_that_starts_anew_with_another_public_address_is_followed() => ChangeAsync("router with another address", async lab =>
    {
        Site site = lab.A.Host.Site!;
        string gateway = $"{site.PublicAddress[..site.PublicAddress.LastIndexOf('.')]}.1";
        await site.Router.IpAsync($"addr del {site.PublicAddress}/24 dev wan", $"addr add {AnotherAddressOf(site)}/24 dev wan", $"route replace default via {gateway}");
        await site.ForgetFlowsAsync();
    }, seenAt: AnotherAddressOf);

    [Fact]
    public Task A_router_that_has_forgotten_every_flow_is_got_through_again() =>
        ChangeAsync("router off for a second", lab => lab.A.Host.Site!.RebootAsync(TimeSpan.FromSeconds(1)), nat: "eimr-apdf");

    /// <summary>
    /// All that a sleep is: for the host no time passes, except by the wall clock; its router forgets the flows, and the other end gives up the
    /// direct path. That the jump was noticed shows in that the NAT is looked at anew, which nothing else here gives cause for.
    /// </summary>
    [Fact]
    public async Task A_host_that_has_slept_is_direct_again()
    {
        Assert.SkipUnless(WallClock.Missing is null, WallClock.Missing ?? "");
        TunnelLab lab = await BuildAsync("eimr-apdf");
        WallClock clock = new(lab.Lab, "a");
        await lab.B.StartAgentAsync();
        await lab.A.StartAgentAsync(clock.Environment);
        PingStream pings = await PingDirectlyAsync(lab);
        await WaitForLooksAsync(1);

        lab.A.Host.Sleep();
        await lab.A.Host.Site!.ForgetFlowsAsync();
        await lab.B.WaitForRelayedAsync(lab.A, Patience);
        clock.Advance(TimeSpan.FromHours(1));
        int mark = pings.Mark();
        lab.A.Host.Wake();
        DateTimeOffset awake = DateTimeOffset.UtcNow;
        await WaitForDirectAsync(lab, pings);

        PingLoss loss = pings.Since(mark);
        Print($"slept: {loss}; direct after {((await lab.B.PeerAsync(lab.A)).Since - awake).TotalSeconds:0.0} s");
        Assert.InRange(loss.Lost, 0, MostLostByChange);
        await WaitForLooksAsync(2);

        async Task WaitForLooksAsync(int count)
        {
            for (int i = 0; lab.A.Agent!.Lines.Count(line => line.Contains("NAT for IPv4: mapping", StringComparison.Ordinal)) < count; i++)
            {
                Assert.True(i < 400, $"in twenty seconds no NAT was found out, the time no. {count}");
                await Task.Delay(50);
            }
        }
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    /// <param name="what">What is changed, for the figures.</param>
    /// <param name="change">Changes it, at a.</param>
    /// <param name="nat">The NATs at both ends.</param>
    /// <param name="seenAt">The public address that a has then; null = its site's.</param>
    private async Task ChangeAsync(string what, Func<TunnelLab, Task> change, string nat = "eim-apdf", Func<Site, string>? seenAt = null)
    {
        TunnelLab lab = await BuildAsync(nat);
        await lab.StartAgentsAsync();
        PingStream pings = await PingDirectlyAsync(lab);

        int before = pings.Mark();
        await change(lab);
        DateTimeOffset changed = DateTimeOffset.UtcNow;
        int mark = pings.Mark();
        string seen = seenAt?.Invoke(lab.A.Host.Site!) ?? lab.A.Host.Site!.PublicAddress;
        await lab.B.WaitForPeerAsync(
            lab.A, peer => peer.Path == PeerReport.Direct && peer.Endpoint!.StartsWith($"{seen}:", StringComparison.Ordinal), $"direct to {seen}", DirectAgainWithin);
        await WaitForDirectAsync(lab, pings);

        PingLoss loss = pings.Since(mark);
        Print($"{what}: {loss} (with the change itself: {pings.Since(before)}); direct after {await TimeToDirectAsync(lab, changed):0.0} s");
        int after = pings.Mark();
        await SettleAsync(pings);
        Assert.Equal(0, pings.Since(after).Lost);
        Assert.InRange(loss.Lost, 0, MostLostByChange);
    }

    private async Task<TunnelLab> BuildAsync(string nat)
    {
        Needs.Tunnels();
        Needs.Programs("conntrack");
        return _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat, NatOfB = nat });
    }

    private static async Task<PingStream> PingDirectlyAsync(TunnelLab lab)
    {
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await WaitForDirectAsync(lab, pings);
        return pings;
    }

    /// <summary>Waits until both ends are direct, and a second of pings longer, so that a loss by the change is seen.</summary>
    private static async Task WaitForDirectAsync(TunnelLab lab, PingStream pings)
    {
        await lab.A.WaitForDirectAsync(lab.B, DirectAgainWithin);
        await lab.B.WaitForDirectAsync(lab.A, DirectAgainWithin);
        await SettleAsync(pings);
    }

    /// <summary>From then until both ends went the way that they go now, in seconds; 0 where they did before.</summary>
    private static async Task<double> TimeToDirectAsync(TunnelLab lab, DateTimeOffset then)
    {
        (PeerReport atA, PeerReport atB) = (await lab.A.PeerAsync(lab.B), await lab.B.PeerAsync(lab.A));
        return Math.Max(0, ((atA.Since > atB.Since ? atA.Since : atB.Since) - then).TotalSeconds);
    }

    private static string AnotherAddressOf(Site site) => $"{site.PublicAddress[..site.PublicAddress.LastIndexOf('.')]}.77";

    private static async Task SettleAsync(PingStream pings) => await pings.WaitForReplyAsync(pings.Mark() + 5, Patience);

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
