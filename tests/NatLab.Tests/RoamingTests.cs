namespace NatLab.Tests;

/// <summary>What happens to a network under a tunnel, on a real kernel: five pings a second count what each change costs. The figures are printed.</summary>
public sealed class RoamingTests : IAsyncDisposable
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TunnelLab? _lab;

    [Fact]
    public Task A_cut_costs_a_ping_and_healing_none() => ChangeAsync("cut", lab => lab.Lab.CutUdpAsync(lab.A.Host.Site!, lab.B.Host.Site!), mostLost: 3, isDirect: false);

    [Fact]
    public Task A_host_that_gets_another_address_is_direct_again() => ChangeAsync("another address", async lab =>
    {
        string old = lab.A.Host.Address;
        string gateway = lab.A.Host.Site!.Gateway;
        string fresh = $"{gateway[..gateway.LastIndexOf('.')]}.99";
        await lab.A.Host.Namespace.IpAsync($"addr del {old}/24 dev eth0", $"addr add {fresh}/24 dev eth0", $"route replace default via {gateway}");
    }, mostLost: 5);

    [Fact]
    public Task A_host_whose_interface_goes_down_and_comes_up_is_direct_again() => ChangeAsync("interface down for a second", async lab =>
    {
        await lab.A.Host.Namespace.IpAsync("link set dev eth0 down");
        await Task.Delay(TimeSpan.FromSeconds(1));
        await lab.A.Host.Namespace.IpAsync("link set dev eth0 up", $"route replace default via {lab.A.Host.Site!.Gateway}");
    }, mostLost: 5);

    [Fact]
    public Task A_router_that_starts_anew_with_another_public_address_is_followed() => ChangeAsync("router with another address", async lab =>
    {
        Site site = lab.A.Host.Site!;
        string network = site.PublicAddress[..site.PublicAddress.LastIndexOf('.')];
        await site.Router.IpAsync($"addr del {site.PublicAddress}/24 dev wan", $"addr add {network}.77/24 dev wan", $"route replace default via {network}.1");
        await site.Router.TryRunAsync(["conntrack", "-F"]);
    }, mostLost: 5);

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    private async Task ChangeAsync(string what, Func<TunnelLab, Task> change, int mostLost, bool isDirect = true)
    {
        Needs.Tunnels();
        TunnelLab lab = _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eim-apdf", NatOfB = "eim-apdf" });
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await lab.A.WaitForDirectAsync(lab.B, Patience);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        await SettleAsync(pings);

        int mark = pings.Mark();
        await change(lab);
        await SettleAsync(pings);
        if (isDirect)
        {
            await lab.A.WaitForDirectAsync(lab.B, Patience);
            await lab.B.WaitForDirectAsync(lab.A, Patience);
        }
        else
        {
            await lab.A.WaitForRelayedAsync(lab.B, Patience);
        }

        PingLoss loss = pings.Since(mark);
        Print($"{what}: {loss}");
        await SettleAsync(pings);
        int after = pings.Mark();
        await SettleAsync(pings);
        Assert.Equal(0, pings.Since(after).Lost);
        Assert.InRange(loss.Lost, 0, mostLost); // Generous, for the machine may be busy: what it really costs is printed.
    }

    private static async Task SettleAsync(PingStream pings) => await pings.WaitForReplyAsync(pings.Mark() + 5, Patience);

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
