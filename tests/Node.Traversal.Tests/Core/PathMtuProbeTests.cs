using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PathMtuProbeTests
{
    private readonly PathMtuProbe _probe = new();
    private Instant _now = Start;
    private uint _lastId;

    [Theory]
    [InlineData(9000, 1500, new[] { 1500 })]
    [InlineData(1500, 1500, new[] { 1500 })]
    [InlineData(1499, 1492, new[] { 1500, 1500, 1500, 1400, 1460, 1480, 1492 })]
    [InlineData(1420, 1420, new[] { 1500, 1500, 1500, 1400, 1460, 1460, 1460, 1420, 1440, 1440, 1440 })]
    [InlineData(1280, 1280, new[] { 1500, 1500, 1500, 1400, 1400, 1400, 1340, 1340, 1340, 1280 })]
    [InlineData(1279, null, new[] { 1500, 1500, 1500, 1400, 1400, 1400, 1340, 1340, 1340, 1280, 1280, 1280 })]
    public void It_asks_for_the_longest_first_and_then_by_halves(int carried, int? found, int[] asked)
    {
        _probe.Begin(_now);

        Assert.Equal(asked, Search(carried));
        Assert.Equal(found, _probe.Mtu);
        Assert.Equal(_now + PathMtuProbe.Interval, _probe.Next);
    }

    [Fact]
    public void A_length_is_refuted_by_three_losses_and_not_by_two()
    {
        _probe.Begin(_now);
        Assert.Equal(1500, Take(TimeSpan.FromMilliseconds(20)));
        Assert.Equal(_now + Milliseconds(500), _probe.Next);
        Assert.Equal(1500, Take(TimeSpan.FromMilliseconds(200)));
        Assert.Equal(_now + Milliseconds(800), _probe.Next);
        Assert.Equal(1500, Take(null));

        Assert.True(_probe.HandlePong(Id(1), _now)); // Late, for the first of the three.

        Assert.Equal(1500, _probe.Mtu);
    }

    [Fact]
    public void An_answer_counts_once_and_only_to_what_was_asked()
    {
        _probe.Begin(_now);
        Take(null);

        Assert.False(_probe.HandlePong(Id(99), _now));
        Assert.Null(_probe.Mtu);
        Assert.True(_probe.HandlePong(Id(1), _now));
        Assert.False(_probe.HandlePong(Id(1), _now));
    }

    [Fact]
    public void A_finding_stands_for_ten_minutes_and_until_the_next_search_has_ended()
    {
        _probe.Begin(_now);
        Search(1420);
        _probe.Pause();
        Assert.Null(_probe.Next);
        _probe.Begin(_now + TimeSpan.FromMinutes(1));
        Assert.Equal(_now + TimeSpan.FromMinutes(10), _probe.Next);

        _now += TimeSpan.FromMinutes(10);
        Take(null);
        Assert.Equal(1420, _probe.Mtu);
        _probe.HandlePong(Id(_lastId), _now);
        Assert.Equal(1500, _probe.Mtu);
    }

    [Fact]
    public void Of_another_path_nothing_is_known_and_it_is_measured_at_once()
    {
        _probe.Begin(_now);
        Search(1420);

        _probe.Forget();

        Assert.Null(_probe.Mtu);
        Assert.Null(_probe.Next);
        _probe.Begin(_now);
        Assert.Equal(_now, _probe.Next);
    }

    private static PingId Id(uint number) => new(7, number);

    private int Take(TimeSpan? rtt) => _probe.Take(Id(++_lastId), rtt, _now);

    /// <summary>Runs a search on a path that carries packets up to that length; what it asked for.</summary>
    private List<int> Search(int carried)
    {
        List<int> asked = [];
        _now = _probe.Next!.Value;
        do
        {
            int length = Take(null);
            if (length == 0) break;
            asked.Add(length);
            if (length <= carried) _probe.HandlePong(Id(_lastId), _now);
            if (_probe.Next - _now > TimeSpan.FromMinutes(1)) break;
            _now = _probe.Next!.Value;
        }
        while (asked.Count < 100);

        return asked;
    }
}
