using System.Diagnostics;
using System.Net;
using System.Text;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;

namespace Relay.Server.Tests;

/// <summary>How a relay ends: in which order, what it says, and when.</summary>
public sealed class DrainTests : IDisposable
{
    private static readonly string[] Options = ["--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0", "--drain-to", "901/901b"];

    private readonly HttpClient _web = new();

    public void Dispose() => _web.Dispose();

    [Fact]
    public async Task A_drain_refuses_newcomers_tells_clients_and_ends_when_they_have_left()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Options);
        TestClient stock = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        TestClient ours = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2, new ClientInfo { Extensions = 1 });

        using HttpResponseMessage answer = await _web.PostAsync(new Uri($"http://{relay.Admin}/drain?timeout=60"), null);
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);

        TimeSpan begin = await ReadRestartingAsync(stock);
        Assert.InRange(begin.TotalSeconds, 0, 15);
        await ReadRestartingAsync(ours);
        (FrameType type, byte[] body) = await ours.ReceiveAsync();
        Assert.Equal(FrameType.Move, type);
        Assert.True(MoveFrame.TryRead(body, out MoveFrame? move));
        Assert.Equal((901, "901b"), (move!.RegionId, move.NodeName));
        Assert.InRange(move.EndsIn.TotalSeconds, 50, 60);

        using HttpResponseMessage readiness = await _web.GetAsync(new Uri($"http://{relay.Admin}/readyz"));
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "draining\n"), (readiness.StatusCode, await readiness.Content.ReadAsStringAsync()));
        Assert.StartsWith("HTTP/1.1 503 ", await UpgradeAsync(relay), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.Conflict, (await _web.PostAsync(new Uri($"http://{relay.Admin}/drain"), null)).StatusCode);

        await stock.SendAsync(ours.Key, [7]); // Whoever is in still talks.
        Assert.Equal(FrameType.RecvPacket, (await ours.ReceiveAsync()).Type);

        stock.Dispose();
        ours.Dispose();
        await relay.ExitAsync();
        Assert.Equal(0, relay.ExitCode);
    }

    [Theory]
    [InlineData("timeout=-1")]
    [InlineData("timeout=3601")]
    [InlineData("timeout=soon")]
    [InlineData("to=nowhere")]
    [InlineData("to=0")]
    public async Task A_drain_that_cannot_be_is_refused_and_the_relay_goes_on(string query)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Options);

        Assert.Equal(HttpStatusCode.BadRequest, (await _web.PostAsync(new Uri($"http://{relay.Admin}/drain?{query}"), null)).StatusCode);
        Assert.Equal(HttpStatusCode.MethodNotAllowed, (await _web.GetAsync(new Uri($"http://{relay.Admin}/drain"))).StatusCode);
        Assert.Equal("ready\n", await _web.GetStringAsync(new Uri($"http://{relay.Admin}/readyz")));
    }

    [Fact]
    public async Task A_signal_ends_it_within_five_seconds_whoever_stays()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Options);
        using TestClient stock = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        using TestClient ours = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2, new ClientInfo { Extensions = 1 });

        Assert.True(await relay.StopAsync() < TimeSpan.FromSeconds(5));

        Assert.Equal(0, relay.ExitCode);
        await ReadRestartingAsync(stock);
    }

    [Fact]
    public async Task A_second_signal_ends_it_at_once()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Options, "--drain-timeout", "600"]);
        using TestClient stock = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        relay.Signal();
        await ReadRestartingAsync(stock);

        long start = Stopwatch.GetTimestamp();
        relay.Signal();
        await relay.ExitAsync();

        Assert.Equal(128 + 15, relay.ExitCode);
        Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(20));
    }

    [Fact]
    public async Task A_signal_cuts_a_longer_drain_short()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync(Options);
        using TestClient stock = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        await _web.PostAsync(new Uri($"http://{relay.Admin}/drain?timeout=3600"), null);
        await ReadRestartingAsync(stock);

        Assert.True(await relay.StopAsync() < TimeSpan.FromSeconds(5));
        Assert.Equal(0, relay.ExitCode);
    }

    private static async Task<TimeSpan> ReadRestartingAsync(TestClient client)
    {
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        Assert.Equal(FrameType.Restarting, type);
        Assert.True(RestartingFrame.TryRead(body, out TimeSpan reconnectIn, out _));
        return reconnectIn;
    }

    private static async Task<string> UpgradeAsync(RunningRelay relay)
    {
        await using Stream stream = await relay.OpenPlainAsync();
        await stream.WriteAsync("GET /derp HTTP/1.1\r\nHost: r\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"u8.ToArray());
        using StreamReader reader = new(stream, Encoding.UTF8);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(10));
    }
}
