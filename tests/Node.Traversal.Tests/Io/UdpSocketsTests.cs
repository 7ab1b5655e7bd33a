using System.Collections.Concurrent;
using System.Net.Sockets;
using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Io;
using Relay.Protocol;

namespace Node.Traversal.Tests.Io;

public sealed class UdpSocketsTests : IDisposable
{
    private static readonly TransportAddress AnyLoopback = TransportAddress.FromIpv4(0x7f000001, 0);
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    private readonly UdpSockets _sockets = UdpSockets.Bind(0, default, mark: 0);
    private int _lastId = SocketId.Ipv6.Value;
    private readonly BlockingCollection<(SocketId Socket, byte[] Datagram)> _received = [];

    public UdpSocketsTests() => _sockets.Start((socket, batch) =>
    {
        for (int i = 0; i < batch.Count; i++) _received.Add((socket, batch[i].ToArray()));
    });

    [Fact]
    public void A_socket_opened_later_sends_and_receives_under_its_own_id()
    {
        SocketId first = Open(AnyLoopback);
        SocketId second = Open(AnyLoopback);

        Assert.Equal(SocketError.Success, _sockets.Send(first, _sockets.LocalAddressOf(second), "to the second"u8));

        Assert.True(_received.TryTake(out (SocketId Socket, byte[] Datagram) received, Limit));
        Assert.Equal(second, received.Socket);
        Assert.Equal("to the second"u8, received.Datagram);
    }

    [Fact]
    public void A_closed_socket_is_gone_and_its_address_is_free()
    {
        SocketId closed = Open(AnyLoopback);
        TransportAddress address = _sockets.LocalAddressOf(closed);

        _sockets.Close(closed);
        _sockets.Close(closed); // Twice is once.

        Assert.Equal(SocketError.AddressFamilyNotSupported, _sockets.Send(closed, address, "x"u8));
        Assert.False(_sockets.LocalAddressOf(closed).IsValid);
        Assert.Equal(address, _sockets.LocalAddressOf(Open(address)));
    }

    [Fact]
    public void The_nodes_own_sockets_cannot_be_closed() => Assert.Throws<ArgumentException>(() => _sockets.Close(SocketId.Ipv4));

    [Fact]
    public void Sockets_come_and_go_while_packets_arrive()
    {
        SocketId sender = Open(AnyLoopback);
        for (int i = 0; i < 200; i++)
        {
            SocketId receiver = Open(AnyLoopback);
            _sockets.Send(sender, _sockets.LocalAddressOf(receiver), [(byte)i]);
            _sockets.Close(receiver);
        }

        SocketId last = Open(AnyLoopback);
        _sockets.Send(sender, _sockets.LocalAddressOf(last), "last"u8);
        (SocketId Socket, byte[] Datagram) received;
        do Assert.True(_received.TryTake(out received, Limit), "the receiving thread has ended");
        while (received.Socket != last);
    }

    public void Dispose()
    {
        _sockets.Dispose();
        _received.Dispose();
    }

    private SocketId Open(TransportAddress local)
    {
        SocketId id = new(++_lastId);
        _sockets.Open(id, local);
        return id;
    }
}
