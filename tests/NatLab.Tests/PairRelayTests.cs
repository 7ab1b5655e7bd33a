namespace NatLab.Tests;

/// <summary>The relay for a pair that is never direct: the one by which the way is shortest, and another where that is lost or out of reach.</summary>
public sealed class PairRelayTests : IAsyncDisposable
{
    /// <summary>Longer than the round trip by the best region, so that what is lost is counted as the product's bound has it: five a second.</summary>
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Where the first look at a busy machine has taken the region half way for the nearest, the second follows in its turn, while there is traffic.</summary>
    private static readonly TimeSpan HomeWithin = TimeSpan.FromSeconds(40);

    /// <summary>
    /// A relay that is back is dialled within 5 s (the longest pause between two attempts), and carries the pair three round trips later, as far as it
    /// was measured well. Where it was not, on a busy machine, the next STUN cycle does: 26 s after the last, and 3 s long. A few seconds are the machine's.
    /// </summary>
    private static readonly TimeSpan BackWithin = TimeSpan.FromSeconds(40);

    private FarPair? _pair;

    [Fact]
    public async Task The_region_half_way_carries_both_ways_and_the_next_best_takes_over_when_it_is_killed()
    {
        FarPair pair = await BuildAsync();
        await pair.StartAgentsAsync();
        PingStream pings = PingStream.Start(pair.A.Host, pair.B.TunnelAddress, PingInterval);
        await pings.WaitForReplyAsync(0, Patience);
        await pair.A.WaitForHomeAsync(FarPair.Left, HomeWithin);
        await pair.B.WaitForHomeAsync(FarPair.Right, HomeWithin);

        PeerReport here = await WaitForRelayAsync(pair.A, pair.B, region => region == FarPair.Middle, "by the middle");
        PeerReport there = await WaitForRelayAsync(pair.B, pair.A, region => region == FarPair.Middle, "by the middle");
        PingReply last = await SettleAsync(pings);
        PingLoss before = pings.Since(0);
        Print($"a to b: {here}; b to a: {there}; round trip {last.Rtt.TotalMilliseconds:0} ms; {before}");
        Assert.Equal(0, before.Lost);

        int mark = pings.Mark();
        await pair.MiddleRelay.KillAsync();
        await pings.WaitForReplyAsync(mark + 1, Patience);
        here = await WaitForRelayAsync(pair.A, pair.B, region => region is FarPair.Left or FarPair.Right, "by another");
        there = await WaitForRelayAsync(pair.B, pair.A, region => region is FarPair.Left or FarPair.Right, "by another");
        last = await SettleAsync(pings);
        PingLoss killed = pings.Since(mark);
        Print($"the middle killed: a to b: {here}; b to a: {there}; round trip {last.Rtt.TotalMilliseconds:0} ms; {killed}");
        Assert.InRange(killed.Lost, 0, 1); // What was on its way by the relay, and what was sent before either end heard of its end: a round trip's worth.

        mark = pings.Mark();
        await pair.MiddleRelay.StartAsync();
        int ready = pings.Mark();
        await WaitForRelayAsync(pair.A, pair.B, region => region == FarPair.Middle, "by the middle again", BackWithin);
        await WaitForRelayAsync(pair.B, pair.A, region => region == FarPair.Middle, "by the middle again", BackWithin);
        TimeSpan back = (pings.Mark() - ready) * PingInterval;
        last = await SettleAsync(pings);
        PingLoss returned = pings.Since(mark);
        await pings.StopAsync();
        Print($"and back: both by it after {back.TotalSeconds:0.0} s; round trip {last.Rtt.TotalMilliseconds:0} ms; {returned}");
        Assert.Equal(0, returned.Lost);
    }

    [Fact]
    public async Task A_peer_whose_home_is_out_of_reach_from_here_is_reached_by_another_region()
    {
        FarPair pair = await BuildAsync();
        await pair.A.Host.Namespace.NftAsync($"add rule inet filter input ip saddr {pair.RightRelayHost.Address} drop\n"); // From the home of b, nothing comes to a.
        await pair.StartAgentsAsync();

        PingStream pings = PingStream.Start(pair.A.Host, pair.B.TunnelAddress, PingInterval);
        PingReply first = await pings.WaitForReplyAsync(0, Patience);
        await pair.B.WaitForHomeAsync(FarPair.Right, HomeWithin);
        PeerReport here = await WaitForRelayAsync(pair.A, pair.B, region => region is FarPair.Left or FarPair.Middle, "by a region within its reach");
        PeerReport there = await WaitForRelayAsync(pair.B, pair.A, region => region is FarPair.Left or FarPair.Middle, "by a region within the other's reach");
        await SettleAsync(pings);

        PingLoss loss = await pings.StopAsync();
        Print($"first answered ping {first.Sequence} after {first.Rtt.TotalMilliseconds:0} ms; a to b: {here}; b to a: {there}; {loss}");
        Assert.Equal(1, first.Sequence);
        Assert.Equal(0, loss.Lost);
    }

    /// <summary>Removes the lab; of a test that failed, everybody's last words are printed first.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_pair is null) return;
        if (TestContext.Current.TestState?.Result == TestResult.Failed) Print(_pair.Lab.Describe());
        await _pair.DisposeAsync();
    }

    private async Task<FarPair> BuildAsync()
    {
        Needs.Tunnels();
        return _pair = await FarPair.CreateAsync();
    }

    private static Task<PeerReport> WaitForRelayAsync(TunnelNode node, TunnelNode peer, Func<int, bool> isWanted, string wanted, TimeSpan? within = null) =>
        node.WaitForPeerAsync(peer, report => report.Relay is { } relay && isWanted(relay.RegionId), wanted, within ?? Patience);

    /// <summary>Waits for another second of answered pings, so that a loss by the last change is seen.</summary>
    private static Task<PingReply> SettleAsync(PingStream pings) => pings.WaitForReplyAsync(pings.Mark() + (int)(TimeSpan.FromSeconds(1) / PingInterval), Patience);

    private static void Print(string line) => TestContext.Current.TestOutputHelper?.WriteLine(line);
}
