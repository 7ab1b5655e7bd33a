namespace NatLab.Tests;

/// <summary>A fleet of relays and nothing else: what their own STUN tells a node of its NAT.</summary>
public sealed class RelayStunTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private TunnelLab? _lab;

    [Theory]
    [InlineData("eim-apdf", "address-and-port-dependent")]
    [InlineData("eim-adf", "address-dependent")]
    [InlineData("edm-apdf", "address-and-port-dependent")]
    public async Task A_node_learns_from_a_relay_alone_whether_its_NAT_lets_in_ports_it_has_not_sent_to(string nat, string filtering)
    {
        Assert.SkipUnless(LabRequirements.MissingForTunnels is null, LabRequirements.MissingForTunnels ?? "");
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat, NatOfB = "pub" });
        await _lab.A.StartAgentAsync();

        NatReport found = await _lab.A.WaitForNatAsync(report => report.Filtering is not null, "filtering as it can be told", Patience);

        TestContext.Current.TestOutputHelper?.WriteLine($"{found}\n{await _lab.A.StatusTextAsync()}");
        Assert.Equal(filtering, found.Filtering);
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }
}
