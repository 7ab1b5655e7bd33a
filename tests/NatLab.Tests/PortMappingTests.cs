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
        Site site = await lab.AddSiteAsync("a", NatKind.Parse("edm-apdf"), IPv6Access.Firewalled);

        (int bareCode, JsonElement bare) = await AskAsync(site.Host);
        Assert.Equal(1, bareCode);
        Assert.Equal("not-mapped", bare.GetProperty("state").GetString());
        Assert.Equal("absent", Answer(bare, "pcp")); // Nobody listens, and the router says so.
        Assert.Equal("silent", Answer(bare, "upnp"));
        Assert.Equal("not-mapped", bare.GetProperty("pinhole").GetProperty("state").GetString());

        PortMapStation gateway = await PortMapStation.StartAsync(lab, site);
        JsonElement told = await AskMappedAsync(gateway, "pcp");
        Assert.Equal("offered", Answer(told, "natPmp"));
        Assert.Equal("offered", Answer(told, "upnp"));
        Assert.Equal(gateway.External, told.GetProperty("upnp").GetProperty("external").GetString());
        Assert.Equal(7200, AssertPinhole(site, told).GetProperty("pcp").GetProperty("lifetimeSeconds").GetInt32());

        await gateway.BlockPcpAsync();
        told = await AskMappedAsync(gateway, "natPmp");
        Assert.Equal("silent", Answer(told, "pcp"));

        await gateway.BlockPortControlAsync();
        told = await AskMappedAsync(gateway, "upnp");
        Assert.Equal("silent", Answer(told, "natPmp"));
        Assert.Equal(7200, AssertPinhole(site, told).GetProperty("upnp").GetProperty("lifetimeSeconds").GetInt32());
    }

    [Theory]
    [InlineData("pcp")]
    [InlineData("nat-pmp")]
    [InlineData("upnp", 1)]
    [InlineData("upnp", 2)]
    public async Task Two_hard_nats_are_direct_through_a_mapped_port(string protocol, int igdVersion = 2)
    {
        NeedsGateway(LabRequirements.MissingForTunnels);
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = "edm-apdf" });
        PortMapStation gateway = await PortMapStation.StartAsync(_lab.Lab, _lab.A.Host.Site!, igdVersion: igdVersion);
        if (protocol == "nat-pmp") await gateway.BlockPcpAsync();
        if (protocol == "upnp") await gateway.BlockPortControlAsync();
        await _lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(_lab.A.Host, _lab.B.TunnelAddress, TimeSpan.FromMilliseconds(50));

        PeerReport ofB = await _lab.B.WaitForDirectAsync(_lab.A, Patience);
        await _lab.A.WaitForDirectAsync(_lab.B, Patience);
        await pings.WaitForReplyAsync(pings.Mark() + 20, Patience);
        PingLoss loss = await pings.StopAsync();

        TestContext.Current.TestOutputHelper?.WriteLine($"{ofB}; {loss}; {string.Join("; ", await gateway.MappingsAsync())}\n{await _lab.A.StatusTextAsync()}");
        Assert.NotNull(ofB.Endpoint);
        string port = ofB.Endpoint[(ofB.Endpoint.LastIndexOf(':') + 1)..];
        Assert.Equal($"{gateway.External}:{port}", ofB.Endpoint);
        Assert.Equal(0, loss.Lost);
        Assert.Contains($"dport {port} ", Assert.Single(await gateway.MappingsAsync()), StringComparison.Ordinal);
        Assert.Contains($"port mapping: {gateway.External}:{port} by {protocol.ToUpperInvariant().Replace("UPNP", "UPnP", StringComparison.Ordinal)}", await _lab.A.StatusTextAsync(), StringComparison.Ordinal);

        Assert.True(await _lab.A.Agent!.StopAsync());
        await gateway.WaitForMappingsAsync(0, Patience);
    }

    [Fact]
    public async Task A_restarted_gateway_has_the_mapping_again_at_once_and_pinholes_are_given_back()
    {
        NeedsGateway(LabRequirements.MissingForTunnels);
        _lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "edm-apdf", NatOfB = "edm-apdf", IPv6 = IPv6Access.Firewalled });
        PortMapStation gateway = await PortMapStation.StartAsync(_lab.Lab, _lab.A.Host.Site!);
        await _lab.A.StartAgentAsync();
        await gateway.WaitForMappingsAsync(1, Patience);
        await gateway.WaitForPinholesAsync(1, Patience);
        Assert.True(await _lab.A.Agent!.StopAsync());
        await gateway.WaitForPinholesAsync(0, Patience);
        await _lab.A.StartAgentAsync();
        await gateway.WaitForMappingsAsync(1, Patience);
        await Task.Delay(TimeSpan.FromSeconds(3)); // Its epoch must have got further than the next one's start.

        await gateway.RestartAsync(); // It announces itself in IPv4 alone: the pinhole is looked after a minute later.
        await gateway.WaitForMappingsAsync(1, Patience);
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

    private static string? Answer(JsonElement told, string protocol) => told.GetProperty(protocol).GetProperty("answer").GetString();

    private static JsonElement AssertPinhole(Site site, JsonElement told)
    {
        JsonElement pinhole = told.GetProperty("pinhole");
        Assert.Equal("mapped", pinhole.GetProperty("state").GetString());
        Assert.StartsWith($"[{site.Host.AddressIPv6}]:", pinhole.GetProperty("mapped").GetString(), StringComparison.Ordinal);
        return pinhole;
    }

    /// <summary>Asks what is offered, by which protocol it is mapped, and that nothing stays behind.</summary>
    private static async Task<JsonElement> AskMappedAsync(PortMapStation gateway, string protocol)
    {
        (int code, JsonElement told) = await AskAsync(gateway.Site.Host);
        TestContext.Current.TestOutputHelper?.WriteLine(told.ToString());
        Assert.Equal(0, code);
        Assert.Equal("mapped", told.GetProperty("state").GetString());
        Assert.StartsWith($"{gateway.External}:", told.GetProperty("mapped").GetString(), StringComparison.Ordinal);
        Assert.Equal(7200, told.GetProperty(protocol).GetProperty("lifetimeSeconds").GetInt32());
        await gateway.WaitForMappingsAsync(0, Patience); // The program does not wait for the gateway to do as it was told at the end.
        await gateway.WaitForPinholesAsync(0, Patience);
        return told;
    }

    private static async Task<(int Code, JsonElement Told)> AskAsync(LabHost host)
    {
        CommandResult result = await host.Namespace.TryRunAsync([await PublishedPrograms.PathOfAsync("relay-node"), "portmap", "--json"], Patience);
        using JsonDocument document = JsonDocument.Parse(result.Output);
        return (result.ExitCode, document.RootElement.Clone());
    }
}
