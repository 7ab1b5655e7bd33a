using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Node.Traversal.Core;
using Node.Traversal.Io;
using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Tests.Io.Relay;

/// <summary>A relay that has let us in and takes no more bytes, as a program that hangs does: it is found out, left for another, and holds up nobody.</summary>
public sealed class DeafRelayTests : IDisposable
{
    /// <summary>Well before the kernel gives a connection up whose bytes nobody takes (10 s): what ends by then was ended by us.</summary>
    private static readonly TimeSpan BeforeTheKernel = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan Most = TimeSpan.FromMilliseconds(500);

    private readonly ScriptedRelay _relay = new(isTls: true);
    private readonly TraversalCounters _counters = new();
    private readonly FakeTimeProvider _time = new();
    private readonly LoneReceiver _receiver = new();
    private readonly NodeKeyPair _keys = CoreTesting.Keys(1);

    private RelayRegion Region => new() { Id = 901, Code = "test", Nodes = [_relay.Node("901a")] };

    public void Dispose() => _relay.Dispose();

    /// <summary>The farewell of TLS waits for room to write, of which there is none.</summary>
    [Fact]
    public async Task Leaving_it_ends_in_time()
    {
        await using RelayClient client = MakeClient();
        using ScriptedRelay.Connection connection = await ConnectAsync(client);
        await FillAsync(client);

        Task leaving = client.LeaveAsync(Most);
        for (int i = 0; i < 4 && !leaving.IsCompleted; i++) // Two waits, each of which may begin after a step.
        {
            _time.Advance(Most);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }

        await leaving.WaitAsync(BeforeTheKernel, TestContext.Current.CancellationToken);
    }

    /// <summary>That it still speaks is no sign that it hears: only an answer to what it was asked is.</summary>
    [Fact]
    public async Task It_is_found_out_when_it_is_asked_for_a_sign_of_life()
    {
        await using RelayClient client = MakeClient();
        using ScriptedRelay.Connection connection = await ConnectAsync(client);

        _time.Advance(TimeSpan.FromSeconds(5)); // That something is heard is told once in so long.
        client.Verify();
        await connection.SendAsync(FrameType.KeepAlive, []);
        await _receiver.Heard.WaitAsync(ScriptedRelay.Patience, TestContext.Current.CancellationToken);
        _time.Advance(TimeSpan.FromSeconds(1));

        await _receiver.Lost.WaitAsync(BeforeTheKernel, TestContext.Current.CancellationToken);
        using ScriptedRelay.Connection next = await ConnectAgainAsync();
    }

    /// <summary>Also while nobody asks: what was written waits for an acknowledgement of ten seconds at most. (Linux; elsewhere it is found out when it is asked.)</summary>
    [Fact]
    public async Task It_is_found_out_by_what_waits_to_be_sent()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "TCP_USER_TIMEOUT is Linux's.");
        await using RelayClient client = MakeClient();
        using ScriptedRelay.Connection connection = await ConnectAsync(client);

        await FillAsync(client);

        await _receiver.Lost.WaitAsync(ScriptedRelay.Patience, TestContext.Current.CancellationToken);
    }

    private RelayClient MakeClient() => new(Region, _keys, ScriptedRelay.Dialer(_keys), _receiver, new MonotonicClock(_time), _counters, NullLogger.Instance);

    private async Task<ScriptedRelay.Connection> ConnectAsync(RelayClient client)
    {
        client.Start();
        ScriptedRelay.Connection connection = await _relay.AcceptAsync();
        await _receiver.Connected.WaitAsync(ScriptedRelay.Patience, TestContext.Current.CancellationToken);
        return connection;
    }

    private async Task<ScriptedRelay.Connection> ConnectAgainAsync()
    {
        Task<ScriptedRelay.Connection> next = _relay.AcceptAsync(cancellation: TestContext.Current.CancellationToken);
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100)); // The pause before the next attempt.
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        return await next;
    }

    /// <summary>Sends until a whole queue finds no room several times on end: then the connection takes no more.</summary>
    private async Task FillAsync(RelayClient client)
    {
        byte[] packet = new byte[1400];
        int atOnce = RelaySendQueue.MaxDataBytes / packet.Length;
        for (int refusals = 0; refusals < 5;)
        {
            long before = _counters[TraversalDrop.RelayQueueFull];
            for (int i = 0; i < atOnce; i++) client.TryQueueData(CoreTesting.Keys(2).PublicKey, packet, Instant.Origin);
            client.Flush();
            refusals = _counters[TraversalDrop.RelayQueueFull] - before == atOnce ? refusals + 1 : 0;
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
