using System.Diagnostics.Metrics;
using Node.Traversal.Core;
using Node.Traversal.Telemetry;

namespace Node.Traversal.Tests.Telemetry;

public sealed class TraversalMetricsTests : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly Dictionary<string, long> _shown = [];
    private NodeFigures _figures = new() { Verdicts = new Dictionary<VerdictCode, int>() };

    [Fact]
    public void Peers_that_are_not_direct_are_counted_by_why()
    {
        _figures = _figures with { Verdicts = new Dictionary<VerdictCode, int> { [VerdictCode.HardBoth] = 2, [VerdictCode.NoCommonFamily] = 1 } };

        Read();

        Assert.Equal(2, _shown["node.peers.not_direct hard_both"]);
        Assert.Equal(1, _shown["node.peers.not_direct no_common_family"]);
        Assert.Equal(0, _shown["node.peers.not_direct peer_offline"]);
        Assert.Equal(Enum.GetValues<VerdictCode>().Length, _shown.Keys.Count(name => name.StartsWith("node.peers.not_direct ", StringComparison.Ordinal)));
    }

    [Fact]
    public void Paths_that_were_put_back_are_counted()
    {
        _figures = _figures with { PutBacks = 3 };

        Read();

        Assert.Equal(3, _shown["node.paths.put_back"]);
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, 0)]
    [InlineData(null, 0)]
    public void A_captive_portal_shows(bool? isCaptive, long expected)
    {
        _figures = _figures with { CaptivePortal = isCaptive };

        Read();

        Assert.Equal(expected, _shown["node.network.captive_portal"]);
    }

    public void Dispose() => _listener.Dispose();

    private void Read()
    {
        using TraversalMetrics metrics = new(new TraversalCounters(), new NodeDropCounters(), _ => 0, () => _figures);
        _listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter == metrics.Meter) self.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => _shown[NameOf(instrument, tags)] = value);
        _listener.Start();
        _listener.RecordObservableInstruments();
    }

    private static string NameOf(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags) => tags is [var tag] ? $"{instrument.Name} {tag.Value}" : instrument.Name;
}
