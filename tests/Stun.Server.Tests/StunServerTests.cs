using System.Net.Sockets;
using Addresses;
using Datagrams;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Stun.Protocol;
using Stun.Server.Core;
using Timing;

namespace Stun.Server.Tests;

public sealed class StunServerTests
{
    private static readonly TransportAddress AnyIpv4Port = TransportAddress.FromIpv4(0x7f000001, 0);
    private static readonly TransportAddress AnyIpv6Port = TransportAddress.FromIpv6(1, 0);

    [Fact]
    public async Task A_host_answers_on_every_address_it_was_told()
    {
        using IHost host = await StartAsync(AnyIpv4Port, AnyIpv6Port);
        StunServer server = ServerOf(host);

        Assert.True(server.IsListening);
        Assert.Equal(2, server.BoundAddresses.Count);
        foreach (TransportAddress address in server.BoundAddresses)
        {
            Assert.NotEqual(0, address.Port);
            using DatagramSocket client = DatagramSocket.Bind(address.WithPort(0), DatagramSocketOptions.Default);
            Assert.Equal(client.LocalAddress, Ask(client, address));
        }

        await host.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(server.IsListening);
    }

    [Fact]
    public async Task A_socket_for_both_families_tells_ipv4_clients_their_ipv4_address()
    {
        using IHost host = await StartAsync(TransportAddress.FromIpv6(0, 0));
        ushort port = ServerOf(host).BoundAddresses[0].Port;
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        using DatagramSocket client6 = DatagramSocket.Bind(AnyIpv6Port, DatagramSocketOptions.Default);

        Assert.Equal(client.LocalAddress, Ask(client, AnyIpv4Port.WithPort(port)));
        Assert.Equal(client6.LocalAddress, Ask(client6, AnyIpv6Port.WithPort(port)));
    }

    [Fact]
    public async Task No_answer_is_lost_where_256_requests_arrive_at_once()
    {
        using IHost host = await StartAsync(AnyIpv4Port);
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        using var batch = new DatagramBatch(256);
        byte[] request = new byte[StunBindingRequest.Length];
        for (uint i = 0; i < 256; i++)
        {
            StunBindingRequest.Write(request, new TransactionId(i, 7));
            batch.TryAdd(request, ServerOf(host).BoundAddresses[0]);
        }

        Assert.Equal(256, client.Send(batch, 0, out _));

        var seen = new HashSet<TransactionId>();
        while (seen.Count < 256)
        {
            AwaitReadable(client);
            client.Receive(batch, out _);
            for (int i = 0; i < batch.Count; i++)
            {
                Assert.True(StunBindingResponse.TryRead(batch[i], out TransactionId id, out TransportAddress mapped));
                Assert.Equal(client.LocalAddress, mapped);
                Assert.True(seen.Add(id));
            }
        }
    }

    [Fact]
    public async Task What_it_drops_and_answers_shows_in_the_metrics()
    {
        using IHost host = await StartAsync(AnyIpv4Port);
        StunServer server = ServerOf(host);
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        client.SendTo("hello"u8, server.BoundAddresses[0]);
        client.SendTo(new byte[3000], server.BoundAddresses[0]);
        Ask(client, server.BoundAddresses[0]); // What was sent before is dealt with when this is answered.

        IReadOnlyDictionary<string, long> values = Recorded.Of(server.Metrics.Meter);

        Assert.Equal(1, values["stun.packets.dropped udp not_stun"]);
        Assert.Equal(1, values["stun.packets.dropped udp too_long"]);
        Assert.Equal(0, values["stun.packets.dropped udp malformed"]);
        Assert.Equal(1, values["stun.requests udp ipv4 binding"]);
        Assert.Equal(1, values["stun.answers udp ipv4 success"]);
        Assert.Equal(0, values["stun.kernel.drops"]);
    }

    [Fact]
    public async Task An_address_that_is_taken_is_named_and_nothing_stays_open()
    {
        using DatagramSocket other = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        TransportAddress free;
        using (DatagramSocket chosen = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default)) free = chosen.LocalAddress;

        StunListenException exception = await Assert.ThrowsAsync<StunListenException>(() => StartAsync(free, other.LocalAddress));

