using Node.Traversal.Core.Stun;

namespace Simulation.Tests;

/// <summary>How long a NAT keeps an idle mapping is measured to five seconds, and never taken to be longer than it is.</summary>
public class IdleLifetimeTests
{
    private const int Precision = 5;

    [Theory]
    [InlineData(20)]
    [InlineData(30)]
    [InlineData(60)]
    [InlineData(120)]
    public void A_lifetime_is_told_to_five_seconds(int seconds)
    {
        foreach (NatKind kind in new[] { NatKind.Easy, NatKind.Hard, NatKind.Linux, NatKind.Easy with { Filtering = Filtering.EndpointIndependent } })
        {
            DiscoveryWorld world = new(kind with { Lifetime = TimeSpan.FromSeconds(seconds) });

            Assert.InRange(world.MeasureLifetime(), seconds - Precision, seconds);
            Assert.InRange(world.Took, TimeSpan.FromSeconds(seconds), TimeSpan.FromMinutes(15));
            Assert.InRange(world.MostASecond, 1, 4);
        }
    }

    [Fact]
    public void A_lifetime_of_seconds_is_told() =>
        Assert.InRange(new DiscoveryWorld(NatKind.Easy with { Lifetime = TimeSpan.FromSeconds(8) }).MeasureLifetime(), 8 - Precision, 8);

    [Fact]
    public void What_lasts_longer_than_is_tried_is_told_as_the_longest_tried()
    {
        Assert.Equal(LifetimeTest.Longest, new DiscoveryWorld(NatKind.Easy with { Lifetime = TimeSpan.FromMinutes(5) }).MeasureLifetime());
        Assert.Equal(LifetimeTest.Longest, new DiscoveryWorld(nat: null).MeasureLifetime());
    }

    [Theory]
    [InlineData(ChangeConduct.Refuses)]
    [InlineData(ChangeConduct.Ignores)]
    [InlineData(ChangeConduct.IsSilent)]
    public void A_server_without_RESPONSE_PORT_leaves_it_unknown_at_once(object conduct)
    {
        DiscoveryWorld world = new(NatKind.Easy, conduct: new StunServerConduct { ResponsePort = (ChangeConduct)conduct });

        Assert.Equal(0, world.MeasureLifetime());
        Assert.InRange(world.Took, TimeSpan.Zero, TimeSpan.FromSeconds(6));
    }

    [Fact]
    public void Without_udp_it_is_unknown() => Assert.Equal(0, new DiscoveryWorld(NatKind.Blocked).MeasureLifetime());

    [Fact]
    public void Loss_never_makes_it_longer()
    {
        int exact = 0;
        for (int seed = 1; seed <= 100; seed++)
        {
            int found = new DiscoveryWorld(NatKind.Easy, loss: 0.1, seed: seed).MeasureLifetime();

            Assert.InRange(found, 0, NatKind.Easy.Lifetime.TotalSeconds);
            if (found >= NatKind.Easy.Lifetime.TotalSeconds - Precision) exact++;
        }

        Assert.InRange(exact, 90, 100);
    }
}
