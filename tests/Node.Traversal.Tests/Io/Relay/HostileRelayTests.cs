using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Node.Traversal.Core;
using Node.Traversal.Io;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>A relay that means harm, and an embedder that makes mistakes: the connection may end, the attempts at it do not.</summary>
public sealed class HostileRelayTests : IDisposable
{
    private readonly ScriptedRelay _relay = new();
    private readonly TraversalCounters _counters = new();
    private readonly NodeKeyPair _keys = CoreTesting.Keys(1);

    private RelayRegion Region => new() { Id = 901, Code = "test", Nodes = [_relay.Node("901a")] };

    public void Dispose() => _relay.Dispose();

    [Theory]
    [InlineData("one\n")] // As it is read from a file: no field of HTTP.
    [InlineData(null)] // Its source throws.
    public async Task A_token_that_cannot_be_shown_is_not_the_end_of_all_attempts(string? first)
    {
        int asked = 0;
        string? Token() => ++asked > 1 ? "one" : first ?? throw new TimeoutException("The secrets are not to be had.");
        await using RelayClient client = new(Region, _keys, ScriptedRelay.Dialer(_keys, Token), new Receiver(), MonotonicClock.System, _counters, NullLogger.Instance);

        client.Start();
        await Assert.ThrowsAsync<EndOfStreamException>(() => _relay.AcceptAsync()); // It has nothing to say, and goes.
        using ScriptedRelay.Connection second = await _relay.AcceptAsync();

        Assert.Contains("Bearer one\r\n", second.Head, StringComparison.Ordinal);
        Assert.Equal(1, _counters[TraversalDrop.Faulted]);
    }

    [Fact]
    public async Task What_throws_on_what_it_brings_costs_the_connection_and_no_more()
    {
        Receiver receiver = new() { ThrowsOnPackets = true };
        await using RelayClient client = new(Region, _keys, ScriptedRelay.Dialer(_keys), receiver, MonotonicClock.System, _counters, NullLogger.Instance);
        client.Start();
        using ScriptedRelay.Connection first = await _relay.AcceptAsync();

        await first.SendAsync(FrameType.RecvPacket, new byte[NodeKey.Length + 1]);
        using ScriptedRelay.Connection second = await _relay.AcceptAsync();

        await second.DrainAsync();
        Assert.Equal(1, _counters[TraversalDrop.Faulted]);
    }

    [Fact]
    public async Task A_thousand_complaints_are_a_few_lines_in_the_log_and_no_line_of_its_own_making()
    {
        Lines log = new();
        await using RelayClient client = new(Region, _keys, ScriptedRelay.Dialer(_keys), new Receiver(), MonotonicClock.System, _counters, log);
        client.Start();
        using ScriptedRelay.Connection connection = await _relay.AcceptAsync();

        for (int i = 0; i < 1000; i++) await connection.SendAsync(FrameType.Health, Encoding.UTF8.GetBytes($"ill {i / 2}\n2026-01-01 all is well\u001b[2J"));
        await connection.DrainAsync();

        string[] said = [.. log.All.Where(line => line.Contains("says", StringComparison.Ordinal))];
        Assert.InRange(said.Length, 1, 6);
        Assert.All(said, line => Assert.DoesNotContain(line, char.IsControl));
    }

    [Fact]
    public async Task Relays_that_send_a_node_to_and_fro_do_not_have_it_log_in_all_the_time()
    {
        using ScriptedRelay other = new();
        RelayRegion region = Region with { Nodes = [_relay.Node("901a"), other.Node("901b")] };
        MonotonicClock clock = MonotonicClock.System;
        NodeCore core = new(new NodeCoreOptions { Keys = _keys, Entropy = CoreTesting.Entropy(1), StartedAt = 1, UdpPort = 5000 }, new RelayMap([region]), clock.Now);
        await using NodeLoop loop = new(core, clock, _counters, _ => { }, _ => { }, NullLogger.Instance);
        await using RelayConnections relays = new(_keys, loop, ScriptedRelay.Dialer(_keys), new(), clock, _counters, NullLogger.Instance) { Map = new RelayMap([region]) };
        using CancellationTokenSource ending = new();
        Task<int> here = SendOnAsync(_relay, "901b", ending.Token);
        Task<int> there = SendOnAsync(other, "901a", ending.Token);

        loop.Start();
        loop.Post((_, _) => relays.Want(region));
        await Task.Delay(TimeSpan.FromSeconds(1.5), TestContext.Current.CancellationToken); // Time enough for hundreds.
        await ending.CancelAsync();

        Assert.InRange(await here + await there, 1, 3);
    }

    [Fact]
    public async Task A_flood_of_moves_waits_in_no_queue_without_end()
    {
        MonotonicClock clock = MonotonicClock.System;
        NodeCore core = new(new NodeCoreOptions { Keys = _keys, Entropy = CoreTesting.Entropy(1), StartedAt = 1, UdpPort = 5000 }, new RelayMap([Region]), clock.Now);
        await using NodeLoop loop = new(core, clock, _counters, _ => { }, _ => { }, NullLogger.Instance); // Not started: it is as busy as can be.
        await using RelayConnections relays = new(_keys, loop, ScriptedRelay.Dialer(_keys), new(), clock, _counters, NullLogger.Instance) { Map = new RelayMap([Region]) };
        relays.Want(Region);
        using ScriptedRelay.Connection connection = await _relay.AcceptAsync();

        byte[] move = new MoveFrame(901, "901z", TimeSpan.Zero, TimeSpan.FromSeconds(10)).ToFrame();
        for (int i = 0; i < 2 * NodeLoop.MaxWaitingPackets; i++) await connection.SendAsync(move);
        await connection.DrainAsync();

        Assert.True(_counters[TraversalDrop.LoopBusy] >= NodeLoop.MaxWaitingPackets);
        loop.Start();
    }

    /// <summary>Lets everybody in and sends them on at once.</summary>
    /// <returns>How many came.</returns>
    private static async Task<int> SendOnAsync(ScriptedRelay relay, string to, CancellationToken ending)
    {
        List<ScriptedRelay.Connection> connections = [];
        try
        {
            while (true)
            {
                connections.Add(await relay.AcceptAsync(cancellation: ending));
                await connections[^1].SendAsync(new MoveFrame(901, to, TimeSpan.Zero, TimeSpan.FromSeconds(30)).ToFrame());
            }
        }
        catch (OperationCanceledException)
        {
            foreach (ScriptedRelay.Connection connection in connections) connection.Dispose();
            return connections.Count;
        }
    }

    private sealed class Receiver : IRelayReceiver
    {
        public bool ThrowsOnPackets { get; init; }

        public void HandleConnected(RelayClient relay) => Assert.NotNull(relay);

        public void HandleDisconnected(RelayClient relay) => Assert.NotNull(relay);

        public void HandlePacket(RelayClient relay, NodeKey source, ReadOnlySpan<byte> packet)
        {
            if (ThrowsOnPackets) throw new TimeoutException("A sink's fault.");
        }

        public void HandleHeard(RelayClient relay) => Assert.NotNull(relay);

        public void HandleRoundEnd(RelayClient relay) => Assert.NotNull(relay);

        public void HandleMove(RelayClient relay, MoveFrame move) => Assert.NotNull(move);

        public void HandlePeerGone(RelayClient relay, NodeKey peer, PeerGoneReason reason) => Assert.NotNull(relay);
    }

    private sealed class Lines : ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public IEnumerable<string> All => _lines;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _lines.Enqueue(formatter(state, exception));
    }
}
