using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Admission;
using Relay.Server.Core;
using Relay.Server.Hosting;
using Relay.Server.Shards;
using Relay.Server.Tests.Core;

namespace Relay.Server.Tests.Shards;

/// <summary>Shards with real clients on loopback: SslStream is another hand than the one that serves.</summary>
public sealed class ShardTests
{
    private const int LargestPacket = RelayLimits.MaxPacketLength;

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Packets_of_all_lengths_pass_in_both_versions_of_TLS(SslProtocols version)
    {
        await using ShardWorld world = new();
        SslStream stream = await world.OpenTlsAsync(version);
        Assert.Equal(version, stream.SslProtocol);
        using TestClient alice = await TestClient.LogInAsync(stream, 1);
        using TestClient bob = await TestClient.LogInAsync(await world.OpenTlsAsync(version), 2);

        foreach (int length in (int[])[0, 1, 100, 1400, 16383, 16384, 16385, 32000, LargestPacket])
        {
            byte[] packet = Pattern(length, (byte)length);
            await alice.SendAsync(bob.Key, packet);
            await AssertReceivesAsync(bob, alice.Key, packet);
            await bob.SendAsync(alice.Key, packet);
            await AssertReceivesAsync(alice, bob.Key, packet);
        }
    }

    [Fact]
    public async Task A_client_may_write_byte_by_byte_and_each_byte_in_a_record_of_its_own()
    {
        await using ShardWorld world = new();
        SslStream stream = await world.OpenTlsAsync();
        using TestClient alice = await TestClient.LogInAsync(stream, 1);
        using TestClient bob = await world.LogInAsync(2);

        byte[] frame = RelayWorld.SendPacket(bob.Key, Pattern(300, 1));
        for (int i = 0; i < frame.Length; i++) await stream.WriteAsync(frame.AsMemory(i, 1));

        await AssertReceivesAsync(bob, alice.Key, Pattern(300, 1));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Packets_of_many_senders_to_many_receivers_arrive_whole_and_in_order(int shards)
    {
        const int Clients = 8;
        const int Rounds = 150;
        await using ShardWorld world = new(shards);
        TestClient[] clients = new TestClient[Clients];
        for (byte i = 0; i < Clients; i++) clients[i] = await world.LogInAsync((byte)(i + 1), isTls: i % 3 != 0);
        Assert.All(world.Shards, shard => Assert.Equal(Clients / shards, shard.ConnectionCount));

        // Each sends to all in turn, from short to long, and waits for what the others send to it: nobody's queue fills.
        await Task.WhenAll(clients.Select(async (client, index) =>
        {
            int[] next = new int[Clients];
            for (int round = 0; round < Rounds; round++)
            {
                using MemoryStream batch = new();
                foreach (TestClient to in clients)
                {
                    if (to != client) batch.Write(RelayWorld.SendPacket(to.Key, [.. BitConverter.GetBytes(round), .. Pattern(round * 9, (byte)index)]));
                }

                await client.SendFrameAsync(batch.ToArray());
                for (int i = 0; i < Clients - 1; i++)
                {
                    (FrameType type, byte[] body) = await client.ReceiveAsync();
                    Assert.Equal(FrameType.RecvPacket, type);
                    int from = Array.FindIndex(clients, other => other.Key == new NodeKey(body.AsSpan(0, 32)));
                    Assert.Equal(next[from]++, BitConverter.ToInt32(body, 32));
                    Assert.Equal(Pattern((next[from] - 1) * 9, (byte)from), body[36..]);
                }
            }
        }));

        foreach (TestClient client in clients) client.Dispose();
        Assert.Equal((Clients * (Clients - 1) * Rounds, 0), (world.Counters.Out.Packets, world.Counters.Dropped(DropReason.QueueFull, PacketKind.Data)));
    }

    [Fact]
    public async Task A_client_that_takes_nothing_loses_its_packets_and_then_its_connection_and_nobody_else_does()
    {
        await using ShardWorld world = new();
        using TestClient sender = await world.LogInAsync(1);
        TestClient stalled = await world.LogInAsync(2);
        using TestClient healthy = await world.LogInAsync(3);

        int sent = 0;
        while (world.Counters.Closed(CloseReason.WriteTimeout) == 0)
        {
            await sender.SendAsync(stalled.Key, new byte[16000]);
            await sender.SendAsync(healthy.Key, BitConverter.GetBytes(sent));
            (FrameType type, byte[] body) = await healthy.ReceiveAsync();
            Assert.Equal((FrameType.RecvPacket, sent++), (type, BitConverter.ToInt32(body, 32)));
        }

        stalled.Dispose();
        Assert.True(world.Counters.Dropped(DropReason.QueueFull, PacketKind.Data) + world.Counters.Dropped(DropReason.Aged, PacketKind.Data) > 0);
        Assert.Equal(0, world.Counters.Closed(CloseReason.ServerFault));
    }

    [Fact]
    public async Task A_client_that_reads_slowly_gets_whole_frames_in_order()
    {
        await using ShardWorld world = new();
        using TestClient sender = await world.LogInAsync(1);
        SslStream stream = await world.OpenTlsAsync();
        using TestClient slow = await TestClient.LogInAsync(stream, 2);

        // More than all buffers between the two hold, so that sends are refused halfway through a frame.
        const int Packets = 400;
        for (int i = 0; i < Packets; i++) await sender.SendAsync(slow.Key, [.. BitConverter.GetBytes(i), .. Pattern(20_000, (byte)i)]);
        await ShardWorld.UntilAsync(() => world.Counters.In.Packets == Packets);

        int last = -1;
        while (last < Packets - 1)
        {
            (FrameType type, byte[] body) = await slow.ReceiveAsync();
            int number = BitConverter.ToInt32(body, 32);
            Assert.Equal((FrameType.RecvPacket, true), (type, number > last));
            Assert.Equal(Pattern(20_000, (byte)number), body[36..]);
            last = number;
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Those_a_client_has_sent_to_hear_of_it_when_it_breaks_off(bool isReset)
    {
        await using ShardWorld world = new(shards: 2);
        NetworkStream network = await world.OpenTcpAsync();
        SslStream tls = new(network);
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "127.0.0.1", RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null });
        TestClient alice = await TestClient.LogInAsync(tls, 1);
        using TestClient bob = await world.LogInAsync(2);
        await alice.SendAsync(bob.Key, [1]);
        await AssertReceivesAsync(bob, alice.Key, [1]);

        if (isReset) network.Socket.LingerState = new LingerOption(true, 0);
        if (isReset) network.Socket.Close();
        else network.Socket.Shutdown(SocketShutdown.Send); // Half-closed: a client that says nothing more has left.

        (FrameType type, byte[] body) = await bob.ReceiveAsync();
        Assert.Equal((FrameType.PeerGone, alice.Key, (byte)PeerGoneReason.Disconnected), (type, new NodeKey(body.AsSpan(0, 32)), body[32]));
        alice.Dispose();
    }

    [Fact]
    public async Task What_is_no_TLS_is_closed_and_what_says_nothing_too()
    {
        await using ShardWorld world = new(limits: new ServerLimits { HandshakeTimeout = TimeSpan.FromMilliseconds(300) });
        using NetworkStream garbage = await world.OpenTcpAsync();
        using NetworkStream silent = await world.OpenTcpAsync();
        using NetworkStream halfway = await world.OpenTcpAsync();

        await garbage.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: relay\r\n\r\n"));
        await halfway.WriteAsync(new byte[] { 0x16, 0x03, 0x01, 0x02, 0x00, 0x01 }); // The beginning of a ClientHello.

        foreach (NetworkStream stream in (NetworkStream[])[garbage, silent, halfway]) await AssertEndsAsync(stream);
        await ShardWorld.UntilAsync(() => world.ConnectionCount == 0);
        using TestClient alice = await world.LogInAsync(1); // The relay is none the worse for it.
    }

    [Fact]
    public async Task Random_bytes_in_place_of_frames_end_their_own_connection_only()
    {
        await using ShardWorld world = new();
        using TestClient alice = await world.LogInAsync(1);
        Random random = new(7);
        for (int i = 0; i < 20; i++)
        {
            SslStream stream = await world.OpenTlsAsync();
            byte[] garbage = new byte[random.Next(1, 4000)];
            random.NextBytes(garbage);
            if (i % 2 == 0) await stream.WriteAsync(RelayWorld.Upgrade);
            await stream.WriteAsync(garbage);
            await stream.DisposeAsync();
        }

        await ShardWorld.UntilAsync(() => world.ConnectionCount == 1);
        await alice.SendAsync(alice.Key, [5]);
        await AssertReceivesAsync(alice, alice.Key, [5]);
        Assert.Equal(0, world.Counters.Closed(CloseReason.ServerFault));
    }

    [Fact]
    public async Task HTTP_2_is_never_agreed_upon()
    {
        await using ShardWorld world = new();

        using SslStream both = await world.OpenTlsAsync(offered: [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11]);
        using SslStream only = await world.OpenTlsAsync(offered: [SslApplicationProtocol.Http2]);

        Assert.Equal(SslApplicationProtocol.Http11, both.NegotiatedApplicationProtocol);
        Assert.Equal(default, only.NegotiatedApplicationProtocol);
    }

    [Fact]
    public async Task A_new_certificate_serves_newcomers_and_leaves_the_others_alone()
    {
        await using ShardWorld world = new();
        using TestClient alice = await world.LogInAsync(1);
        ServerCertificate renewed = ServerCertificate.SelfSigned([], DateTimeOffset.UtcNow);

        world.Certificate = renewed;

        using SslStream stream = await world.OpenTlsAsync();
        Assert.Equal(renewed.Leaf.RawData, stream.RemoteCertificate!.GetRawCertData());
        await alice.SendAsync(alice.Key, [5]);
        await AssertReceivesAsync(alice, alice.Key, [5]);
    }

    [Fact]
    public async Task What_is_no_relay_client_talks_to_the_web_server_both_ways_and_as_much_as_it_likes()
    {
        await using ShardWorld world = new(shards: 2);
        byte[] request = Encoding.ASCII.GetBytes("POST /echo HTTP/1.1\r\nHost: relay\r\n\r\n");
        byte[] body = Pattern(1 << 20, 3);
        Task serving = EchoOnceAsync(world.Web, request.Length + body.Length);
        using SslStream stream = await world.OpenTlsAsync();

        Task writing = Task.Run(async () =>
        {
            await stream.WriteAsync(request);
            for (int at = 0; at < body.Length; at += 50_000) await stream.WriteAsync(body.AsMemory(at, Math.Min(50_000, body.Length - at)));
        });
        byte[] echoed = new byte[request.Length + body.Length];
        await stream.ReadExactlyAsync(echoed);
        await writing;

        Assert.Equal([.. request, .. body], echoed);
        await AssertEndsAsync(stream); // The web server has ended, and so does the connection.
        await serving;
    }

    [Fact]
    public async Task A_login_waits_for_its_answer_without_holding_up_anybody()
    {
        SlowAdmission admission = new();
        await using ShardWorld world = new(admission: admission);
        Task<TestClient> alice = world.LogInAsync(1);
        await admission.Asked.WaitAsync(TimeSpan.FromSeconds(20));
        using NetworkStream other = (NetworkStream)await world.OpenPlainAsync();
        await other.WriteAsync(RelayWorld.Upgrade);
        byte[] greeting = new byte[16];
        await other.ReadExactlyAsync(greeting); // The shard goes on.
        Assert.False(alice.IsCompleted);

        admission.Answer.SetResult(AdmissionDecision.Open);

        using TestClient client = await alice;
        await client.SendAsync(client.Key, [1]);
        await AssertReceivesAsync(client, client.Key, [1]);
    }

    [Fact]
    public async Task Whoever_sends_more_than_it_may_is_read_more_slowly_and_loses_nothing()
    {
        await using ShardWorld world = new(limits: new ServerLimits { ClientBytes = new Rate(4_000_000, Rate.LeastBytesBurst) });
        using TestClient alice = await world.LogInAsync(1);
        using TestClient bob = await world.LogInAsync(2);

        Task sending = Task.Run(async () =>
        {
            for (int i = 0; i < 200; i++) await alice.SendAsync(bob.Key, [.. BitConverter.GetBytes(i), .. new byte[8000]]);
        });
        for (int i = 0; i < 200; i++) Assert.Equal(i, BitConverter.ToInt32((await bob.ReceiveAsync()).Body, 32));

        await sending;
        Assert.True(world.Counters.Pauses.Clients > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_relayed_packet_allocates_nothing(bool isTls)
    {
        await using ShardWorld world = new();
        Shard shard = Assert.Single(world.Shards);
        using TestClient alice = await world.LogInAsync(1, isTls);
        using TestClient bob = await world.LogInAsync(2, isTls);
        byte[] burst = [.. Enumerable.Range(0, 20).SelectMany(i => RelayWorld.SendPacket(bob.Key, Pattern(1400, (byte)i)))];

        long least = long.MaxValue;
        for (int attempt = 0; attempt < 5 && least > 0; attempt++) // What is compiled, pooled or made once comes with the first.
        {
            long before = await AllocatedAsync(shard);
            for (int i = 0; i < 50; i++)
            {
                await alice.SendFrameAsync(burst);
                for (int packet = 0; packet < 20; packet++) Assert.Equal(Pattern(1400, (byte)packet), (await bob.ReceiveAsync()).Body[32..]);
            }

            least = Math.Min(least, await AllocatedAsync(shard) - before - OwnAllocation(await AllocatedAsync(shard), await AllocatedAsync(shard)));
        }

        Assert.True(least <= 0, $"{least} bytes for 1000 packets.");

        static long OwnAllocation(long before, long after) => after - before; // To ask is an allocation too.
    }

    private static Task<long> AllocatedAsync(Shard shard) => ShardWorld.OnShardAsync(shard, GC.GetAllocatedBytesForCurrentThread);

    private static async Task AssertReceivesAsync(TestClient client, NodeKey from, byte[] packet)
    {
        (FrameType type, byte[] body) = await client.ReceiveAsync();
        Assert.Equal((FrameType.RecvPacket, from), (type, new NodeKey(body.AsSpan(0, 32))));
        Assert.Equal(packet, body[32..]);
    }

    /// <summary>Reads to the end; that the end is a rude one is the network's business.</summary>
    private static async Task AssertEndsAsync(Stream stream)
    {
        byte[] buffer = new byte[4096];
        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
        try
        {
            while (await stream.ReadAsync(buffer, patience.Token) > 0) continue;
        }
        catch (IOException exception)
        {
            Assert.IsType<SocketException>(exception.InnerException);
        }
    }

    private static async Task EchoOnceAsync(WebHandoff web, int length)
    {
        Microsoft.AspNetCore.Connections.IConnectionListener listener = web;
        await using Microsoft.AspNetCore.Connections.ConnectionContext connection = (await listener.AcceptAsync())!;
        long echoed = 0;
        while (echoed < length)
        {
            System.IO.Pipelines.ReadResult result = await connection.Transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> part in result.Buffer) await connection.Transport.Output.WriteAsync(part);
            echoed += result.Buffer.Length;
            connection.Transport.Input.AdvanceTo(result.Buffer.End);
        }
    }

    private static byte[] Pattern(int length, byte seed)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) bytes[i] = (byte)(seed + (i * 31));
        return bytes;
    }

    private sealed class SlowAdmission : IAdmissionPolicy
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public TaskCompletionSource<AdmissionDecision> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ValueTask<AdmissionDecision> DecideAsync(LoginRequest request)
        {
            _asked.TrySetResult();
            return new ValueTask<AdmissionDecision>(Answer.Task);
        }
    }
}
