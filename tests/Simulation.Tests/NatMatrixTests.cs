using Node.Traversal;
using Simulation;

namespace Simulation.Tests;

/// <summary>Every pair of NAT kinds, judged by the oracle.</summary>
public class NatMatrixTests
{
    public static TheoryData<string, string> Pairs()
    {
        TheoryData<string, string> pairs = [];
        foreach (string left in Kinds.Keys)
        {
            foreach (string right in Kinds.Keys) pairs.Add(left, right);
        }

        return pairs;
    }

    private static readonly Dictionary<string, NatKind?> Kinds = MakeKinds();

    [Theory]
    [MemberData(nameof(Pairs))]
    public void A_pair_is_direct_wherever_it_can_be_and_says_why_where_it_cannot(string left, string right)
    {
        for (int seed = 1; seed <= 3; seed++)
        {
            SimLab lab = new SimLab(seed, Kinds[left], Kinds[right]).Settle();
            lab.Ping(TimeSpan.FromSeconds(5));

            string run = $"{left} × {right}, seed {seed}: left {lab.Left.PathTo(lab.Right)} {lab.Left.VerdictOn(lab.Right)}, right {lab.Right.PathTo(lab.Left)} {lab.Right.VerdictOn(lab.Left)}";
            Assert.True(lab.Lost == 0, $"{lab.Lost} lost: {run}");
            if (Oracle.CanBeDirect(lab.LeftSite, lab.RightSite, Today.Methods))
            {
                Assert.True(lab.IsDirect, run);
                Assert.Null(lab.Left.VerdictOn(lab.Right));
                Assert.Null(lab.Right.VerdictOn(lab.Left));
            }
            else
            {
                Assert.True(lab.IsRelayed, run);
                Assert.True(Oracle.RightVerdicts(lab.LeftSite, lab.RightSite).Contains(lab.Left.VerdictOn(lab.Right)!.Value.Code), run);
                Assert.True(Oracle.RightVerdicts(lab.RightSite, lab.LeftSite).Contains(lab.Right.VerdictOn(lab.Left)!.Value.Code), run);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Two_hosts_behind_one_NAT_meet_on_their_LAN(bool hairpins)
    {
        SimLab lab = new SimLab(1, NatKind.Easy with { Hairpins = hairpins }, null, shareSite: true).Settle();

        lab.Ping(TimeSpan.FromSeconds(3));

        Assert.True(lab.IsDirect);
        Assert.Equal(lab.Right.Address, lab.Left.RemoteOf(lab.Right));
        Assert.Equal(0, lab.Lost);
    }

    private static Dictionary<string, NatKind?> MakeKinds()
    {
        Dictionary<string, NatKind?> kinds = new() { ["pub"] = null, ["blocked"] = NatKind.Blocked };
        foreach (Mapping mapping in new[] { Mapping.EndpointIndependent, Mapping.AddressDependent, Mapping.AddressAndPortDependent })
        {
            foreach (Filtering filtering in Enum.GetValues<Filtering>())
            {
                NatKind kind = new(mapping, filtering);
                kinds[kind.ToString()] = kind;
            }
        }

        NatKind preserving = NatKind.Easy with { PreservesPorts = true };
        kinds["eim-apdf, port kept"] = preserving;
        return kinds;
    }
}
