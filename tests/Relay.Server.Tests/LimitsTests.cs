using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Relay.Server.Tests;

/// <summary>A relay in a process of its own, and those who would hurt it, on loopback.</summary>
public sealed class LimitsTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly string[] Plain = ["--listen-plain", "127.0.0.1:0", "--stun", "off", "--admin", "127.0.0.1:0"];

    private const string HandshakesRefused = "relay_connections_refused_total{relay_refusal_reason=\"handshakes\"}";

    private readonly HttpClient _web = new();

    public void Dispose() => _web.Dispose();

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task Who_is_slow_to_say_what_it_wants_is_cut_off_and_others_log_in_meanwhile(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--listen", "127.0.0.1:0", "--shards", shards, "--handshake-timeout", "1"]);
        await using Stream headByByte = await relay.OpenPlainAsync();
        await using Stream silentTls = await relay.OpenTcpAsync(relay.Tls);
        await using Stream withoutLogin = await relay.OpenPlainAsync();
        await withoutLogin.WriteAsync(Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: r\r\nUpgrade: DERP\r\nConnection: Upgrade\r\n\r\n"));
        Task dribbling = DribbleAsync(headByByte, "GET /derp HTTP/1.1\r\nHost: r\r\nX-Padding: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");

        using TestClient client = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);

        await Task.WhenAll(EndAsync(headByByte), EndAsync(silentTls), EndAsync(withoutLogin)).WaitAsync(Patience);
        await dribbling;
        await EchoAsync(client);
        await UntilAsync(async () => await MetricAsync(relay, "relay_handshakes") == 0);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task Over_the_bound_of_handshakes_newcomers_are_told_and_when_they_have_gone_all_is_well(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--shards", shards, "--max-handshakes", "3"]);
        using TestClient before = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        await UntilAsync(async () => await MetricAsync(relay, "relay_handshakes") == 0);
        double refusedBefore = await MetricAsync(relay, HandshakesRefused);
        Stream[] silent = [await relay.OpenPlainAsync(), await relay.OpenPlainAsync(), await relay.OpenPlainAsync()];

        Assert.StartsWith("HTTP/1.1 503 ", await EndAsync(await relay.OpenPlainAsync()), StringComparison.Ordinal);
        await EchoAsync(before);

        foreach (Stream stream in silent) await stream.DisposeAsync();
        await UntilAsync(async () => await MetricAsync(relay, "relay_handshakes") == 0);
        using TestClient after = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        await EchoAsync(after);
        Assert.Equal(refusedBefore + 1, await MetricAsync(relay, HandshakesRefused));
    }

    [Fact]
    public async Task A_flood_of_connections_is_refused_and_the_relay_lives_on()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--accept-rate", "5"]);
        using TestClient client = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        for (int i = 0; i < 200; i++) await (await relay.OpenPlainAsync()).DisposeAsync();

        // While any of the flood waits to be accepted it takes what may come: once the count rests for a second, all of it has been answered.
        const string Refused = "relay_connections_refused_total{relay_refusal_reason=\"accept_rate\"}";
        double seen = -1;
        await UntilAsync(async () =>
        {
            double before = seen;
            seen = await MetricAsync(relay, Refused);
            if (seen <= 100 || seen != before) await Task.Delay(TimeSpan.FromSeconds(1));
            return seen > 100 && seen == before;
        });
        await EchoAsync(client);
        using TestClient after = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        await EchoAsync(after);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task Without_descriptors_to_spare_it_refuses_and_lives_on(string shards)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The bound is read off Linux.");
        await using RunningRelay relay = await RunningRelay.StartLimitedAsync(400, [.. Plain, "--shards", shards]);
        using TestClient client = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        List<Stream> many = [];
        for (int i = 0; i < 600; i++) many.Add(await relay.OpenPlainAsync());

        await EchoAsync(client);
        await UntilAsync(async () => await MetricAsync(relay, "relay_connections_refused_total{relay_refusal_reason=\"connections\"}") > 100);
        Assert.Equal("ok\n", await _web.GetStringAsync(new Uri($"http://{relay.Admin}/healthz")));

        foreach (Stream stream in many) await stream.DisposeAsync();
        await UntilAsync(async () => await MetricAsync(relay, "relay_handshakes") == 0);
        using TestClient after = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        await EchoAsync(after);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task A_client_over_its_rate_is_slowed_and_loses_nothing_and_others_are_not(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--shards", shards, "--client-rate", "200000", "--client-burst", "65568"]);
        using TestClient sender = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        using TestClient receiver = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 2);
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 600; i++) await sender.SendAsync(receiver.Key, [.. BitConverter.GetBytes(i), .. new byte[964]]);
        });

        for (int i = 0; i < 600; i++) Assert.Equal(i, BitConverter.ToInt32((await receiver.ReceiveAsync()).Body, NodeKey.Length));

        await sending;
        Assert.True(System.Diagnostics.Stopwatch.GetElapsedTime(start) > TimeSpan.FromSeconds(1.5)); // 600 KB at 200 KB/s, less the burst and one read.
        Assert.True(await MetricAsync(relay, "relay_pauses_total{relay_rate_scope=\"client\"}") > 0);
        await EchoAsync(receiver);
    }

    [Theory]
    [InlineData("1")]
    [InlineData("0")]
    public async Task Long_frames_that_never_end_cost_those_who_begin_them_and_short_ones_still_pass(string shards)
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--shards", shards, "--memory", "4"]);
        using TestClient good = await TestClient.LogInAsync(await relay.OpenPlainAsync(), 1);
        byte[] begun = new byte[60_000];
        PacketFrame.WritePrefix(begun, FrameType.SendPacket, good.Key, RelayLimits.MaxPacketLength);
        List<TestClient> bad = [];
        for (int i = 0; i < 150; i++) bad.Add(await TestClient.LogInAsync(await relay.OpenPlainAsync(), (byte)(i + 2))); // 9 MB of frames in part.
        foreach (TestClient client in bad) await client.SendRawAsync(begun);

        await UntilAsync(async () => await MetricAsync(relay, "relay_connections_closed_total{relay_close_reason=\"memory_full\"}") > 50);
        Assert.InRange(await MetricAsync(relay, "relay_input_memory_bytes"), 0, 1 << 20);
        await EchoAsync(good);
        foreach (TestClient client in bad) client.Dispose();
        await UntilAsync(async () => await MetricAsync(relay, "relay_input_memory_bytes") == 0);
    }

    [Fact]
    public async Task A_client_that_hangs_up_while_it_is_not_read_from_is_let_go()
    {
        await using RunningRelay relay = await RunningRelay.StartAsync([.. Plain, "--shards", "1", "--client-rate", "1024", "--client-burst", "65568"]);
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPEndPoint.Parse(relay.Plain));
        TestClient client = await TestClient.LogInAsync(new NetworkStream(socket, ownsSocket: true), 1);
        // In one piece, so that the first pause is for a whole read and lasts a minute, however slow the machine.
        byte[] frame = new byte[PacketFrame.PrefixLength + 1000];
        PacketFrame.WritePrefix(frame, FrameType.SendPacket, client.Key, 1000);
        await socket.SendAsync(Enumerable.Repeat(frame, 200).SelectMany(copy => copy).ToArray());
        await UntilAsync(async () => await MetricAsync(relay, "relay_pauses_total{relay_rate_scope=\"client\"}") > 0);

        socket.LingerState = new LingerOption(enable: true, seconds: 0); // A reset.
        client.Dispose();

        await UntilAsync(async () => await MetricAsync(relay, "relay_connections_closed_total{relay_close_reason=\"client_left\"}") == 1);
        Assert.Equal(1, await MetricAsync(relay, "relay_pauses_total{relay_rate_scope=\"client\"}"));
    }

    private static async Task DribbleAsync(Stream stream, string text)
    {
        try
        {
            foreach (char character in text)
            {
                await stream.WriteAsync(new[] { (byte)character });
                await Task.Delay(50);
            }
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            Assert.NotNull(exception); // Cut off, as it should be.
        }
    }

    /// <summary>Reads until the other end has had enough.</summary>
    private static async Task<string> EndAsync(Stream stream)
    {
        StringBuilder text = new();
        byte[] buffer = new byte[4096];
        try
        {
            while (await stream.ReadAsync(buffer).AsTask().WaitAsync(Patience) is var read && read > 0) text.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }
        catch (IOException exception)
        {
            Assert.IsType<SocketException>(exception.InnerException); // A reset is an end too.
        }

        return text.ToString();
    }

    private static async Task EchoAsync(TestClient client)
    {
        await client.SendAsync(client.Key, [1, 2, 3]);
        while ((await client.ReceiveAsync()).Type != FrameType.RecvPacket) { }
    }

    private async Task<double> MetricAsync(RunningRelay relay, string series)
    {
        string text = await _web.GetStringAsync(new Uri($"http://{relay.Admin}/metrics"));
        string name = series.EndsWith('}') ? series : series + "{}";
        string? line = text.Split('\n').FirstOrDefault(line => line.StartsWith(name + " ", StringComparison.Ordinal));
        Assert.NotNull(line);
        return double.Parse(line[(name.Length + 1)..], CultureInfo.InvariantCulture);
    }

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        for (int i = 0; !await isSo(); i++)
        {
            Assert.True(i < Patience / TimeSpan.FromMilliseconds(50), "not in time");
            await Task.Delay(50);
        }
    }
}
