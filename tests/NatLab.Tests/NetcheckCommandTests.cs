using System.Text.Json;

namespace NatLab.Tests;

/// <summary><c>relay-node netcheck</c> in networks of several kinds, side by side in one lab.</summary>
public sealed class NetcheckCommandTests : IAsyncDisposable
{
    private const int ProxyPort = 3128;
    private const int PortalPort = 8080;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private Lab? _lab;

    [Fact]
    public async Task What_each_network_is_like_is_told()
    {
        Needs.Networks();
        _lab = await Lab.CreateAsync();
        RelayStation relay = await RelayStation.StartAsync(_lab);
        Site open = await _lab.AddSiteAsync("o", NatKind.Parse("pub"), IPv6Access.Open);
        Site hard = await _lab.AddSiteAsync("h", NatKind.Parse("edm-apdf"));
        Site blocked = await _lab.AddSiteAsync("x", NatKind.Parse("eim-apdf"));
        await blocked.BlockUdpAsync();
        Task<CommandResult>[] asked = [AskAsync(open, relay, "--json"), AskAsync(hard, relay, "--json"), AskAsync(blocked, relay, "--json"), AskAsync(hard, relay)];
        CommandResult[] told = await Task.WhenAll(asked);
        foreach (CommandResult result in told) TestContext.Current.TestOutputHelper?.WriteLine($"{result.Output}{result.Error}");
        Assert.All(told, result => Assert.Equal(0, result.ExitCode));

        JsonElement atOpen = Parse(told[0]);
        Assert.Equal(("works", "works"), (Udp(atOpen, "ipv4"), Udp(atOpen, "ipv6")));
        Assert.Equal(open.Host.Address, atOpen.GetProperty("ipv4").GetProperty("publicAddresses")[0].GetString());
        Assert.Equal(open.Host.AddressIPv6, atOpen.GetProperty("ipv6").GetProperty("publicAddresses")[0].GetString());
        Assert.False(atOpen.GetProperty("ipv4").GetProperty("mappingVaries").GetBoolean());
        Assert.Equal(RelayStation.RegionId, atOpen.GetProperty("homeRegion").GetInt32());
        Assert.True(atOpen.GetProperty("regions")[0].GetProperty("ipv6Ms").GetDouble() > 0);
        Assert.Equal(JsonValueKind.Null, atOpen.GetProperty("captivePortal").ValueKind);

        JsonElement atHard = Parse(told[1]);
        Assert.Equal(("works", "no-way"), (Udp(atHard, "ipv4"), Udp(atHard, "ipv6")));
        Assert.Equal(hard.PublicAddress, atHard.GetProperty("ipv4").GetProperty("publicAddresses")[0].GetString());
        Assert.True(atHard.GetProperty("ipv4").GetProperty("mappingVaries").GetBoolean());
        Assert.Equal("nat", atHard.GetProperty("ipv4").GetProperty("stun").GetProperty("nat").GetString());
        Assert.Equal("not-mapped", atHard.GetProperty("portMapping").GetProperty("state").GetString());

        JsonElement atBlocked = Parse(told[2]);
        Assert.Equal("silent", Udp(atBlocked, "ipv4"));
        Assert.True(atBlocked.GetProperty("answered").GetBoolean());
        Assert.True(atBlocked.GetProperty("regions")[0].GetProperty("httpsMs").GetDouble() > 0);
        Assert.Equal(RelayStation.RegionId, atBlocked.GetProperty("homeRegion").GetInt32());
        Assert.False(atBlocked.GetProperty("captivePortal").GetBoolean());

        Assert.Contains("the public port differs", told[3].Output, StringComparison.Ordinal);
        Assert.Contains("lab (900)", told[3].Output, StringComparison.Ordinal);
        Assert.Contains("home", told[3].Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_captive_portal_and_a_proxy_are_told()
    {
        Needs.Networks();
        Needs.Programs(TinyProxy.Program);
        _lab = await Lab.CreateAsync();
        RelayStation relay = await RelayStation.StartAsync(_lab);
        Site hotel = await _lab.AddSiteAsync("h", NatKind.Parse("eim-apdf"));
        await hotel.BlockAllAsync();
        await TinyProxy.StartAsync(_lab, hotel, ProxyPort, null);
        await TinyProxy.StartAsync(_lab, hotel, PortalPort, "guest password"); // Whoever asks for a web page is asked for a password instead.
        await hotel.Router.NftAsync($$"""
            table ip portal {
              chain prerouting {
                type nat hook prerouting priority dstnat; policy accept;
                iifname "lan" tcp dport 80 redirect to :{{PortalPort}}
              }
            }
            """);

        CommandResult captive = await AskAsync(hotel, relay, "--json");
        CommandResult proxied = await AskAsync(hotel, relay, "--json", "--proxy", $"http://{hotel.Gateway}:{ProxyPort}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{captive.Output}{captive.Error}{proxied.Output}{proxied.Error}");

        Assert.Equal(1, captive.ExitCode);
        Assert.True(Parse(captive).GetProperty("captivePortal").GetBoolean());
        Assert.False(Parse(captive).GetProperty("answered").GetBoolean());
        Assert.Equal(0, proxied.ExitCode);
        Assert.Equal($"{hotel.Gateway}:{ProxyPort}", Parse(proxied).GetProperty("proxy").GetString());
        Assert.True(Parse(proxied).GetProperty("regions")[0].GetProperty("httpsMs").GetDouble() > 0);
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_lab is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) TestContext.Current.TestOutputHelper?.WriteLine(_lab.Describe());
        await _lab.DisposeAsync();
    }

    private static async Task<CommandResult> AskAsync(Site site, RelayStation relay, params string[] options) =>
        await site.Host.Namespace.TryRunAsync([await PublishedPrograms.PathOfAsync("relay-node"), "netcheck", "--relay-map", relay.MapFile, .. options], Patience);

    private static JsonElement Parse(CommandResult result)
    {
        using JsonDocument document = JsonDocument.Parse(result.Output);
        return document.RootElement.Clone();
    }

    private static string? Udp(JsonElement report, string family) => report.GetProperty(family).GetProperty("udp").GetString();
}
