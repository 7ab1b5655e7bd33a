using System.Net.Sockets;
using Addresses;

namespace Datagrams.Tests;

/// <summary>What a server of many addresses and threads needs of its sockets.</summary>
public sealed class ServingTests
{
    public static TheoryData<bool> Ways => Loopback.Ways;

    private static readonly TransportAddress First = Loopback.AnyIpv4Port;
    private static readonly TransportAddress Second = TransportAddress.FromIpv4(0x7f000002, 0);
    private static readonly DatagramSocketOptions Reporting = new() { ReportLocalAddress = true, DualStack = true, CountKernelDrops = true };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_datagram_says_to_which_address_it_was_sent_and_its_answer_leaves_from_there(bool ipv4)
    {
        SkipElsewhere();
        using DatagramSocket server = DatagramSocket.Bind(ipv4 ? TransportAddress.FromIpv4(0, 0) : TransportAddress.FromIpv6(0, 0), Reporting);
        using DatagramSocket client = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        using var batch = new DatagramBatch();
        client.SendTo("first"u8, First.WithPort(server.LocalAddress.Port));
        client.SendTo("second"u8, Second.WithPort(server.LocalAddress.Port));

        Assert.Equal(2, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(First, batch.LocalAddressOf(0));
        Assert.Equal(Second, batch.LocalAddressOf(1));
        batch.Move(1, 0);
        batch.Trim(1);
        Assert.Equal(1, server.Send(batch, 0, out _));
        Assert.Equal(1, Loopback.ReceiveSoon(client, batch));
        Assert.Equal(Second.WithPort(server.LocalAddress.Port), batch.AddressOf(0));
        Assert.False(batch.LocalAddressOf(0).IsValid); // That socket was not told to say so.
    }

    [Fact]
    public void An_ipv6_datagram_says_so_too()
    {
        SkipElsewhere();
        using DatagramSocket server = DatagramSocket.Bind(TransportAddress.FromIpv6(0, 0), Reporting);
        using DatagramSocket client = DatagramSocket.Bind(TransportAddress.FromIpv6(1, 0), DatagramSocketOptions.Default);
        using var batch = new DatagramBatch();
        client.SendTo("x"u8, TransportAddress.FromIpv6(1, server.LocalAddress.Port));

        Assert.Equal(1, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(TransportAddress.FromIpv6(1, 0), batch.LocalAddressOf(0));
        Assert.Equal(1, server.Send(batch, 0, out _));
        Assert.Equal(1, Loopback.ReceiveSoon(client, batch));
    }

    [Theory, MemberData(nameof(Ways))]
    public async Task A_wait_ends_when_it_is_interrupted_and_so_does_every_later_one(bool isPortable)
    {
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        using var begun = new ManualResetEventSlim();
        Task<int> waiting = Task.Factory.StartNew(
            () =>
            {
                begun.Set();
                return socket.ReceiveOrWait(batch, out _);
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
        begun.Wait(TestContext.Current.CancellationToken);

        socket.Interrupt();

        await waiting.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        await Task.Run(() => socket.ReceiveOrWait(batch, out _), TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_wait_ends_with_what_arrives(bool isPortable)
    {
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using DatagramSocket client = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        using var batch = new DatagramBatch();
        client.SendTo("here"u8, socket.LocalAddress);

        Assert.Equal(1, socket.ReceiveOrWait(batch, out SocketError error));
        Assert.Equal(SocketError.Success, error);
        Assert.Equal("here"u8, batch[0]);
    }

    [Theory, MemberData(nameof(Ways))]
    public void Another_socket_can_answer_and_to_another_port(bool isPortable)
    {
        using DatagramSocket asked = Loopback.Bind(isPortable);
        using DatagramSocket answering = Loopback.Bind(isPortable);
        using DatagramSocket client = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        using DatagramSocket other = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        using var batch = new DatagramBatch();
        client.SendTo("question"u8, asked.LocalAddress);
        Assert.Equal(1, Loopback.ReceiveSoon(asked, batch));

        batch.SetPort(0, other.LocalAddress.Port);
        Assert.Equal(SocketError.Success, answering.SendOne(batch, 0));

        Assert.Equal(1, Loopback.ReceiveSoon(other, batch));
        Assert.Equal(answering.LocalAddress, batch.AddressOf(0));
    }

    [Fact]
    public void A_port_is_shared_only_by_those_who_ask_while_it_is_allowed()
    {
        SkipElsewhere();
        DatagramSocketOptions sharing = new() { ReusePort = true };
        using DatagramSocket first = DatagramSocket.Bind(First, DatagramSocketOptions.Default);
        Assert.Throws<SocketException>(() => DatagramSocket.Bind(first.LocalAddress, sharing));

        first.AllowSharing();

        using DatagramSocket second = DatagramSocket.Bind(first.LocalAddress, sharing);
        Assert.Equal(first.LocalAddress, second.LocalAddress);
        Assert.Throws<SocketException>(() => DatagramSocket.Bind(first.LocalAddress, DatagramSocketOptions.Default));
    }

    private static void SkipElsewhere() => Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux has this, and 127.0.0.2");
}
