using System.Net.Sockets;
using Addresses;

namespace Datagrams.Tests;

public sealed class DatagramSocketTests
{
    public static TheoryData<bool> Ways => Loopback.Ways;

    [Theory, MemberData(nameof(Ways))]
    public void A_batch_arrives_whole_in_order_and_with_its_source(bool isPortable)
    {
        using DatagramSocket sender = Loopback.Bind(isPortable);
        using DatagramSocket receiver = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        for (int i = 0; i < 10; i++) Assert.True(batch.TryAdd(new byte[] { (byte)i, 1, 2 }.AsSpan(0, 1 + i % 3), receiver.LocalAddress));

        Assert.Equal(10, sender.Send(batch, 0, out SocketError error));
        Assert.Equal(SocketError.Success, error);

        using var received = new DatagramBatch();
        Assert.Equal(10, Loopback.ReceiveSoon(receiver, received));
        for (int i = 0; i < 10; i++)
        {
            Assert.Equal(1 + i % 3, received[i].Length);
            Assert.Equal(i, received[i][0]);
            Assert.Equal(sender.LocalAddress, received.AddressOf(i));
            Assert.False(received.IsTruncated(i));
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void Receiving_when_nothing_has_arrived_is_no_error(bool isPortable)
    {
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        batch.TryAdd([1], default);

        Assert.Equal(0, socket.Receive(batch, out SocketError error));
        Assert.Equal(SocketError.Success, error);
        Assert.Equal(0, batch.Count);
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_link_local_address_is_reached_by_its_zone_and_says_its_zone(bool isPortable)
    {
        TransportAddress own = Loopback.FindLinkLocal();
        Assert.SkipUnless(own.IsValid, "needs an interface with a link-local IPv6 address");
        using DatagramSocket client = Loopback.Bind(isPortable, TransportAddress.FromIpv6(0, 0));
        using DatagramSocket server = Loopback.Bind(isPortable, TransportAddress.FromIpv6(0, 0));
        using var batch = new DatagramBatch();
        TransportAddress ofServer = own.WithPort(server.LocalAddress.Port);

        Assert.Equal(SocketError.Success, client.SendTo([1], ofServer));
        Assert.NotEqual(SocketError.Success, client.SendTo([1], ofServer.WithZone(uint.MaxValue / 2))); // No such interface.

        Assert.Equal(1, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(own.WithPort(client.LocalAddress.Port), batch.AddressOf(0));
        Assert.NotEqual(0u, batch.AddressOf(0).Zone);
        batch.SetAddress(0, batch.AddressOf(0)); // As one who has kept the address.
        Assert.Equal(1, server.Send(batch, 0, out _));
        Assert.Equal(1, Loopback.ReceiveSoon(client, batch));
    }

    [Theory, MemberData(nameof(Ways))]
    public void An_answer_built_in_place_goes_back_to_its_source(bool isPortable)
    {
        foreach (TransportAddress any in new[] { Loopback.AnyIpv4Port, Loopback.AnyIpv6Port })
        {
            using DatagramSocket client = Loopback.Bind(isPortable, any);
            using DatagramSocket server = Loopback.Bind(isPortable, any);
            using var batch = new DatagramBatch(8, 100);
            for (byte i = 0; i < 4; i++) Assert.Equal(SocketError.Success, client.SendTo([i], server.LocalAddress));

            Assert.Equal(4, Loopback.ReceiveSoon(server, batch));
            batch.Move(3, 1); // Keep 0 and 3 only, and answer longer than asked.
            batch.Trim(2);
            batch.SetLength(1, 100);
            batch[1][99] = 42;
            Assert.Equal(2, server.Send(batch, 0, out _));

            Assert.Equal(2, Loopback.ReceiveSoon(client, batch));
            Assert.Equal(new byte[] { 0 }, batch[0].ToArray());
            Assert.Equal(100, batch[1].Length);
            Assert.Equal(3, batch[1][0]);
            Assert.Equal(42, batch[1][99]);
            Assert.Equal(server.LocalAddress, batch.AddressOf(1));
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_dual_stack_socket_shows_ipv4_as_ipv4_and_answers_it(bool isPortable)
    {
        using DatagramSocket server = Loopback.Bind(isPortable, TransportAddress.FromIpv6(0, 0), new() { DualStack = true });
        using DatagramSocket client = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        client.SendTo([7], Loopback.AnyIpv4Port.WithPort(server.LocalAddress.Port));

        Assert.Equal(1, Loopback.ReceiveSoon(server, batch));
        Assert.Equal(client.LocalAddress, batch.AddressOf(0));
        Assert.Equal(1, server.Send(batch, 0, out _));
        Assert.Equal(1, Loopback.ReceiveSoon(client, batch));

        // The same by address instead of in place, and by a single send.
        batch.Clear();
        Assert.True(batch.TryAdd([8], client.LocalAddress));
        Assert.Equal(1, server.Send(batch, 0, out _));
        Assert.Equal(SocketError.Success, server.SendTo([9], client.LocalAddress));
        Assert.Equal(2, Loopback.ReceiveSoon(client, batch));
    }

    [Theory, MemberData(nameof(Ways))]
    public void An_ipv6_socket_alone_leaves_the_ipv4_port_to_others(bool isPortable)
    {
        using DatagramSocket six = Loopback.Bind(isPortable, TransportAddress.FromIpv6(0, 0));
        using DatagramSocket four = Loopback.Bind(isPortable, TransportAddress.FromIpv4(0, six.LocalAddress.Port));

        Assert.Equal(six.LocalAddress.Port, four.LocalAddress.Port);
    }

    [Theory, MemberData(nameof(Ways))]
    public void Send_says_why_the_first_datagram_left_did_not_go(bool isPortable)
    {
        using DatagramSocket sender = Loopback.Bind(isPortable);
        using DatagramSocket receiver = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch(4, DatagramBatch.LongestDatagram);
        batch.TryAdd([1], receiver.LocalAddress);
        batch.TryAdd(new byte[65508], receiver.LocalAddress); // One byte more than fits into an IPv4 packet.
        batch.TryAdd([3], receiver.LocalAddress);
        batch.TryAdd([4], default);

        Assert.Equal(1, sender.Send(batch, 0, out SocketError error));
        Assert.Equal(SocketError.MessageSize, error);
        Assert.Equal(1, sender.Send(batch, 2, out error));
        Assert.Equal(SocketError.DestinationAddressRequired, error);

        Assert.Equal(SocketError.MessageSize, sender.SendTo(new byte[65508], receiver.LocalAddress));
        Assert.NotEqual(SocketError.Success, sender.SendTo([1], Loopback.AnyIpv6Port.WithPort(9)));
        Assert.Equal(2, Loopback.ReceiveSoon(receiver, batch));
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_datagram_longer_than_the_link_leaves_in_fragments(bool isPortable)
    {
        foreach (TransportAddress any in new[] { Loopback.AnyIpv4Port, Loopback.AnyIpv6Port })
        {
            using DatagramSocket sender = Loopback.Bind(isPortable, any);
            using DatagramSocket receiver = Loopback.Bind(isPortable, any);
            using var batch = new DatagramBatch(2, DatagramBatch.LongestDatagram);

            Assert.Equal(SocketError.Success, sender.SendTo(new byte[65507], receiver.LocalAddress));
            Assert.Equal(1, Loopback.ReceiveSoon(receiver, batch));
            Assert.Equal(65507, batch[0].Length);
        }
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_connected_socket_learns_that_nobody_listens(bool isPortable)
    {
        using var poller = new DatagramPoller(isPortable);
        int[] ready = new int[1];
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        socket.Connect(ClosedPort());
        poller.Add(socket, 0);

        Assert.Equal(SocketError.Success, socket.SendTo([1], default));
        Assert.Equal(1, poller.Wait(ready, 5000));
        Assert.Equal(0, socket.Receive(batch, out SocketError error));
        Assert.Equal(SocketError.ConnectionRefused, error);

        Assert.Equal(SocketError.Success, socket.SendTo([1], default));
        Loopback.AwaitReadable(socket);
        batch.TryAdd([2], default);
        Assert.Equal(0, socket.Send(batch, 0, out error));
        Assert.Equal(SocketError.ConnectionRefused, error);
        Assert.Equal(1, socket.Send(batch, 0, out error)); // The error is told once.
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_socket_that_is_not_connected_does_not_hear_that_nobody_listens(bool isPortable)
    {
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        for (int i = 0; i < 3; i++) Assert.Equal(SocketError.Success, socket.SendTo([1], ClosedPort()));

        Assert.Equal(0, socket.Receive(batch, out SocketError error));
        Assert.Equal(SocketError.Success, error);
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_connected_socket_sends_to_its_peer_and_hears_nobody_else(bool isPortable)
    {
        using DatagramSocket peer = Loopback.Bind(isPortable);
        using DatagramSocket stranger = Loopback.Bind(isPortable);
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var batch = new DatagramBatch();
        socket.Connect(peer.LocalAddress);

        batch.TryAdd([1], stranger.LocalAddress);
        Assert.Equal(1, socket.Send(batch, 0, out _));
        Assert.Equal(1, Loopback.ReceiveSoon(peer, batch));
        stranger.SendTo([2], socket.LocalAddress);
        peer.SendTo([3], socket.LocalAddress);

        Assert.Equal(1, Loopback.ReceiveSoon(socket, batch));
        Assert.Equal(3, batch[0][0]);
        Assert.Equal(peer.LocalAddress, batch.AddressOf(0));
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_taken_address_is_named_in_the_error(bool isPortable)
    {
        using DatagramSocket first = Loopback.Bind(isPortable);

        SocketException exception = Assert.Throws<SocketException>(() => Loopback.Bind(isPortable, first.LocalAddress).Dispose());

        Assert.Equal(SocketError.AddressAlreadyInUse, exception.SocketErrorCode);
        Assert.Contains(first.LocalAddress.ToString(), exception.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Ways))]
    public void A_disposed_socket_and_a_disposed_batch_throw(bool isPortable)
    {
        DatagramSocket socket = Loopback.Bind(isPortable);
        var batch = new DatagramBatch();
        batch.Dispose();
        Assert.Throws<ObjectDisposedException>(() => socket.Receive(batch, out _));

        socket.Dispose();
        using var other = new DatagramBatch();
        other.TryAdd([1], Loopback.AnyIpv4Port.WithPort(9));
        Assert.Throws<ObjectDisposedException>(() => socket.Receive(other, out _));
    }

    private static TransportAddress ClosedPort()
    {
        using DatagramSocket socket = Loopback.Bind(isPortable: true);
        return socket.LocalAddress;
    }
}
