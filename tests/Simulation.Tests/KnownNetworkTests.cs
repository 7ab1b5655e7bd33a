using Addresses;
using Node.Traversal;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Simulation;

namespace Simulation.Tests;

/// <summary>A node that comes back to a network it knows punches at once, and one whose network has become another finds out anew.</summary>
public class KnownNetworkTests
{
    /// <summary>A discovery takes this long in the simulation, and a hard NAT of which nothing is known waits as long for it.</summary>
    private static readonly TimeSpan Discovery = TimeSpan.FromSeconds(2);

    private static readonly TransportAddress Victim = TransportAddress.FromIpv4(0x08080808, 50_000);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Back_in_a_known_network_a_hard_side_punches_without_waiting_for_a_discovery(int seed)
    {
        SimLab lab = Restarted(seed);

        TimeSpan? running = lab.World.RunUntil(() => IsPunching(lab), Discovery);

        Assert.NotNull(running);
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}: punching after {running.Value.TotalMilliseconds:0} ms");
        lab.World.RunUntil(() => lab.IsDirect, TimeSpan.FromSeconds(10));
        Assert.True(lab.IsDirect);
        Assert.Empty(lab.World.Violations);
    }

    [Fact]
    public void In_a_network_that_is_not_known_it_waits()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Easy).Start();

        Assert.Null(lab.World.RunUntil(() => IsPunching(lab), Discovery));
    }

    [Fact]
    public void What_is_remembered_is_told_to_peers_before_any_server_has_answered()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Easy).Settle();
        lab.Left.Kill(startedAt: 2);

        lab.Left.Start(lab.Right);

        Assert.Equal(NatMapping.AddressAndPortDependent, lab.Left.Core.Nat.Mapping);
        Assert.Equal(NatPortAllocation.Random, lab.Left.Core.Nat.Allocation);
    }

    [Fact]
    public void Another_public_address_voids_it()
    {
        SimLab lab = new SimLab(1, NatKind.Hard, NatKind.Easy).Settle();
        foreach (SimStun server in lab.Stun) server.Lie = seen => TransportAddress.FromIpv4(seen.Ipv4Bits + 100, seen.Port); // The router was given another address meanwhile.
        lab.Left.Kill(startedAt: 2);
        lab.Left.Start(lab.Right);
        Assert.Equal(NatPortAllocation.Random, lab.Left.Core.Nat.Allocation);

        lab.World.RunUntil(() => lab.Left.Core.Nat.Udp == UdpReach.Works && lab.Left.Core.Nat.Allocation == NatPortAllocation.Unknown, Discovery);

        Assert.Equal(NatPortAllocation.Unknown, lab.Left.Core.Nat.Allocation);
        lab.World.Run(Discovery);
        Assert.Equal(NatPortAllocation.Random, lab.Left.Core.Nat.Allocation); // Found out anew.
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void One_server_that_lies_about_the_address_voids_nothing(int liar)
    {
        SimLab lab = Restarted(seed: 2, before: settled => settled.Stun[liar - 1].Lie = _ => Victim);
        bool wasVoid = false;

        lab.World.RunUntil(() => (wasVoid |= lab.Left.Core.Nat.Allocation != NatPortAllocation.Random) || IsPunching(lab), Discovery);

        Assert.False(wasVoid);
        Assert.True(IsPunching(lab));
        lab.World.RunUntil(() => lab.IsDirect, TimeSpan.FromSeconds(10));
        Assert.True(lab.IsDirect);
        Assert.Empty(lab.World.Violations);
    }

    /// <summary>Both were here before, had found out all there is, and start anew; the left one is the hard side where the seed is even.</summary>
    private static SimLab Restarted(int seed, Action<SimLab>? before = null)
    {
        SimLab lab = (seed % 2 == 0 ? new SimLab(seed, NatKind.Hard, NatKind.Easy) : new SimLab(seed, NatKind.Easy, NatKind.Hard)).Settle();
        before?.Invoke(lab);
        lab.Left.Kill(startedAt: 2);
        lab.Right.Kill(startedAt: 2);
        return lab.Start();
    }

    private static bool IsPunching(SimLab lab) =>
        lab.Left.PunchTo(lab.Right) is { Method: nameof(PunchingMethod.Birthday), Result: nameof(PunchResult.Running) or nameof(PunchResult.Succeeded) };
}
