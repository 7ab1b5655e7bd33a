using System.Diagnostics.Metrics;
using Node.Traversal.Tests.Core;

namespace Node.Traversal.Tests.Facade;

/// <summary>How long packets to a peer may be is told to the embedder, and so is that they are longer.</summary>
public sealed class PathMtuTests : IDisposable
{
    private const string Counter = "node.packets.longer_than_path_mtu";

    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(60));
    private readonly MeterListener _listener = new();
    private long _counted;

    public PathMtuTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Name == Counter) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => _counted += measurement);
        _listener.Start();
    }

    [Fact]
    public async Task It_is_told_as_soon_as_it_is_found_and_longer_datagrams_are_counted()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux lets a program ask for packets that no router cuts.");
        await using TestRelay relay = await TestRelay.StartAsync();
        await using TraversalNode left = await TraversalNode.StartAsync(Options(1, relay));
        await using TraversalNode right = await TraversalNode.StartAsync(Options(2, relay));
        TraversalPeer toRight = left.AddPeer(new TraversalPeerOptions { PublicKey = right.PublicKey });
        TraversalPeer toLeft = right.AddPeer(new TraversalPeerOptions { PublicKey = left.PublicKey });
        Task<PathChange> found = FoundAsync(left);

        while (!found.IsCompleted) // A path is measured while it carries data both ways.
        {
            toRight.Send("there"u8);
            toLeft.Send("back"u8);
            await Task.Delay(20, _patience.Token);
        }

        Assert.Equal((PathKind.Direct, 1500), ((await found).Path, (await found).PathMtu));
        const int Headers = 28;
        toRight.Send(new byte[1500 - Headers]);
        Assert.Equal(0, Read());
        toRight.Send(new byte[1500 - Headers + 1]);
        Assert.Equal(1, Read());
    }

    public void Dispose()
    {
        _listener.Dispose();
        _patience.Dispose();
    }

    private async Task<PathChange> FoundAsync(TraversalNode node)
    {
        await foreach (PathChange change in node.WatchPathsAsync(_patience.Token))
        {
            if (change.PathMtu is not null) return change;
        }

        throw new InvalidOperationException("The node has ended.");
    }

    /// <summary>Other tests' nodes send nothing that long.</summary>
    private long Read()
    {
        _counted = 0;
        _listener.RecordObservableInstruments();
        return _counted;
    }

    private static TraversalNodeOptions Options(byte seed, TestRelay relay) => new() { PrivateKey = CoreTesting.Keys(seed), RelayMap = relay.Map, AllowLoopback = true };
}
