using System.Text;
using Addresses;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Node.Traversal.Io;
using Node.Traversal.Tests.Core;
using Relay.Protocol;

namespace Node.Traversal.Tests.Facade;

/// <summary>Real nodes and a real relay on loopback.</summary>
public sealed class TraversalNodeTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(60));

    public void Dispose() => _patience.Dispose();

    [Fact]
    public async Task Two_nodes_that_know_only_keys_exchange_datagrams_go_direct_and_outlive_the_relay()
    {
        await using TestRelay relay = await TestRelay.StartAsync();
        await using TraversalNode left = await StartAsync(1, relay.Map);
        await using TraversalNode right = await StartAsync(2, relay.Map);
        await using IAsyncEnumerator<PathChange> changes = left.WatchPathsAsync(_patience.Token).GetAsyncEnumerator(_patience.Token);
        Task<bool> firstChange = changes.MoveNextAsync().AsTask();
        TraversalPeer toRight = left.AddPeer(new TraversalPeerOptions { PublicKey = right.PublicKey });
        TraversalPeer toLeft = right.AddPeer(new TraversalPeerOptions { PublicKey = left.PublicKey });

        toRight.Send("hello"u8); // No relay is connected yet: it is held.
        Assert.Equal("hello", Encoding.UTF8.GetString(await toLeft.ReceiveAsync(_patience.Token)));

        List<PathKind> ways = [];
        while (ways.LastOrDefault() != PathKind.Direct)
        {
            Assert.True(ways.Count == 0 ? await firstChange : await changes.MoveNextAsync());
            ways.Add(changes.Current.Path);
        }

        Assert.Equal(PathKind.Relay, ways[0]);
        await UntilAsync(() => toLeft.Path == PathKind.Direct);
        await relay.KillAsync();
        await ExchangeAsync(toRight, toLeft, "without a relay");
        Assert.Equal(PathKind.Direct, toRight.Path);

        await relay.RestartAsync();
        await UntilAsync(() => left.GetStatus().Self.HomeRelay is not null);
        PeerStatus status = Assert.Single(left.GetStatus().Peers);
        Assert.Equal(PathKind.Direct, status.Path);
        Assert.Null(status.Verdict);
        Assert.True(status.TxBytes >= 5 && status.RxBytes >= 0 && status.Endpoint is not null);
    }

    [Fact]
    public async Task A_relay_with_another_certificate_than_the_pinned_one_is_not_used()
    {
        await using TestRelay relay = await TestRelay.StartAsync();
        RelayRegion region = relay.Map.Regions[0];
        RelayMap wrong = new([region with { Nodes = [.. region.Nodes.Select(node => node with { CertificatePin = new string('0', 64) })] }]);
        await using TraversalNode left = await StartAsync(1, wrong);
        await using TraversalNode right = await StartAsync(2, relay.Map);
        TraversalPeer peer = left.AddPeer(new TraversalPeerOptions { PublicKey = right.PublicKey });

        await UntilAsync(() => left.GetStatus().Peers[0].Verdict?.Code == VerdictCode.RelayUnreachable);

        Assert.Equal(PathKind.None, peer.Path);
    }

    [Fact]
    public async Task The_samples_do_what_they_say()
    {
        await using TestRelay relay = await TestRelay.StartAsync();
        NodeKeyPair asker = CoreTesting.Keys(1);
        NodeKeyPair echo = CoreTesting.Keys(2);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        Samples.EchoService.AddTo(builder.Services, Options(2, relay.Map), asker.PublicKey);
        using IHost host = builder.Build();
        await host.StartAsync(_patience.Token);

        Assert.Equal("anyone?", await Samples.Chat.AskAsync(Options(1, relay.Map), echo.PublicKey, "anyone?", _patience.Token));

        await host.StopAsync(_patience.Token);
    }

    [Theory]
    [InlineData("TwoNodes.cs")]
    [InlineData("Hosted.cs")]
    public void The_README_shows_the_samples_as_they_are(string file)
    {
        string root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root, "Relay.sln"))) root = Path.GetDirectoryName(root)!;

        string readme = File.ReadAllText(Path.Combine(root, "src/Node.Traversal/README.md"));

        Assert.Contains(File.ReadAllText(Path.Combine(root, "tests/Node.Traversal.Tests/Samples", file)).Trim(), readme, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_that_has_ended_leaves_its_port_free_and_its_peers_closed()
    {
        TraversalNode node = await StartAsync(7, RelayMap.Empty);
        ushort port = node.UdpPort;
        TraversalPeer peer = node.AddPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(8).PublicKey });

        await node.DisposeAsync();

        await Assert.ThrowsAnyAsync<InvalidOperationException>(() => peer.ReceiveAsync(_patience.Token).AsTask());
        await using TraversalNode again = await TraversalNode.StartAsync(Options(7, RelayMap.Empty) with { Port = port }, _patience.Token);
        Assert.Equal(port, again.UdpPort);
    }

    [Fact]
    public async Task What_cannot_be_used_is_refused_in_a_sentence()
    {
        await using TraversalNode node = await StartAsync(7, RelayMap.Empty);

        Assert.Contains("Port 0", (await Assert.ThrowsAsync<ArgumentException>(() => TraversalNode.StartAsync(Options(1, RelayMap.Empty) with { Port = 0 }))).Message, StringComparison.Ordinal);
        Assert.Contains("StateFile", (await Assert.ThrowsAsync<ArgumentException>(() => TraversalNode.StartAsync(Options(1, RelayMap.Empty) with { StateFile = "/nowhere/at/all/state.json" }))).Message, StringComparison.Ordinal);
        Assert.Contains("127.0.0.1:5000", (await Assert.ThrowsAsync<ArgumentException>(() => TraversalNode.StartAsync(Options(1, RelayMap.Empty) with { AdvertisedAddresses = [CoreTesting.Address("127.0.0.1:5000")] }))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => node.AddPeer(new TraversalPeerOptions { PublicKey = node.PublicKey }));
        Assert.Throws<ArgumentException>(() => node.AddPeer(new TraversalPeerOptions { PublicKey = default }));
        node.AddPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(9).PublicKey });
        Assert.Throws<ArgumentException>(() => node.AddPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(9).PublicKey }));
        Assert.True(node.RemovePeer(CoreTesting.Keys(9).PublicKey));
        Assert.False(node.RemovePeer(CoreTesting.Keys(9).PublicKey));
    }

    [Fact]
    public async Task The_state_file_keeps_what_was_learnt_and_its_start_only_grows()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("node-state-").FullName, "state.json");
        NodeKey peer = CoreTesting.Keys(3).PublicKey;
        long first;
        await using (NodeState state = new(path, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
        {
            first = state.StartedAt;
            state.NoteHome(peer, 901);
            state.NoteAddress(peer, CoreTesting.Address("198.18.2.2:5000"));
        }

        await using (NodeState state = new(path, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
        {
            Assert.True(state.StartedAt > first);
            Assert.Equal(new PeerState(901, CoreTesting.Address("198.18.2.2:5000")), state.Find(peer));
        }

        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        await File.WriteAllTextAsync(path, "{ half");
        await using NodeState damaged = new(path, TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        Assert.Equal(default, damaged.Find(peer));
    }

    [Fact]
    public void The_port_follows_from_the_key()
    {
        ushort port = UdpSockets.PortOf(CoreTesting.Keys(1).PublicKey);

        Assert.InRange(port, 49152, 65535);
        Assert.Equal(port, UdpSockets.PortOf(CoreTesting.Keys(1).PublicKey));
        Assert.NotEqual(port, UdpSockets.PortOf(CoreTesting.Keys(2).PublicKey));
    }

    private static TraversalNodeOptions Options(byte seed, RelayMap map) => new() { PrivateKey = CoreTesting.Keys(seed), RelayMap = map, AllowLoopback = true };

    private static Task<TraversalNode> StartAsync(byte seed, RelayMap map) => TraversalNode.StartAsync(Options(seed, map));

    private async Task ExchangeAsync(TraversalPeer from, TraversalPeer to, string text)
    {
        from.Send(Encoding.UTF8.GetBytes(text));
        string received;
        do received = Encoding.UTF8.GetString(await to.ReceiveAsync(_patience.Token));
        while (received != text); // Copies of earlier ones may still come.
    }

    private static async Task UntilAsync(Func<bool> isSo)
    {
        for (int i = 0; !isSo(); i++)
        {
            Assert.True(i < Patience / TimeSpan.FromMilliseconds(20), "not in time");
            await Task.Delay(20);
        }
    }
}
