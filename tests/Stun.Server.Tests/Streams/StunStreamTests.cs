using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Addresses;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Stun.Protocol;
using Stun.Server.Core;
using Stun.Server.Streams;
using Timing;

namespace Stun.Server.Tests.Streams;

/// <summary>STUN over TCP and TLS, against a listener on loopback.</summary>
public sealed class StunStreamTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TransportAddress AnyPort = TransportAddress.FromIpv4(0x7f000001, 0);
    private static readonly byte[] Request = Convert.FromHexString("000100142112a4420102030405060708090a0b0c802200087461696c6e6f646580280004b32c370f");
    private static readonly ConnectionTimes LongTimes = new(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1));

    [Fact]
    public async Task Requests_on_one_connection_are_answered_in_order()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();

        await client.GetStream().WriteAsync(Request);
        AssertAnswer(client, await ReadAsync(client, 32));
        await client.GetStream().WriteAsync(Request);
        AssertAnswer(client, await ReadAsync(client, 32));
    }

    [Fact]
    public async Task A_request_may_come_a_byte_at_a_time()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();
        client.NoDelay = true;

        foreach (byte value in Request)
        {
            client.GetStream().WriteByte(value);
            await Task.Yield();
        }

        AssertAnswer(client, await ReadAsync(client, 32));
    }

    [Fact]
    public async Task Many_requests_in_one_segment_get_as_many_answers()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();
        byte[] bare = [.. Request[..3], 0, .. Request[4..20]];

        await client.GetStream().WriteAsync(Enumerable.Repeat(bare, 500).SelectMany(bytes => bytes).Concat(Request[..30]).ToArray());
        for (int i = 0; i < 500; i++) AssertAnswer(client, await ReadAsync(client, 32));
        await client.GetStream().WriteAsync(Request.AsMemory(30));

        AssertAnswer(client, await ReadAsync(client, 32));
    }

    [Theory]
    [InlineData("ffffffff", "NotStun")] // Told by the first byte.
    [InlineData("000100032112a442", "NotStun")] // No whole words.
    [InlineData("000100002112a443", "NotStun")] // Another cookie.
    [InlineData("0001fffc2112a442", "TooLong")]
    [InlineData("000107f02112a442", "TooLong")]
    public async Task Garbage_between_requests_ends_the_connection_and_loses_no_answer(string garbage, string reason)
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();

        await client.GetStream().WriteAsync((byte[])[.. Request, .. Convert.FromHexString(garbage), .. Request]);

        AssertAnswer(client, await ReadAsync(client, 32));
        Assert.Equal(0, await client.GetStream().ReadAsync(new byte[100]).AsTask().WaitAsync(Patience));
        Assert.Equal(1, server.Drops(Enum.Parse<StunDropReason>(reason)));
    }

    [Fact]
    public async Task What_gets_no_answer_does_not_disturb_what_follows()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();
        byte[] wrongFingerprint = [.. Request[..39], 0];
        byte[] indication = [0, 0x11, 0, 0, .. Request[4..20]];
        byte[] overrun = [0, 1, 0, 4, .. Request[4..20], 0x80, 0x22, 0, 9];

        await client.GetStream().WriteAsync((byte[])[.. indication, .. wrongFingerprint, .. overrun, .. Request]);

        AssertAnswer(client, await ReadAsync(client, 32));
        Assert.Equal(1, server.Drops(StunDropReason.NotARequest));
        Assert.Equal(1, server.Drops(StunDropReason.WrongFingerprint));
        Assert.Equal(1, server.Drops(StunDropReason.Malformed));
    }

    [Fact]
    public async Task Discovery_is_for_datagrams_only()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();

        await client.GetStream().WriteAsync((byte[])[0, 1, 0, 8, .. Request[4..20], 0, 3, 0, 4, 0, 0, 0, 6]);

        byte[] answer = await ReadAsync(client, 36);
        Assert.Equal("01110010", Convert.ToHexString(answer[..4]));
        Assert.Equal("000a000200030000", Convert.ToHexString(answer[28..]).ToLowerInvariant());
    }

    [Fact]
    public async Task A_connection_on_which_nothing_comes_is_closed()
    {
        await using var server = new Listening(times: new(Idle: TimeSpan.FromMilliseconds(50), Message: TimeSpan.FromMinutes(1)));
        using TcpClient client = await server.ConnectAsync();

        Assert.Equal(0, await client.GetStream().ReadAsync(new byte[100]).AsTask().WaitAsync(Patience));
        await server.AwaitEndAsync(ConnectionEnd.Idle);
    }

    [Fact]
    public async Task A_request_that_drips_in_is_not_waited_for_however_often_it_drips()
    {
        await using var server = new Listening(times: new(Idle: TimeSpan.FromMinutes(1), Message: TimeSpan.FromMilliseconds(200)));
        using TcpClient client = await server.ConnectAsync();
        NetworkStream stream = client.GetStream();
        Task<bool> closed = IsClosedAsync(stream);

        for (int i = 0; i < Request.Length && !closed.IsCompleted; i++)
        {
            try
            {
                stream.WriteByte(Request[i]);
            }
            catch (IOException)
            {
                break; // That is the end it was to come to.
            }

            await Task.WhenAny(closed, Task.Delay(20)); // A whole request would take four times what a message may.
        }

        Assert.True(await closed.WaitAsync(Patience));
        await server.AwaitEndAsync(ConnectionEnd.Slow);
    }

    [Fact]
    public async Task Who_does_not_take_the_answers_is_slow_and_not_idle()
    {
        await using var server = new Listening(times: new(Idle: TimeSpan.FromMinutes(1), Message: TimeSpan.FromMilliseconds(500)));
        using TcpClient client = await server.ConnectAsync();
        byte[] request = [0, 1, 0, 12, .. Request[4..20], 0x80, 0x22, 0, 8, .. "software"u8]; // 64 of them fill the server's buffer and leave nothing over.
        byte[] requests = [.. Enumerable.Repeat(request, 2048).SelectMany(bytes => bytes)];

        await Assert.ThrowsAsync<IOException>(async () =>
        {
            while (true) await client.GetStream().WriteAsync(requests).AsTask().WaitAsync(Patience);
        });

        await server.AwaitEndAsync(ConnectionEnd.Slow);
    }

    [Fact]
    public async Task There_are_no_more_connections_than_allowed()
    {
        await using var server = new Listening(connections: 3);
        TcpClient[] clients = [await server.ConnectAsync(), await server.ConnectAsync(), await server.ConnectAsync()];
        foreach (TcpClient client in clients)
        {
            await client.GetStream().WriteAsync(Request);
            await ReadAsync(client, 32);
        }

        using (TcpClient tooMany = await server.ConnectAsync())
        {
            await AssertClosedAsync(tooMany);
        }

        Assert.Equal(1, server.Ends(ConnectionEnd.TooMany));
        clients[0].Dispose();
        await server.AwaitEndAsync(ConnectionEnd.ClosedByClient);
        using TcpClient again = await server.ConnectAsync();
        await again.GetStream().WriteAsync(Request);
        AssertAnswer(again, await ReadAsync(again, 32));
        foreach (TcpClient client in clients) client.Dispose();
    }

    [Fact]
    public async Task The_end_of_the_input_ends_the_connection_and_half_a_message_is_counted()
    {
        await using var server = new Listening();
        using TcpClient client = await server.ConnectAsync();

        NetworkStream stream = client.GetStream();

        await stream.WriteAsync((byte[])[.. Request, .. Request[..25]]);
        client.Client.Shutdown(SocketShutdown.Send);

        byte[] answer = new byte[32];
        await stream.ReadExactlyAsync(answer).AsTask().WaitAsync(Patience);
        AssertAnswer(client, answer);
        Assert.True(await IsClosedAsync(stream).WaitAsync(Patience));
        Assert.Equal(1, server.Drops(StunDropReason.Malformed));
    }

    [Fact]
    public async Task Tls_carries_the_same_and_takes_a_new_certificate_while_it_runs()
    {
        using var files = new CertificateFiles("first.test");
        var certificate = new ServerCertificate(files.CertificatePath, files.KeyPath);
        await using var server = new Listening(certificate: certificate);

        await AssertAnswersAsync("first.test");
        files.Write("second.test");
        certificate.Reload();
        await AssertAnswersAsync("second.test");

        async Task AssertAnswersAsync(string name)
        {
            using TcpClient client = await server.ConnectAsync();
            await using var tls = new SslStream(client.GetStream(), leaveInnerStreamOpen: false);
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, RemoteCertificateValidationCallback = (_, shown, _, _) => shown?.Subject == $"CN={name}" }).WaitAsync(Patience);
            await tls.WriteAsync(Request);
            byte[] answer = new byte[32];
            await tls.ReadExactlyAsync(answer).AsTask().WaitAsync(Patience);
            AssertAnswer(client, answer);
        }
    }

    [Fact]
    public async Task What_is_no_tls_handshake_ends_the_connection()
    {
        using var files = new CertificateFiles("name.test");
        await using var server = new Listening(certificate: new ServerCertificate(files.CertificatePath, files.KeyPath));
        using TcpClient client = await server.ConnectAsync();

        await client.GetStream().WriteAsync(Request);

        await server.AwaitEndAsync(ConnectionEnd.TlsFailed);
    }

    [Fact]
    public async Task A_tls_handshake_that_does_not_begin_is_not_waited_for()
    {
        using var files = new CertificateFiles("name.test");
        await using var server = new Listening(certificate: new ServerCertificate(files.CertificatePath, files.KeyPath), times: new(TimeSpan.FromMinutes(1), TimeSpan.FromMilliseconds(50)));
        using TcpClient client = await server.ConnectAsync();

        await AssertClosedAsync(client);
        await server.AwaitEndAsync(ConnectionEnd.Slow);
    }

    [Fact]
    public async Task A_host_listens_on_streams_beside_datagrams_and_stops_with_connections_open()
    {
        using IHost host = await StunServerTests.StartAsync(new StunServerOptions { Listen = [], ListenTcp = [TransportAddress.FromIpv6(1, 0), AnyPort] });
        StunServer server = StunServerTests.ServerOf(host);
        Assert.True(server.IsListening);
        Assert.Equal(2, server.StreamUrls.Count);
        using var client = new TcpClient();
        await client.ConnectAsync(IPEndPoint.Parse(server.StreamUrls[1]["tcp://".Length..]));
        await client.GetStream().WriteAsync(Request);
        AssertAnswer(client, await ReadAsync(client, 32));

        await host.StopAsync(TestContext.Current.CancellationToken);

        await AssertClosedAsync(client);
        Assert.Equal(1, Recorded.Of(server.Metrics.Meter)["stun.answers tcp ipv4 success"]);
        Assert.Equal(1, Recorded.Of(server.Metrics.Meter)["stun.connections.ended tcp stopping"]);
        Assert.Equal(0, Recorded.Of(server.Metrics.Meter)["stun.connections.open"]);
    }

    private static async Task<byte[]> ReadAsync(TcpClient client, int length)
    {
        byte[] bytes = new byte[length];
        await client.GetStream().ReadExactlyAsync(bytes).AsTask().WaitAsync(Patience);
        return bytes;
    }

    private static async Task AssertClosedAsync(TcpClient client) => Assert.True(await IsClosedAsync(client.GetStream()).WaitAsync(Patience));

    private static async Task<bool> IsClosedAsync(NetworkStream stream)
    {
        try
        {
            return await stream.ReadAsync(new byte[100]) == 0;
        }
        catch (IOException exception)
        {
            return exception.InnerException is SocketException; // A reset closes it as well.
        }
    }

    private static void AssertAnswer(TcpClient client, byte[] answer)
    {
        Assert.True(StunBindingResponse.TryRead(answer, out TransactionId id, out TransportAddress mapped));
        Assert.Equal(TransactionId.Read(Request.AsSpan(8)), id);
        Assert.Equal(TransportAddress.From(Assert.IsType<IPEndPoint>(client.Client.LocalEndPoint)), mapped);
    }

    /// <summary>A listener with limits of a test's choice.</summary>
    private sealed class Listening : IAsyncDisposable
    {
        private readonly StunStreamListener _listener;
        private readonly CancellationTokenSource _stopping = new();
        private readonly Task _running;

        public Listening(int connections = 100, ConnectionTimes? times = null, ServerCertificate? certificate = null)
        {
            StunTransport transport = certificate is null ? StunTransport.Tcp : StunTransport.Tls;
            _listener = new StunStreamListener(
                StunStreamListener.Bind(AnyPort, dualStack: false),
                new StreamContext(new ForgedSources([]), new SourceRateLimiter(2000, seed: 1), transport, MonotonicClock.System),
                new ConnectionLimiter(connections),
                times ?? LongTimes,
                certificate,
                NullLogger.Instance);
            _running = _listener.RunAsync(_stopping.Token);
        }

        public long Drops(StunDropReason reason) => _listener.Context.Counters.Drops(reason);

        public long Ends(ConnectionEnd end) => _listener.Context.Ends(end);

        public async Task<TcpClient> ConnectAsync()
        {
            var client = new TcpClient();
            await client.ConnectAsync(_listener.LocalAddress.ToIPEndPoint());
            return client;
        }

        public async Task AwaitEndAsync(ConnectionEnd end)
        {
            for (long deadline = Environment.TickCount64 + 30_000; Ends(end) == 0 && Environment.TickCount64 < deadline;) await Task.Delay(5);
            Assert.Equal(1, Ends(end));
        }

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            await _running.WaitAsync(Patience);
            _listener.Dispose();
            _stopping.Dispose();
        }
    }
}
