using System.Diagnostics;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Addresses;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Server.Tests;

namespace Node.Traversal.Tests.Facade;

/// <summary>A relay ends while two nodes talk through it, and they lose nothing.</summary>
public sealed class DrainTests : IDisposable
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(2);

    private readonly CancellationTokenSource _patience = new(TimeSpan.FromSeconds(90));

    public void Dispose() => _patience.Dispose();

    [Theory]
    [InlineData("/drain?timeout=12&to=901")]
    [InlineData("/drain?timeout=12&to=555/nowhere")] // Not in the node's map: it goes where it likes.
    public async Task Nodes_move_to_another_region_and_lose_nothing(string request)
    {
        await using TestRelay first = await TestRelay.StartAsync();
        await using TestRelay second = await TestRelay.StartAsync();
        RelayMap map = new([Region(900, first), Region(901, second)]);
        await using TraversalNode left = await StartAsync(1, new RelayMap([map.Regions[0]]));
        await using TraversalNode right = await StartAsync(2, new RelayMap([map.Regions[0]]));
        (TraversalPeer toRight, TraversalPeer toLeft) = await MeetAsync(left, right);
        left.SetRelayMap(map); // Only now, so that both are at home in the first.
        right.SetRelayMap(map);

        await DrainUnderLoadAsync(first, request, toRight, toLeft);

        Assert.Equal(901, left.GetStatus().Self.HomeRelay?.RegionId);
        Assert.Equal(901, right.GetStatus().Self.HomeRelay?.RegionId);
    }

    [Theory]
    [InlineData("/drain?timeout=12")]
    [InlineData("/drain?timeout=12&to=900/900a-2")]
    public async Task Nodes_move_to_another_machine_of_their_region(string request)
    {
        await using TestRelay first = await TestRelay.StartAsync();
        await using TestRelay second = await TestRelay.StartAsync();
        RelayRegion region = Region(900, first);
        RelayNode[] others = [.. Region(900, second).Nodes.Select(node => node with { Name = node.Name + "-2" })];
        RelayMap map = new([region with { Nodes = [.. region.Nodes, .. others] }]);
        await using TraversalNode left = await StartAsync(1, map);
        await using TraversalNode right = await StartAsync(2, map);
        (TraversalPeer toRight, TraversalPeer toLeft) = await MeetAsync(left, right);

        await PostAsync(first, request);
        Assert.Equal(0, await first.ExitAsync().WaitAsync(TimeSpan.FromSeconds(11), _patience.Token)); // Both have left before its time.

        Assert.Equal(900, left.GetStatus().Self.HomeRelay?.RegionId);
        byte[] number = BitConverter.GetBytes(12345); // These two machines are no mesh: what was sent while one node was here and one there is lost.
        toRight.Send(number);
        byte[] received;
        do received = await toLeft.ReceiveAsync(_patience.Token);
        while (!received.SequenceEqual(number));
    }

    [Fact]
    public async Task Nodes_move_to_the_other_machine_of_a_meshed_region_and_lose_nothing()
    {
        using MeshFiles files = new();
        (int firstPort, int secondPort) = (FreePort.Find(), FreePort.Find());
        await using TestRelay first = await TestRelay.StartOnAsync(firstPort, files.OptionsWith(secondPort));
        await using TestRelay second = await TestRelay.StartOnAsync(secondPort, files.OptionsWith(firstPort));
        await WaitForMeshAsync(first); // Relays that do not know each other yet lose what goes from one to the other.
        await WaitForMeshAsync(second);
        RelayNode[] nodes =
        [
            Machine("900a", firstPort, files),
            Machine("900b", secondPort, files),
        ];
        RelayMap map = new([new RelayRegion { Id = 900, Code = "r900", Nodes = nodes }]);
        await using TraversalNode left = await StartAsync(1, map);
        await using TraversalNode right = await StartAsync(2, map);
        (TraversalPeer toRight, TraversalPeer toLeft) = await MeetAsync(left, right);

        await DrainUnderLoadAsync(first, "/drain?timeout=12", toRight, toLeft); // For a while one node is here and one there.

        Assert.Equal(900, left.GetStatus().Self.HomeRelay?.RegionId);
        Assert.Equal(900, right.GetStatus().Self.HomeRelay?.RegionId);
    }

    [Fact]
    public async Task A_node_that_has_no_other_relay_stays_to_the_end()
    {
        await using TestRelay relay = await TestRelay.StartAsync();
        await using TraversalNode left = await StartAsync(1, new RelayMap([Region(900, relay)]));
        await using TraversalNode right = await StartAsync(2, new RelayMap([Region(900, relay)]));
        (TraversalPeer toRight, TraversalPeer toLeft) = await MeetAsync(left, right);

        await PostAsync(relay, "/drain?timeout=2");
        toRight.Send("still here"u8);

        Assert.Equal("still here"u8.ToArray(), await toLeft.ReceiveAsync(_patience.Token));
        Assert.Equal(0, await relay.ExitAsync().WaitAsync(_patience.Token));
    }

    /// <summary>Both send numbered datagrams all the while, the relay drains and ends, and every number arrives.</summary>
    private async Task DrainUnderLoadAsync(TestRelay relay, string request, TraversalPeer toRight, TraversalPeer toLeft)
    {
        using CancellationTokenSource ending = CancellationTokenSource.CreateLinkedTokenSource(_patience.Token);
        Task<int> sentRight = SendAsync(toRight, ending.Token);
        Task<int> sentLeft = SendAsync(toLeft, ending.Token);
        Task<HashSet<int>> receivedRight = ReceiveAsync(toLeft);
        Task<HashSet<int>> receivedLeft = ReceiveAsync(toRight);

        long begun = Stopwatch.GetTimestamp();
        await PostAsync(relay, request);
        Assert.Equal(0, await relay.ExitAsync().WaitAsync(_patience.Token));
        Assert.True(Stopwatch.GetElapsedTime(begun) < TimeSpan.FromSeconds(11), "The relay waited to its last moment: nobody has left it.");
        await Task.Delay(500, _patience.Token);
        await ending.CancelAsync();
        int right = await sentRight;
        int left = await sentLeft;
        await Task.Delay(500, _patience.Token);
        toRight.Send(BitConverter.GetBytes(-1));
        toLeft.Send(BitConverter.GetBytes(-1));

        Assert.Empty(Enumerable.Range(0, right).Except(await receivedRight));
        Assert.Empty(Enumerable.Range(0, left).Except(await receivedLeft));
    }

    private static async Task<int> SendAsync(TraversalPeer peer, CancellationToken ending)
    {
        using PeriodicTimer timer = new(Pace);
        int number = 0;
        while (!ending.IsCancellationRequested)
        {
            peer.Send(BitConverter.GetBytes(number++));
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }

        return number;
    }

    private async Task<HashSet<int>> ReceiveAsync(TraversalPeer peer)
    {
        HashSet<int> received = [];
        while (true)
        {
            int number = BitConverter.ToInt32(await peer.ReceiveAsync(_patience.Token));
            if (number < 0) return received;
            received.Add(number);
        }
    }

    private async Task<(TraversalPeer ToRight, TraversalPeer ToLeft)> MeetAsync(TraversalNode left, TraversalNode right)
    {
        TraversalPeer toRight = left.AddPeer(new TraversalPeerOptions { PublicKey = right.PublicKey });
        TraversalPeer toLeft = right.AddPeer(new TraversalPeerOptions { PublicKey = left.PublicKey });
        while (left.GetStatus().Self.HomeRelay is null || right.GetStatus().Self.HomeRelay is null) await Task.Delay(20, _patience.Token);
        for (int i = 0; i < 20; i++)
        {
            toRight.Send(BitConverter.GetBytes(i));
            await toLeft.ReceiveAsync(_patience.Token);
            toLeft.Send(BitConverter.GetBytes(i));
            await toRight.ReceiveAsync(_patience.Token);
            await Task.Delay(10, _patience.Token);
        }

        while (TryReceive(toRight) || TryReceive(toLeft)) await Task.Delay(10, _patience.Token);
        return (toRight, toLeft);

        bool TryReceive(TraversalPeer peer)
        {
            ValueTask<byte[]> waiting = peer.ReceiveAsync(new CancellationToken(canceled: true));
            return waiting.IsCompletedSuccessfully && waiting.Result.Length >= 0;
        }
    }

    private static async Task PostAsync(TestRelay relay, string request)
    {
        using HttpClient admin = new();
        using HttpResponseMessage answer = await admin.PostAsync(new Uri($"http://{relay.Admin}{request}"), null);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    private static RelayRegion Region(int id, TestRelay relay) => relay.Map.Regions[0] with
    {
        Id = id,
        Code = $"r{id}",
        Nodes = [.. relay.Map.Regions[0].Nodes.Select((node, index) => node with { Name = $"{id}{(char)('a' + index)}" })],
    };

    private async Task WaitForMeshAsync(TestRelay relay)
    {
        using HttpClient admin = new();
        while (!(await admin.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"), _patience.Token)).Contains("relay_mesh_links{} 1", StringComparison.Ordinal)) await Task.Delay(20, _patience.Token);
    }

    private static RelayNode Machine(string name, int port, MeshFiles files) => new()
    {
        Name = name, HostName = "127.0.0.1", Ipv4 = TransportAddress.FromIpv4(0x7f000001, 0), RelayPort = (ushort)port, CertificatePin = files.Fingerprint,
    };

    /// <summary>A node that knows no address of its own, so that all goes by relay.</summary>
    private static Task<TraversalNode> StartAsync(byte seed, RelayMap map) => TraversalNode.StartAsync(new TraversalNodeOptions
    {
        PrivateKey = CoreTesting.Keys(seed),
        RelayMap = map,
        TunnelAddresses = [.. NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(own => TransportAddress.From(own.Address, 0))],
    });
}
