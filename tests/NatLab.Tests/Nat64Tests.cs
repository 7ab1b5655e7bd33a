namespace NatLab.Tests;

/// <summary>A node in a network of IPv6 alone, with a NAT64, whose relay map has IPv4 addresses and nothing else: a phone, as its owner takes it along.</summary>
public sealed class Nat64Tests : IAsyncDisposable
{
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private TunnelLab? _lab;

    [Theory]
    [InlineData("eimr-apdf", "eimr-apdf")]
    [InlineData("edm-apdf", "eim-eif")]
    public async Task It_reaches_the_relay_and_is_direct_with_a_peer_of_ipv4_alone(string nat64, string peer)
    {
        Needs.Tunnels();
        Needs.Programs(Nat64Station.Program);
        TunnelLab lab = _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat64, NatOfB = peer, HasNat64AtA = true });
        await lab.StartAgentsAsync();

        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        PingReply first = await pings.WaitForReplyAsync(0, Patience);
        PeerReport here = await lab.A.WaitForDirectAsync(lab.B, Patience);
        PeerReport there = await lab.B.WaitForDirectAsync(lab.A, Patience);
        await pings.WaitForReplyAsync(pings.Mark() + (int)(TimeSpan.FromSeconds(1) / PingInterval), Patience);

        PingLoss loss = await pings.StopAsync();
        Print($"first answered ping {first.Sequence} after {first.Rtt.TotalMilliseconds:0} ms; from IPv6: {here}; from IPv4: {there}; {loss}");
        Assert.Equal(1, first.Sequence);
        Assert.Equal(0, loss.Lost);
        Assert.StartsWith($"[{Nat64Station.Translate(lab.A.Host.Site!, lab.B.Host.Site!.PublicAddress)}]:", here.Endpoint, StringComparison.Ordinal);
        Assert.StartsWith($"{lab.A.Host.Site!.PublicAddress}:", there.Endpoint, StringComparison.Ordinal);
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
