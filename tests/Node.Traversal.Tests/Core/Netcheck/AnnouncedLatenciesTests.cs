using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class AnnouncedLatenciesTests
{
    private readonly NodeContext _context = Context(1, Map([.. Enumerable.Range(900, 12)]));
    private readonly RegionLatencies _measured = new();
    private readonly AnnouncedLatencies _announced;
    private Instant _now = Start;

    public AnnouncedLatenciesTests() => _announced = new AnnouncedLatencies(_context, _measured);

    [Fact]
    public void The_nearest_are_told_in_whole_milliseconds_and_no_more_than_fit()
    {
        Assert.True(Measure([.. Enumerable.Range(900, 12).Select(region => (region, 100.4 - (region - 900)))]));

        Assert.Equal([.. Enumerable.Range(0, RegionLatency.MaxRegions).Select(i => new RegionLatency(911 - i, 89 + i))], _context.Latencies);
    }

    [Theory]
    [InlineData(20, 16, false)] // Lower, for the lowest of the last minutes is what counts.
    [InlineData(20, 14, true)]
    [InlineData(200, 190, false)]
    [InlineData(200, 180, true)]
    public void What_makes_no_difference_is_not_told_anew(double before, double after, bool isTold)
    {
        Measure((900, before));

        Assert.Equal(isTold, Measure((900, after)));
        Assert.Equal(new RegionLatency(900, (int)(isTold ? after : before)), Assert.Single(_context.Latencies));
    }

    [Fact]
    public void Another_region_is_news_and_nothing_new_is_not()
    {
        Assert.False(_announced.Update(_now));
        Assert.True(Measure((900, 20)));
        Assert.False(Measure((900, 20)));
        Assert.True(Measure((900, 20), (901, 40)));
        Assert.False(Measure((900, 20))); // The other was asked for less lately; it is where it was.
    }

    [Fact]
    public void A_region_that_cannot_be_used_is_not_told()
    {
        _context.Map = new RelayMap([Map(900).Regions[0], Map(901).Regions[0] with { MayBeHome = false }, Map(902).Regions[0]]);
        Measure((900, 20), (901, 20), (902, 20), (903, 20));
        Assert.Equal([900, 902], _context.Latencies.Select(region => region.RegionId));

        _context.Link(902).FailingSince = _now;
        _now += NodeContext.UnreachableAfter;
        _context.HaveRoutesChanged = true;

        Assert.True(_announced.Update(_now));
        Assert.Equal([900], _context.Latencies.Select(region => region.RegionId));
    }

    [Fact]
    public void In_another_network_nothing_is_known()
    {
        Measure((900, 20));

        _measured.Clear();

        Assert.True(_announced.Update(_now));
        Assert.Empty(_context.Latencies);
    }

    [Fact]
    public void A_relayed_peer_hears_what_was_measured_by_HTTPS_too()
    {
        TwoNodes world = new() { IsUdpCut = true };
        world.Begin();
        world.Connect(world.Left);
        world.Connect(world.Right);
        world.Run(TimeSpan.FromSeconds(2));
        world.Relayed.Clear();

        world.Left.Receive(() => world.Left.Core.HandleHttpsLatencies(1, new Dictionary<int, TimeSpan> { [TwoNodes.Region] = Milliseconds(30) }, world.Now));

        (NodeKey from, byte[] packet) = Assert.Single(world.Relayed);
        byte[] message = new byte[packet.Length - DiscoEnvelope.Overhead];
        Assert.True(DiscoEnvelope.TryOpen(packet, new Box(world.Right.Keys, from), message));
        Assert.True(Hello.TryRead(message, out Hello? hello));
        Assert.Equal([new RegionLatency(TwoNodes.Region, 30)], hello!.Latencies);
    }

    /// <summary>A round ends in which these regions have answered.</summary>
    /// <returns>True where peers are to hear of it.</returns>
    private bool Measure(params ReadOnlySpan<(int Region, double Milliseconds)> answers)
    {
        foreach ((int region, double milliseconds) in answers) _measured.Note(region, Milliseconds(milliseconds));
        _now += TimeSpan.FromSeconds(20);
        _measured.EndRound(_now);
        return _announced.Update(_now);
    }
}
