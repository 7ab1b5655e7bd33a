using System.Text.Json;

namespace NatLab.Tests;

/// <summary>Ports mapped by the real miniupnpd.</summary>
public sealed class PortMappingTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private TunnelLab? _lab;

    [Fact]
    public async Task The_gateways_offer_is_shown_and_what_was_mapped_is_given_back()
    {
        NeedsGateway(LabRequirements.MissingForNetworks);
        await using Lab lab = await Lab.CreateAsync();
        Site site = await lab.AddSiteAsync("a", NatKind.Parse("edm-apdf"));

        (int bareCode, JsonElement bare) = await AskAsync(site.Host);
        Assert.Equal(1, bareCode);
        Assert.Equal("not-mapped", bare.GetProperty("state").GetString());
        Assert.Equal("absent", bare.GetProperty("pcp").GetProperty("answer").GetString()); // Nobody listens, and the router says so.

        PortMapStation gateway = await PortMapStation.StartAsync(lab, site);
        (int code, JsonElement told) = await AskAsync(site.Host);
        Assert.Equal(0, code);
        Assert.Equal("mapped", told.GetProperty("state").GetString());
        Assert.StartsWith($"{gateway.External}:", told.GetProperty("mapped").GetString(), StringComparison.Ordinal);
        Assert.Equal(7200, told.GetProperty("pcp").GetProperty("lifetimeSeconds").GetInt32());
        Assert.Equal("offered", told.GetProperty("natPmp").GetProperty("answer").GetString());
        Assert.Empty(await gateway.MappingsAsync());

        await gateway.BlockPcpAsync();
        (code, told) = await AskAsync(site.Host);
        Assert.Equal(0, code);
        Assert.Equal("silent", told.GetProperty("pcp").GetProperty("answer").GetString());
        Assert.StartsWith($"{gateway.External}:", told.GetProperty("mapped").GetString(), StringComparison.Ordinal);
        Assert.Equal(7200, told.GetProperty("natPmp").GetProperty("lifetimeSeconds").GetInt32());
        Assert.Empty(await gateway.MappingsAsync());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Two_hard_nats_are_direct_through_a_mapped_port(bool hasPcp)
    {
        NeedsGateway(LabRequirements.MissingForTunnels);
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = "edm-apdf" });
        PortMapStation gateway = await PortMapStation.StartAsync(_lab.Lab, _lab.A.Host.Site!);
        if (!hasPcp) await gateway.BlockPcpAsync();
        await _lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(_lab.A.Host, _lab.B.TunnelAddress, TimeSpan.FromMilliseconds(50));

        PeerReport ofB = await _lab.B.WaitForDirectAsync(_lab.A, Patience);
        await _lab.A.WaitForDirectAsync(_lab.B, Patience);
        await pings.WaitForReplyAsync(pings.Mark() + 20, Patience);
        PingLoss loss = await pings.StopAsync();

        TestContext.Current.TestOutputHelper?.WriteLine($"{ofB}; {loss}; {string.Join("; ", await gateway.MappingsAsync())}");
        Assert.StartsWith($"{gateway.External}:", ofB.Endpoint, StringComparison.Ordinal);
        Assert.Equal(0, loss.Lost);
        Assert.Single(await gateway.MappingsAsync());

        Assert.True(await _lab.A.Agent!.StopAsync());
        await gateway.WaitForMappingsAsync(0, Patience);
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Lab.Describe());
        await _lab.DisposeAsync();
    }

    private static void NeedsGateway(string? missing)
    {
        missing ??= LabRequirements.MissingForNetworksWith(PortMapStation.Program);
        Assert.SkipUnless(missing is null, missing ?? "");
    }

    private static async Task<(int Code, JsonElement Told)> AskAsync(LabHost host)
    {
        CommandResult result = await host.Namespace.TryRunAsync([await PublishedPrograms.PathOfAsync("relay-node"), "portmap", "--json"], Patience);
        using JsonDocument document = JsonDocument.Parse(result.Output);
        return (result.ExitCode, document.RootElement.Clone());
    }
}
