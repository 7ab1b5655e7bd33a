namespace NatLab.Tests;

/// <summary>A port forwarded by hand, as its owner says in the settings.</summary>
public sealed class AdvertisedPortTests : IAsyncDisposable
{
    private const int Port = 41641;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private TunnelLab? _lab;

    [Theory]
    [InlineData(true)] // NODE_ADVERTISE, which is --advertise.
    [InlineData(false)] // #RelayAdvertise.
    public async Task Two_hard_nats_are_direct_through_a_forwarded_port_that_is_advertised(bool isByProgram)
    {
        Assert.SkipUnless(LabRequirements.MissingForTunnels is null, LabRequirements.MissingForTunnels ?? "");
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = "edm-apdf", RelayLinesOfA = [$"#RelayPort = {Port}", "#RelayPortMapping = off"] });
        Site site = _lab.A.Host.Site!;
        await site.Router.NftAsync($$"""
            table ip byhand {
              chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                iifname "wan" ip daddr {{site.PublicAddress}} udp dport {{Port}} dnat to {{_lab.A.Host.Address}}:{{Port}}
              }
            }
            """);
        string advertised = $"{site.PublicAddress}:{Port}";
        if (!isByProgram) await File.WriteAllTextAsync(_lab.A.Link.ConfigFile, (await File.ReadAllTextAsync(_lab.A.Link.ConfigFile)).Replace("[Interface]\n", $"[Interface]\n#RelayAdvertise = {advertised}\n", StringComparison.Ordinal));
        await _lab.B.StartAgentAsync();
        await _lab.A.StartAgentAsync(isByProgram ? new Dictionary<string, string> { ["NODE_ADVERTISE"] = advertised } : null);
        PingStream pings = PingStream.Start(_lab.A.Host, _lab.B.TunnelAddress, TimeSpan.FromMilliseconds(50));

        PeerReport ofB = await _lab.B.WaitForDirectAsync(_lab.A, Patience);
        await _lab.A.WaitForDirectAsync(_lab.B, Patience);
        PingLoss loss = await pings.StopAsync();

        TestContext.Current.TestOutputHelper?.WriteLine($"{ofB}; {loss}\n{await _lab.A.StatusTextAsync()}\n{await _lab.B.StatusTextAsync()}");
        Assert.Equal(advertised, ofB.Endpoint);
        Assert.Contains($"{advertised} (configured)", await _lab.A.StatusTextAsync(), StringComparison.Ordinal);
        Assert.Contains($"{advertised} (configured)", await _lab.B.StatusTextAsync(), StringComparison.Ordinal);
        Assert.Equal(0, loss.Lost);
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }
}
