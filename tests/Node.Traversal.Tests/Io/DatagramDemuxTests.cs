using Addresses;
using Datagrams;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Node.Traversal.Io;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Stun.Protocol;
using Timing;

namespace Node.Traversal.Tests.Io;

public sealed class DatagramDemuxTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TransportAddress Stranger = CoreTesting.Address("203.0.113.66:4000");
    private static readonly TransportAddress Friend = CoreTesting.Address("203.0.113.1:4000");

    private readonly TraversalCounters _counters = new();
    private readonly NodeLoop _loop;

    public DatagramDemuxTests()
    {
        NodeCore core = new(
            new NodeCoreOptions { Keys = CoreTesting.Keys(1), Entropy = CoreTesting.Entropy(1), StartedAt = 1, UdpPort = 5000 }, CoreTesting.Map(900), MonotonicClock.System.Now);
        _loop = new NodeLoop(core, MonotonicClock.System, _counters, _ => { }, _ => { }, NullLogger.Instance); // Not started: it is as busy as can be.
    }

    public ValueTask DisposeAsync() => _loop.DisposeAsync();

    [Fact]
    public async Task A_flood_of_strangers_costs_no_control_packet_of_a_peer_that_has_answered_or_by_relay()
    {
        DatagramDemux demux = new(_loop, _counters, MonotonicClock.System);
        using UdpSockets sockets = UdpSockets.Bind(0, CoreTesting.Keys(1).PublicKey, mark: 0);
        RelayConnections relays = new(CoreTesting.Keys(1), _loop, Relay.ScriptedRelay.Dialer(CoreTesting.Keys(1)), new(), MonotonicClock.System, _counters, NullLogger.Instance) { Map = RelayMap.Empty };
        DataPlane plane = new(MonotonicClock.System, _counters, sockets) { Loop = _loop, Relays = relays };
        demux.Learn(Friend, new TraversalPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(2).PublicKey }, plane));

        for (int i = 0; i < NodeLoop.MaxWaitingPackets + 5; i++) Receive(demux, Stranger.WithPort((ushort)(4000 + i)));
        Assert.Equal(5, _counters[TraversalDrop.LoopBusy]);

        Receive(demux, Friend);
        TaskCompletionSource byRelay = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.PostPacket(PacketOrigin.Relay, (_, _) => byRelay.SetResult());
        Assert.Equal(5, _counters[TraversalDrop.LoopBusy]);

        for (int i = 0; i < NodeLoop.MaxWaitingPackets; i++) Receive(demux, Friend);
        Assert.Equal(6, _counters[TraversalDrop.LoopBusy]); // Its own room has an end too.

        _loop.Start();
        await byRelay.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Receive(demux, Stranger); // There is room again.
        Assert.Equal(6, _counters[TraversalDrop.LoopBusy]);
    }

    private static void Receive(DatagramDemux demux, TransportAddress source)
    {
        byte[] control = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(control, new TransactionId(1, 2));
        using DatagramBatch batch = new();
        batch.TryAdd(control, source);
        demux.Receive(SocketId.Ipv4, batch);
    }
}
