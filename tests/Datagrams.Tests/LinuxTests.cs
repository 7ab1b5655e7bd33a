using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Datagrams.Linux;

namespace Datagrams.Tests;

/// <summary>What only Linux offers. Skipped elsewhere.</summary>
public sealed class LinuxTests
{
    private const string OnlyLinux = "needs Linux";
    private const int IpReceiveTtl = 12; // IP_RECVTTL.
    private const int Ipv6ReceiveHopLimit = 51; // IPV6_RECVHOPLIMIT.

    [Fact]
    public void The_layouts_are_the_kernels()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.Is64BitProcess, "needs 64-bit Linux");

        Assert.Equal(64, Unsafe.SizeOf<MessageHeader>());
        Assert.Equal(16, Unsafe.SizeOf<IoVector>());
        Assert.Equal(32, Unsafe.SizeOf<DatagramAddress>());
    }

    [Fact]
    public void Moving_datagrams_allocates_nothing()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket client = Loopback.Bind(isPortable: false);
        using DatagramSocket server = Loopback.Bind(isPortable: false, options: new() { CountKernelDrops = true });
        using var poller = new DatagramPoller();
        using var batch = new DatagramBatch();
        poller.Add(server, 1);
        byte[] payload = new byte[100];
        int answered = 0;

        Assert.Equal(0, Allocated.AtBestBy(() => answered = RoundTrips(200)));
        Assert.Equal(200 * 17, answered);

        int RoundTrips(int count)
        {
            int total = 0;
            Span<int> ready = stackalloc int[2];
            for (int i = 0; i < count; i++)
            {
                batch.Clear();
                for (int k = 0; k < 16; k++) batch.TryAdd(payload, server.LocalAddress);
                client.Send(batch, 0, out _);
                client.SendTo(payload, server.LocalAddress);
                while (poller.Wait(ready, 0) > 0)
                {
                    server.Receive(batch, out _);
                    server.Send(batch, 0, out _);
                    total += batch.Count;
                }

                while (client.Receive(batch, out _) > 0)
                {
                }
            }

            return total;
        }
    }

    [Fact]
    public void A_datagram_longer_than_the_batch_allows_is_marked_as_cut_off()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket socket = Loopback.Bind(isPortable: false);
        using var batch = new DatagramBatch(4, 100);
        socket.SendTo(new byte[101], socket.LocalAddress);
        socket.SendTo(new byte[100], socket.LocalAddress);

        Assert.Equal(2, Loopback.ReceiveSoon(socket, batch));
        Assert.True(batch.IsTruncated(0));
        Assert.Equal(100, batch[0].Length);
        Assert.False(batch.IsTruncated(1));
    }

    [Fact]
    public void Datagrams_that_the_kernel_drops_are_counted()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false, options: new() { CountKernelDrops = true, ReceiveBufferBytes = 8192 });
        using var batch = new DatagramBatch();
        for (int i = 0; i < 200; i++) sender.SendTo(new byte[1000], receiver.LocalAddress);

        int received = 0;
        while (receiver.Receive(batch, out _) is > 0 and int count) received += count;
        Assert.InRange(received, 1, 199);
        sender.SendTo([1], receiver.LocalAddress); // The count travels with the next datagram.
        Loopback.ReceiveSoon(receiver, batch);

        Assert.Equal(200 - received, receiver.KernelDrops);
    }

    [Fact]
    public void Several_sockets_share_a_port_when_all_of_them_want_to()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        var options = new DatagramSocketOptions { ReusePort = true };
        using DatagramSocket first = Loopback.Bind(isPortable: false, options: options);
        using DatagramSocket second = Loopback.Bind(isPortable: false, first.LocalAddress, options);

        Assert.Equal(first.LocalAddress, second.LocalAddress);
    }

    [Fact]
    public void A_firewall_mark_is_set_or_the_missing_capability_is_named()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket socket = Loopback.Bind(isPortable: false);
        try
        {
            socket.SetFirewallMark(0x5213);
        }
        catch (SocketException exception)
        {
            Assert.Equal(SocketError.AccessDenied, exception.SocketErrorCode);
            Assert.Contains("CAP_NET_ADMIN", exception.Message, StringComparison.Ordinal);
            return;
        }

        byte[] mark = new byte[4];
        socket.Socket.GetRawSocketOption(LibC.SolSocket, LibC.SoMark, mark);
        Assert.Equal(0x5213, BitConverter.ToInt32(mark));
        using DatagramSocket marked = Loopback.Bind(isPortable: false, options: new() { FirewallMark = 7 });
        marked.Socket.GetRawSocketOption(LibC.SolSocket, LibC.SoMark, mark);
        Assert.Equal(7, BitConverter.ToInt32(mark));
    }

    [Fact]
    public void Neither_family_ever_sets_dont_fragment()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket four = Loopback.Bind(isPortable: false);
        using DatagramSocket six = Loopback.Bind(isPortable: false, Loopback.AnyIpv6Port);

        Assert.Equal(LibC.PmtuDiscoverDont, OptionOf(four, LibC.IpProtoIp, LibC.IpMtuDiscover));
        Assert.Equal(LibC.PmtuDiscoverDont, OptionOf(six, LibC.IpProtoIp, LibC.IpMtuDiscover));
        Assert.Equal(LibC.PmtuDiscoverDont, OptionOf(six, LibC.IpProtoIpv6, LibC.Ipv6MtuDiscover));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public unsafe void One_datagram_has_few_hops_and_the_next_has_all(bool isIpv6)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket client = Loopback.Bind(isPortable: false, isIpv6 ? Loopback.AnyIpv6Port : Loopback.AnyIpv4Port);
        using DatagramSocket server = Loopback.Bind(isPortable: false, isIpv6 ? Loopback.AnyIpv6Port : Loopback.AnyIpv4Port);
        (int level, int receiveHops) = isIpv6 ? (LibC.IpProtoIpv6, Ipv6ReceiveHopLimit) : (LibC.IpProtoIp, IpReceiveTtl);
        Assert.Equal(SocketError.Success, LibC.SetOption(server.Socket.SafeHandle, level, receiveHops, 1));

        Assert.Equal(SocketError.Success, client.SendTo([1], server.LocalAddress, hops: 4));
        Assert.Equal(SocketError.Success, client.SendTo([2], server.LocalAddress));

        Assert.Equal(4, ReceiveHops(server));
        Assert.Equal(64, ReceiveHops(server));

        static int ReceiveHops(DatagramSocket socket)
        {
            Loopback.AwaitReadable(socket);
            byte* payload = stackalloc byte[16];
            byte* control = stackalloc byte[64];
            IoVector vector = new() { Base = (nint)payload, Length = 16 };
            MessageHeader message = new() { IoVectors = (nint)(&vector), IoVectorCount = 1, Control = (nint)control, ControlLength = 64 };
            Assert.Equal(1, LibC.ReceiveMessages(socket.Socket.SafeHandle, &message, 1, LibC.MsgDontWait, timeout: 0));
            return BitConverter.ToInt32(new ReadOnlySpan<byte>(control + 16, sizeof(int)));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_must_stay_whole_leaves_the_socket_as_it_was_whether_it_goes_or_not(bool isIpv6)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        using DatagramSocket client = Loopback.Bind(isPortable: false, isIpv6 ? Loopback.AnyIpv6Port : Loopback.AnyIpv4Port);
        using DatagramSocket server = Loopback.Bind(isPortable: false, isIpv6 ? Loopback.AnyIpv6Port : Loopback.AnyIpv4Port);
        (int level, int option) = isIpv6 ? (LibC.IpProtoIpv6, LibC.Ipv6MtuDiscover) : (LibC.IpProtoIp, LibC.IpMtuDiscover);

        Assert.Equal(SocketError.Success, client.SendWhole([1, 2], server.LocalAddress));
        Assert.Equal(LibC.PmtuDiscoverDont, OptionOf(client, level, option));
        using DatagramBatch batch = new();
        Assert.Equal(1, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(2, batch[0].Length);

        Assert.Equal(SocketError.MessageSize, client.SendWhole(new byte[DatagramBatch.LongestDatagram + 1], server.LocalAddress));
        Assert.Equal(LibC.PmtuDiscoverDont, OptionOf(client, level, option));
    }

    [Fact]
    public void What_must_stay_whole_does_not_go_where_the_link_would_cut_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        const int LoopbackMtu = 65536;
        const int Headers = 48; // IPv6 and UDP.
        using DatagramSocket client = Loopback.Bind(isPortable: false, Loopback.AnyIpv6Port);
        using DatagramSocket server = Loopback.Bind(isPortable: false, Loopback.AnyIpv6Port);

        Assert.Equal(SocketError.Success, client.SendWhole(new byte[LoopbackMtu - Headers], server.LocalAddress));
        Assert.Equal(SocketError.MessageSize, client.SendWhole(new byte[LoopbackMtu - Headers + 1], server.LocalAddress));
        Assert.Equal(SocketError.Success, client.SendTo(new byte[LoopbackMtu - Headers + 1], server.LocalAddress)); // In fragments.
    }

    [Fact]
    public void Where_one_datagram_cannot_be_limited_it_does_not_go()
    {
        using DatagramSocket client = Loopback.Bind(isPortable: true);
        using DatagramSocket server = Loopback.Bind(isPortable: true);

        Assert.Equal(SocketError.OperationNotSupported, client.SendTo([1], server.LocalAddress, hops: 4));
        Assert.Equal(SocketError.Success, client.SendTo([2], server.LocalAddress, hops: 0));

        using DatagramBatch batch = new();
        Assert.Equal(1, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(2, batch[0][0]);
    }

    [Fact]
    public void One_thread_receives_while_others_send()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), OnlyLinux);
        const int Each = 2000;
        using DatagramSocket socket = Loopback.Bind(isPortable: false);
        Thread[] senders = [new(SendBatches), new(SendBatches), new(SendSingles)];
        foreach (Thread sender in senders) sender.Start();

        using var batch = new DatagramBatch();
        int received = 0;
        while (received < Each * senders.Length)
        {
            Loopback.AwaitReadable(socket);
            received += socket.Receive(batch, out _);
            foreach (int i in Enumerable.Range(0, batch.Count)) Assert.Equal(batch[i].Length, batch[i][0]);
        }

        foreach (Thread sender in senders) sender.Join();

        void SendBatches()
        {
            using var own = new DatagramBatch(10);
            for (int i = 0; i < Each; i += 10)
            {
                own.Clear();
                for (int k = 1; k <= 10; k++) own.TryAdd(Filled(k), socket.LocalAddress);
                Assert.Equal(10, socket.Send(own, 0, out _));
            }
        }

        void SendSingles()
        {
            for (int i = 0; i < Each; i++) Assert.Equal(SocketError.Success, socket.SendTo(Filled(20), socket.LocalAddress));
        }

        static byte[] Filled(int length)
        {
            byte[] bytes = new byte[length];
            Array.Fill(bytes, (byte)length);
            return bytes;
        }
    }

    private static int OptionOf(DatagramSocket socket, int level, int option)
    {
        byte[] value = new byte[4];
        socket.Socket.GetRawSocketOption(level, option, value);
        return BitConverter.ToInt32(value);
    }
}
