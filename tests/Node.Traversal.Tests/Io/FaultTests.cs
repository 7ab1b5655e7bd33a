using System.Net;
using Addresses;
using Datagrams;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Traversal.Core;
using Node.Traversal.Core.PortMapping;
using Node.Traversal.Io;
using Node.Traversal.Io.Netcheck;
using Node.Traversal.Io.PortMapping;
using Node.Traversal.Io.Relay;
using Node.Traversal.Io.Stun;
using Node.Traversal.Tests.Core;
using Timing;

namespace Node.Traversal.Tests.Io;

/// <summary>What runs to a node's end with nobody above it, on a timer, a thread or a task: a fault costs it a turn, and not the process or itself.</summary>
public sealed class FaultTests : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TraversalCounters _counters = new();
    private readonly NodeLoop _loop;

    public FaultTests() => _loop = NewLoop(MonotonicClock.System, _ => { }, _ => { });

    public ValueTask DisposeAsync() => _loop.DisposeAsync();

    [Fact]
    public async Task What_cannot_be_carried_out_or_sent_is_not_the_end_of_the_loop()
    {
        TaskCompletionSource later = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeLoop loop = NewLoop(MonotonicClock.System, _ => throw new TimeoutException("sending"), _ => throw new TimeoutException("carrying out"));
        loop.Start();

        loop.Post((core, now) =>
        {
            core.HandleStunServers([new StunServerAddress(900, CoreTesting.Address("203.0.113.1:3478"))], now);
            core.HandlePeerAdded(new PeerOptions { Key = CoreTesting.Keys(2).PublicKey, Traffic = new() }, now);
        });
        loop.Post((_, _) => later.SetResult());

        await later.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.True(_counters[TraversalDrop.Faulted] >= 2);
    }

    [Fact]
    public async Task A_fault_that_a_packet_brings_to_light_holds_up_no_timer()
    {
        FakeTimeProvider time = new();
        int asked = 0;
        await using NodeLoop loop = NewLoop(new MonotonicClock(time), _ => Interlocked.Increment(ref asked), _ => { });
        loop.Start();
        loop.Post((core, now) => core.HandleStunServers([new StunServerAddress(900, CoreTesting.Address("203.0.113.1:3478"))], now));
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref asked) == 1, Patience));

        loop.PostPacket(PacketOrigin.Stranger, (_, _) => throw new TimeoutException("a packet that nobody has thought of"));
        Assert.True(SpinWait.SpinUntil(() => _counters[TraversalDrop.Faulted] == 1, Patience));
        time.Advance(TimeSpan.FromMilliseconds(250)); // The server is asked again after 200 ms.

        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref asked) == 2, TimeSpan.FromSeconds(10)));
    }

    [Fact]
    public async Task A_look_at_the_interfaces_that_fails_is_followed_by_another()
    {
        FakeTimeProvider time = new();
        int looks = 0;
        await using LinkMonitor monitor = new([], allowLoopback: true, () => 0, time, _loop.Faults, _ => { }, _ => { }, () =>
        {
            looks++;
            throw new TimeoutException("the handler's fault");
        });

        for (int i = 0; i < 2; i++)
        {
            time.AdjustTime(time.GetUtcNow() + TimeSpan.FromHours(1)); // It has slept.
            time.Advance(TimeSpan.FromSeconds(2));
        }

        Assert.Equal((2, 2), (looks, _counters[TraversalDrop.Faulted]));
    }

    [Fact]
    public void A_sink_that_throws_costs_a_batch()
    {
        TransportAddress source = CoreTesting.Address("203.0.113.1:4000");
        Sink sink = new();
        DatagramDemux demux = new(_loop, _counters, MonotonicClock.System);
        using UdpSockets sockets = UdpSockets.Bind(0, CoreTesting.Keys(1).PublicKey, mark: 0);
        RelayConnections relays = new(CoreTesting.Keys(1), _loop, Relay.ScriptedRelay.Dialer(CoreTesting.Keys(1)), new(), MonotonicClock.System, _counters, NullLogger.Instance) { Map = RelayMap.Empty };
        DataPlane plane = new(MonotonicClock.System, _counters, sockets) { Loop = _loop, Relays = relays };
        demux.Learn(source, new TraversalPeer(new TraversalPeerOptions { PublicKey = CoreTesting.Keys(2).PublicKey, Sink = sink }, plane));
        using DatagramBatch batch = new();
        batch.TryAdd([4, 0, 0, 0], source);

        for (int i = 0; i < 3; i++) demux.Receive(SocketId.Ipv4, batch);

        Assert.Equal((3, 3), (sink.Taken, _counters[TraversalDrop.Faulted]));
    }

    [Fact]
    public async Task Measuring_by_HTTPS_goes_on_after_a_round_that_failed()
    {
        MarkedDns dns = new(() => 0, TimeProvider.System, NullLogger.Instance);
        RelayTransport transport = new(dns, () => 0, () => throw new TimeoutException("the proxy's settings"), TimeProvider.System, NullLogger.Instance);
        await using HttpsLatencyLoop https = new(new HttpsLatencyProbe(transport, MonotonicClock.System), new CaptivePortalProbe(() => 0, TimeProvider.System), () => CoreTesting.Map(900), _loop, NullLogger.Instance);

        for (int round = 1; round <= 2; round++)
        {
            https.Measure(new NodeEvent.HttpsLatencyWanted(round, [900]));
            int faults = round;
            Assert.True(SpinWait.SpinUntil(() => _counters[TraversalDrop.Faulted] >= faults, Patience));
        }
    }

    [Fact]
    public async Task A_discovery_that_fails_takes_none_with_it_that_waits_for_its_end()
    {
        await using NatWatch watch = new(() => 0, (_, _) => { }, _loop.Faults, NullLogger.Instance);

        for (int i = 1; i <= 2; i++)
        {
            watch.Start(new NodeEvent.NatDiscoveryWanted(IsIpv4: true, [])); // Nobody to ask: that is a fault of ours.
            int faults = i;
            Assert.True(SpinWait.SpinUntil(() => _counters[TraversalDrop.Faulted] >= faults, Patience));
        }
    }

    [Fact]
    public async Task Port_mapping_goes_on_after_a_fault()
    {
        FakeTimeProvider time = new();
        int looks = 0;
        await using PortMappingLoop mapping = new(5000, () => 0, new MonotonicClock(time), () => ++looks == 1 ? throw new TimeoutException("the routing table") : default, _ => { });
        mapping.Start();
        Assert.True(SpinWait.SpinUntil(() => mapping.Drops[PortMapDrop.Faulted] == 1, Patience));

        Assert.True(SpinWait.SpinUntil(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return mapping.Settled.IsCompleted;
            },
            Patience));
    }

    [Fact]
    public async Task A_name_that_is_not_found_holds_up_no_other_server()
    {
        RelayRegion hanging = Named(901, "hangs.example"), known = CoreTesting.Map(902).Regions[0];
        TaskCompletionSource<TransportAddress> asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using NodeLoop loop = NewLoop(MonotonicClock.System, transmit => asked.TrySetResult(transmit.Destination), _ => { });
        loop.Start();
        MarkedDns dns = new(() => 0, TimeProvider.System, NullLogger.Instance, HangAsync, () => true);

        await using StunServerList list = new(new RelayMap([hanging, known]), dns, loop, TimeProvider.System);

        Assert.Equal(CoreTesting.Address("198.19.1.10:3478"), await asked.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Name_servers_that_fail_in_a_network_without_IPv4_are_soon_asked_again()
    {
        FakeTimeProvider time = new();
        int failures = 2;
        MarkedDns dns = new(() => 0, time, NullLogger.Instance, AnswerAsync, () => false);
        TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        TransportAddress translated = CoreTesting.Address("[64:ff9b::198.19.1.10]:3478");
        await using NodeLoop loop = NewLoop(MonotonicClock.System, transmit => _ = transmit.Destination == translated && asked.TrySetResult(), _ => { });
        loop.Start();
        await using StunServerList list = new(CoreTesting.Map(902), dns, loop, time);

        for (int seconds = 0; seconds < 240 && !asked.Task.IsCompleted; seconds++) // All names are looked up again after 300.
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(asked.Task, Task.Delay(20, TestContext.Current.CancellationToken));
        }

        Assert.True(asked.Task.IsCompleted);

        Task<IPAddress[]> AnswerAsync(string name, CancellationToken cancellation) => Interlocked.Decrement(ref failures) >= 0
            ? throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.TryAgain)
            : Task.FromResult<IPAddress[]>([IPAddress.Parse("64:ff9b::192.0.0.170")]);
    }

    [Fact]
    public async Task Where_name_servers_fail_or_hang_what_they_have_said_before_still_holds()
    {
        FakeTimeProvider time = new();
        Func<CancellationToken, Task<IPAddress[]>> answer = _ => Task.FromResult<IPAddress[]>([IPAddress.Parse("203.0.113.5")]);
        MarkedDns dns = new(() => 0, time, NullLogger.Instance, (_, cancellation) => answer(cancellation), () => true);
        RelayNode node = Named(901, "relay.example").Nodes[0];
        TransportAddress[] found = [CoreTesting.Address("203.0.113.5:443")];
        Assert.Equal(found, await dns.ResolveAsync(node, 443, default));

        answer = _ => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.TryAgain);
        Assert.Equal(found, await dns.ResolveAsync(node, 443, default));
        answer = cancellation => HangAsync("", cancellation);
        Task<IReadOnlyList<TransportAddress>> slow = dns.ResolveAsync(node, 443, default);
        time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal(found, await slow.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    private NodeLoop NewLoop(MonotonicClock clock, Action<Transmit> transmit, Action<NodeEvent> carryOut) => new(
        new NodeCore(new NodeCoreOptions { Keys = CoreTesting.Keys(1), Entropy = CoreTesting.Entropy(1), StartedAt = 1, UdpPort = 5000 }, CoreTesting.Map(900), clock.Now),
        clock, _counters, transmit, carryOut, NullLogger.Instance);

    private static RelayRegion Named(int id, string host) => new() { Id = id, Code = host, Nodes = [new RelayNode { Name = host, HostName = host }] };

    private static async Task<IPAddress[]> HangAsync(string name, CancellationToken cancellation)
    {
        await Task.Delay(Timeout.Infinite, cancellation);
        return [];
    }

    private sealed class Sink : IPeerDatagramSink
    {
        public int Taken { get; private set; }

        public void Deliver(ReadOnlySpan<byte> datagram)
        {
            Taken++;
            throw new TimeoutException("the embedder's fault");
        }

        public void Flush() => throw new TimeoutException("the embedder's fault");
    }
}