        Assert.Equal($"cannot listen on udp://{other.LocalAddress}: something listens there already", exception.Problem);
        using DatagramSocket again = DatagramSocket.Bind(free, DatagramSocketOptions.Default);
    }

    [Fact]
    public async Task A_port_that_another_server_shares_among_its_threads_is_taken_too()
    {
        using IHost host = await StartAsync(new StunServerOptions { Listen = [AnyIpv4Port], Threads = 2 });

        StunListenException exception = await Assert.ThrowsAsync<StunListenException>(
            () => StartAsync(new StunServerOptions { Listen = [ServerOf(host).BoundAddresses[0]], Threads = 2 }));

        Assert.Contains("something listens there already", exception.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Several_threads_share_a_port_and_every_client_gets_its_answer()
    {
        using IHost host = await StartAsync(new StunServerOptions { Listen = [AnyIpv4Port], Threads = 3 });
        StunServer server = ServerOf(host);
        Assert.Single(server.BoundAddresses);

        for (int i = 0; i < 40; i++)
        {
            using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
            Assert.Equal(client.LocalAddress, Ask(client, server.BoundAddresses[0]));
        }

        if (OperatingSystem.IsLinux()) Assert.True(server.Receivers.Count(receiver => receiver.Counters.Answers(true, StunAnswerKind.Success) > 0) > 1);
    }

    [Theory]
    [InlineData("0.0.0.0:0")]
    [InlineData("[::]:0")]
    public async Task A_socket_for_all_addresses_answers_from_the_one_that_was_asked(string listen)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "elsewhere 127.0.0.2 is not this host");
        Assert.True(TransportAddress.TryParse(listen, out TransportAddress all));
        using IHost host = await StartAsync(all);
        TransportAddress asked = TransportAddress.FromIpv4(0x7f000002, ServerOf(host).BoundAddresses[0].Port);
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        client.Connect(asked); // Takes nothing from anywhere else.

        Assert.Equal(client.LocalAddress, Ask(client, asked));
    }

    [Fact]
    public async Task Its_ports_are_free_again_once_the_host_is_disposed()
    {
        TransportAddress address;
        using (IHost host = await StartAsync(AnyIpv4Port)) address = ServerOf(host).BoundAddresses[0];

        using DatagramSocket again = DatagramSocket.Bind(address, DatagramSocketOptions.Default);
        Assert.Equal(address, again.LocalAddress);
    }

    [Fact]
    public async Task The_next_port_answers_and_is_answered_from_where_it_is_wanted_and_free()
    {
        using IHost host = await StartAsync(new StunServerOptions { Listen = [AnyIpv4Port], UsesNextPort = true });
        TransportAddress server = Assert.Single(ServerOf(host).BoundAddresses);
        TransportAddress next = server.WithPort((ushort)(server.Port + 1));
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        Assert.Equal(client.LocalAddress, Ask(client, server));
        Assert.Equal(client.LocalAddress, Ask(client, next));

        Assert.Equal(next, SourceOfChanged(client, server));
        Assert.Equal(server, SourceOfChanged(client, next));
    }

    [Fact]
    public async Task A_next_port_that_is_taken_is_done_without()
    {
        using IHost first = await StartAsync(new StunServerOptions { Listen = [AnyIpv4Port] });
        TransportAddress taken = ServerOf(first).BoundAddresses[0];
        using IHost host = await StartAsync(new StunServerOptions { Listen = [taken.WithPort((ushort)(taken.Port - 1))], UsesNextPort = true });
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);

        Assert.Equal(client.LocalAddress, Ask(client, ServerOf(host).BoundAddresses[0]));
    }

    /// <summary>Asks for an answer from the other port, and says where one comes from.</summary>
    private static TransportAddress SourceOfChanged(DatagramSocket client, TransportAddress server)
    {
        byte[] request = new byte[64];
        var writer = new StunMessageWriter(request, StunMessageType.BindingRequest, new TransactionId(1, 2));
        new ChangeRequest(ChangeAddress: false, ChangePort: true).AddTo(ref writer);
        Assert.Equal(SocketError.Success, client.SendTo(writer.Written, server));
        AwaitReadable(client);
        using var batch = new DatagramBatch();
        Assert.Equal(1, client.Receive(batch, out _));
        Assert.True(StunBindingResponse.TryRead(batch[0], out _, out _));
        return batch.AddressOf(0);
    }

    [Fact]
    public void Answering_a_batch_allocates_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the portable way may allocate");
        using DatagramSocket socket = DatagramSocket.Bind(AnyIpv4Port, new() { CountKernelDrops = true });
        using DatagramSocket client = DatagramSocket.Bind(AnyIpv4Port, DatagramSocketOptions.Default);
        using var receiver = new StunReceiver(
            new StunSockets(socket), new ForgedSources([socket.LocalAddress]), new SourceRateLimiter(2000, seed: 1), MonotonicClock.System, NullLogger.Instance);
        byte[] request = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(request, new TransactionId(1, 2));

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 200; i++)
            {
                for (int k = 0; k < 4; k++) client.SendTo(request, socket.LocalAddress);
                client.SendTo("not stun"u8, socket.LocalAddress);
                receiver.AnswerBatch();
            }
        }));
        Assert.Equal(0, receiver.Counters.Answers(isIpv4: true, StunAnswerKind.Success) % (200 * 4));
    }

    internal static StunServer ServerOf(IHost host) => host.Services.GetRequiredService<StunServer>();

    private static Task<IHost> StartAsync(params TransportAddress[] listen) => StartAsync(new StunServerOptions { Listen = listen });

    internal static async Task<IHost> StartAsync(StunServerOptions options)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddStunServer(options);
        IHost host = builder.Build();
        try
        {
            await host.StartAsync(TestContext.Current.CancellationToken);
            return host;
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    internal static TransportAddress Ask(DatagramSocket client, TransportAddress server)
    {
        var id = new TransactionId(0x11223344, 0x5566778899aabbcc);
        byte[] request = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(request, id);
        Assert.Equal(SocketError.Success, client.SendTo(request, server));

        AwaitReadable(client);
        using var batch = new DatagramBatch();
        Assert.Equal(1, client.Receive(batch, out _));
        Assert.True(StunBindingResponse.TryRead(batch[0], out TransactionId answered, out TransportAddress mapped));
        Assert.Equal(id, answered);
        return mapped;
    }

    internal static void AwaitReadable(DatagramSocket socket)
    {
        using var poller = new DatagramPoller();
        poller.Add(socket, 0);
        int[] ready = new int[1];
        for (int attempt = 0; attempt < 10; attempt++)
        {
            if (poller.Wait(ready, 5000) > 0) return; // A signal ends a wait early.
        }

        Assert.Fail("no answer");
    }
}
