using Node.Traversal.Core.Paths;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PathUpkeepTests
{
    private readonly PathUpkeep _upkeep = new() { Keepalive = TimeSpan.FromSeconds(96) };

    [Fact]
    public void Without_a_path_nothing_is_planned()
    {
        Assert.Equal((null, null), (_upkeep.NextKeepalive, _upkeep.NextUpgrade));

        _upkeep.Begin(isIpv4: true, isActive: true, Start);
        _upkeep.Stop();

        Assert.Equal((null, null), (_upkeep.NextKeepalive, _upkeep.NextUpgrade));
    }

    [Theory]
    [InlineData(true, false, 96)]
    [InlineData(false, false, 15)] // What was measured is the IPv4 NAT's patience.
    [InlineData(true, true, 5)]
    public void An_idle_path_is_checked_as_rarely_as_its_nats_allow_and_one_in_use_often(bool isIpv4, bool isActive, int seconds)
    {
        _upkeep.Begin(isIpv4, isActive, Start);

        Assert.Equal(Start + TimeSpan.FromSeconds(seconds), _upkeep.NextKeepalive);
    }

    [Fact]
    public void The_end_that_is_checked_by_the_other_leaves_it_to_that_one()
    {
        _upkeep.Begin(isIpv4: true, isActive: false, Start);

        _upkeep.HandlePeerChecked(isActive: true, Start + Milliseconds(1));
        Assert.Equal(Start + TimeSpan.FromSeconds(96), _upkeep.NextKeepalive);

        _upkeep.HandlePeerChecked(isActive: false, Start);
        Assert.True(_upkeep.NextKeepalive > Start + TimeSpan.FromSeconds(96));
    }

    [Fact]
    public void Traffic_brings_the_next_check_forward_and_never_puts_it_off()
    {
        _upkeep.Begin(isIpv4: true, isActive: false, Start);

        _upkeep.HandleTraffic(lastCheck: Start, Start + Milliseconds(10));
        Assert.Equal(Start + TimeSpan.FromSeconds(5), _upkeep.NextKeepalive);
        _upkeep.HandleTraffic(lastCheck: Start + Milliseconds(20), Start + Milliseconds(30));

        Assert.Equal(Start + TimeSpan.FromSeconds(5), _upkeep.NextKeepalive);
    }

    [Fact]
    public void All_pairs_have_another_chance_soon_after_the_first_answer_and_then_once_a_minute_while_there_is_traffic()
    {
        _upkeep.Begin(isIpv4: true, isActive: true, Start);
        Assert.Equal(Start + TimeSpan.FromSeconds(1), _upkeep.NextUpgrade);
        _upkeep.TakeUpgrade(isActive: true, Start);
        Assert.Equal(Start + TimeSpan.FromSeconds(60), _upkeep.NextUpgrade);

        _upkeep.TakeUpgrade(isActive: false, Start);
        Assert.Null(_upkeep.NextUpgrade);
        _upkeep.HandleTraffic(lastCheck: Start, Start);
        Assert.Equal(Start + TimeSpan.FromSeconds(60), _upkeep.NextUpgrade);
    }
}
