namespace NatLab.Tests;

/// <summary>
/// A node gets the profile that the NAT before it was configured with, whole and for every kind. What no node can tell from where it is:
/// <list type="bullet">
/// <item>Of two NATs, which does what: it sees the harder mapping, the stricter filter, and the outer one's ports. That there are two it learns from
/// a gateway whose own address is a provider's, and so in one of these networks alone.</item>
/// <item>A router that takes what belongs to nothing (<c>linux</c>): it looks like any other.</item>
/// <item>Hairpinning without a NAT: there is nothing to turn back.</item>
/// <item>The exact ends of a block of ports: it sees a dozen ports, and allows for as much as they lie apart.</item>
/// </list>
/// How long an idle mapping is kept takes up to ten minutes to tell, so it is told of NATs that soon forget.
/// </summary>
public sealed class NatProfileTests(ProfileLab lab) : IClassFixture<ProfileLab>
{
    /// <summary>A dozen ports lie over more than this share of their block; by chance, three in a million do not.</summary>
    private const double LeastOfBlock = 0.25;

    /// <summary>How far beyond its ends a block is believed to reach, at most: as far as a dozen ports lie apart.</summary>
    private const double MostBeyondBlock = 0.1;

    public static TheoryData<string> Kinds => [.. ProfileLab.Kinds];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_node_knows_the_nat_it_is_behind(string name)
    {
        Needs.Tunnels();
        NatReport told = await lab.ProfileOfAsync(name);

        TestContext.Current.TestOutputHelper?.WriteLine($"{told}");
        Assert.Equal(ExpectedOf(name), told with { LowestPort = null, HighestPort = null });
        AssertBlock((NatKind.Parse(name).Carrier ?? NatKind.Parse(name)).Ports, told);
    }

    [Fact]
    public async Task How_long_a_nat_keeps_an_idle_mapping_is_found_out_at_no_cost_and_the_idle_path_is_kept()
    {
        Needs.Tunnels();
        Needs.Programs(ForgetfulPair.Program);
        ForgetfulPair pair = await lab.ForgetfulAsync();

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"kept for {ForgetfulPair.KeptSeconds} s, found {pair.AtA} s and {pair.AtB} s; {pair.WhileMeasured}; mapped in {pair.IsKept.Count(isKept => isKept)} of {pair.IsKept.Count} looks");
        Assert.InRange(pair.AtA, 1, ForgetfulPair.KeptSeconds); // Five, unless the machine was so busy that a mapping ended before it was asked for.
        Assert.InRange(pair.AtB, 1, ForgetfulPair.KeptSeconds);
        Assert.Equal(0, pair.WhileMeasured.Lost);
        Assert.DoesNotContain(false, pair.IsKept); // At the pace for a NAT that is not known, it would be gone half of the time.
        Assert.Equal((pair.Before.Path, pair.Before.Endpoint, pair.Before.Since), (pair.After.Path, pair.After.Endpoint, pair.After.Since));
    }

    private static NatReport ExpectedOf(string name)
    {
        NatKind kind = NatKind.Parse(name);
        NatKind outer = kind.Carrier ?? kind;
        bool hasGateway = name == ProfileLab.WithGateway;
        return new NatReport(
            Udp: "works",
            NatWords.Mapping(outer),
            NatWords.Filtering(kind),
            NatWords.PortAllocation(outer),
            PortStep: outer.Mapping == NatMapping.Sequential ? outer.Step : null,
            LowestPort: null,
            HighestPort: null,
            Hairpinning: kind.IsPublic ? null : kind.Hairpins,
            LifetimeSeconds: null,
            IsNested: hasGateway,
            IsCarrierGrade: false,
            OffersPortMapping: hasGateway);
    }

    private static void AssertBlock(PortRange? block, NatReport told)
    {
        if (block is null)
        {
            Assert.Equal((null, null), (told.LowestPort, told.HighestPort));
            return;
        }

        int width = block.Last - block.First;
        int beyond = (int)(MostBeyondBlock * width);
        Assert.InRange(told.LowestPort ?? 0, block.First - beyond, block.Last);
        Assert.InRange(told.HighestPort ?? 0, block.First, block.Last + beyond);
        Assert.InRange(told.HighestPort - told.LowestPort ?? 0, LeastOfBlock * width, int.MaxValue);
    }
}
