using System.Text.Json;

namespace NatLab.Tests;

/// <summary><c>relay-node stun</c> names kinds of NAT of the lab, asking our server.</summary>
public sealed class StunCommandTests(StunLab lab) : IClassFixture<StunLab>
{
    public static TheoryData<string> Kinds => [.. StunLab.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_kind_of_nat_is_named(string name)
    {
        Needs.Networks();
        (CommandResult result, JsonElement told) = await lab.ToldAsync(name);
        NatKind kind = NatKind.Parse(name);

        TestContext.Current.TestOutputHelper?.WriteLine(result.Output);
        Assert.Equal(0, result.ExitCode);
        NatKind outer = kind.Carrier ?? kind; // The harder of two is what shows.
        Assert.Equal(NatWords.Mapping(outer), told.GetProperty("mapping").GetString());
        Assert.Equal(NatWords.Filtering(kind), told.GetProperty("filtering").GetString());
        Assert.Equal(kind.IsPublic ? kind == NatKind.Public ? "none" : "firewall" : "nat", told.GetProperty("nat").GetString());
        Assert.Equal(kind.IsPublic ? "null" : kind.Hairpins ? "true" : "false", told.GetProperty("hairpinning").GetRawText());
        Assert.StartsWith(kind.IsPublic ? lab.SiteOf(name).Host.Address : lab.SiteOf(name).PublicAddress, told.GetProperty("mapped").GetString(), StringComparison.Ordinal);

        JsonElement ports = told.GetProperty("portAllocation");
        Assert.Equal(NatWords.PortAllocation(outer), ports.GetProperty("pattern").GetString());
        Assert.Equal(outer.Mapping == NatMapping.Sequential ? outer.Step : 0, ports.GetProperty("step").GetInt32());
        Assert.Equal(outer.Ports is not null, ports.GetProperty("confined").GetBoolean());
        if (outer.Ports is null) return;
        Assert.InRange(ports.GetProperty("lowest").GetInt32(), outer.Ports.First, outer.Ports.Last);
        Assert.InRange(ports.GetProperty("highest").GetInt32(), outer.Ports.First, outer.Ports.Last);
    }

    [Fact]
    public async Task Where_udp_is_blocked_it_says_so_because_tcp_is_answered()
    {
        Needs.Networks();
        Site site = await lab.Lab.AddSiteAsync("x", NatKind.Parse("eim-apdf"));
        await site.BlockUdpAsync();

        CommandResult result = await lab.AskAsync(site.Host);

        TestContext.Current.TestOutputHelper?.WriteLine(result.Output);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("UDP is blocked", result.Output, StringComparison.Ordinal);
        Assert.Contains("for up to", result.Error, StringComparison.Ordinal); // It says what it waits for.
    }
}
