using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using Addresses;
using Datagrams;

namespace Node.Traversal.Tests.Io.WireGuard;

public sealed class WireGuardProxyTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private static readonly TransportAddress AnyLoopback = Parse("127.99.1.2:0");

    private readonly WireGuardProxy _proxy = new();
    private readonly Socket _wireGuard = LoopbackSocket();

    [Fact]
    public void What_wireguard_sends_reaches_the_peer()
    {
        using Received received = new();
        WireGuardLink link = OpenLink(received.Take);

        _wireGuard.SendTo([1, 2, 3], link.Address.ToIPEndPoint());

        Assert.Equal([1, 2, 3], received.Next());
    }

    [Fact]
    public void What_is_delivered_reaches_wireguard_from_the_peers_own_address_at_the_flush()
    {
        WireGuardLink link = OpenLink(_ => { });
        link.Deliver([1]);
        link.Deliver([2, 2]);
        Assert.Equal(0, _wireGuard.Available);

        link.Flush();

        Assert.Equal([1], Receive(out TransportAddress source));
        Assert.Equal([2, 2], Receive(out _));
        Assert.Equal(link.Address, source);
    }

    [Fact]
    public void More_than_a_batch_goes_without_waiting_for_the_flush()
    {
        WireGuardLink link = OpenLink(_ => { });

        for (byte i = 0; i <= DatagramBatch.DefaultCapacity; i++) link.Deliver([i]);
        link.Flush();

        for (byte i = 0; i <= DatagramBatch.DefaultCapacity; i++) Assert.Equal([i], Receive(out _));
    }

    [Fact]
    public void A_handshake_message_reaches_wireguard_once_and_data_as_often_as_it_comes()
    {
        WireGuardLink link = OpenLink(_ => { });
        byte[] response = new byte[92];
        response[0] = 2;
        byte[] another = [.. response];
        another[50] = 1;
        byte[] data = [4, 0, 0, 0];

        foreach (byte[] datagram in new[] { response, another, response, data, data, another }) link.Deliver(datagram);
        link.Flush();

        foreach (byte[] expected in new[] { response, another, data, data }) Assert.Equal(expected, Receive(out _));
        Assert.Equal(0, _wireGuard.Available);
        Assert.Equal((2, 0), (_proxy.Drops.Copies, _proxy.Drops.Total));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Of_two_initiations_that_cross_one_end_lets_the_others_go(bool winsCrossing)
    {
        using Received received = new();
        WireGuardLink link = OpenLink(received.Take);
        link.WinsCrossing = winsCrossing;
        byte[] own = new byte[148];
        own[0] = 1;
        byte[] theirs = [.. own];
        theirs[100] = 1;
        byte[] response = new byte[92];
        response[0] = 2;
        byte[] later = [.. own];
        later[100] = 2;

        _wireGuard.SendTo(own, link.Address.ToIPEndPoint());
        Assert.Equal(own, received.Next());
        foreach (byte[] datagram in new[] { theirs, response, later }) link.Deliver(datagram);
        link.Flush();

        if (!winsCrossing) Assert.Equal(theirs, Receive(out _));
        Assert.Equal(response, Receive(out _));
        Assert.Equal(later, Receive(out _)); // Ours was answered: it is the peer's turn.
        Assert.Equal(0, _wireGuard.Available);
    }

    [Fact]
    public void Nobody_but_wireguard_is_listened_to()
    {
        using Received received = new();
        WireGuardLink link = OpenLink(received.Take);
        using Socket stranger = LoopbackSocket();

        stranger.SendTo([66], link.Address.ToIPEndPoint());
        _wireGuard.SendTo([1], link.Address.ToIPEndPoint());

        Assert.Equal([1], received.Next());
        Assert.True(received.IsEmpty);
    }

    [Fact]
    public void Links_follow_wireguard_to_another_port_and_through_its_absence()
    {
        using Received received = new();
        WireGuardLink link = OpenLink(received.Take);
        using Socket moved = LoopbackSocket();

        _proxy.SetWireGuardPort(0);
        _proxy.SetWireGuardPort(PortOf(moved));
        moved.SendTo([7], link.Address.ToIPEndPoint());

        Assert.Equal([7], received.Next());
        link.Deliver([8]);
        link.Flush();
        Assert.Equal([8], Receive(moved, out _));
    }

    [Fact]
    public void A_wireguard_that_is_not_there_costs_its_own_packets_and_they_are_counted()
    {
        WireGuardLink link = OpenLink(_ => { });
        _wireGuard.Dispose();

        for (int i = 0; i < 10; i++)
        {
            link.Deliver([1]);
            link.Deliver([2]);
            link.Flush();
        }

        // The kernel reports one refusal for several packets now and then, and the thread that receives may be told instead.
        Assert.True(SpinWait.SpinUntil(() => _proxy.Drops.Refused >= 10, Limit));
        Assert.Equal(_proxy.Drops.Refused, _proxy.Drops.Total);
    }

    [Fact]
    public void A_wireguard_that_comes_back_is_served_at_once()
    {
        WireGuardLink link = OpenLink(_ => { });
        ushort port = PortOf(_wireGuard);
        _wireGuard.Dispose();
        link.Deliver([1]);
        link.Flush();

        using Socket back = LoopbackSocket(port);
        link.Deliver([2]);
        link.Flush();

        Assert.Equal([2], Receive(back, out _));
    }

    [Fact]
    public void Packets_for_a_link_without_a_port_or_a_node_are_counted()
    {
        WireGuardLink early = _proxy.Open(AnyLoopback);
        early.Deliver([1]);
        early.Flush();
        Assert.Equal(new WireGuardProxyDrops(0, 0, Closed: 1, 0), _proxy.Drops);

        WireGuardLink link = OpenLink(send: null);
        _wireGuard.SendTo([1], link.Address.ToIPEndPoint());
        Assert.True(SpinWait.SpinUntil(() => _proxy.Drops.Closed == 2, Limit));

        _proxy.Close(link);
        link.Deliver([1]);
        link.Flush();
        Assert.Equal(3, _proxy.Drops.Closed);
    }

    [Fact]
    public void What_is_too_long_is_dropped_alone_and_counted()
    {
        using Received received = new();
        WireGuardLink link = OpenLink(received.Take);

        _wireGuard.SendTo(new byte[4000], link.Address.ToIPEndPoint());
        _wireGuard.SendTo([1], link.Address.ToIPEndPoint());
        link.Deliver(new byte[4000]);
        link.Deliver([2]);
        link.Flush();

        Assert.Equal([1], received.Next());
        Assert.Equal([2], Receive(out _));
        Assert.Equal(2, _proxy.Drops.TooLong);
    }

    [Fact]
    public void Losses_are_shown_by_reason()
    {
        Dictionary<string, long> shown = [];
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Name == "node.wireguard.dropped") self.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, packets, tags, _) => shown[(string)tags[0].Value!] = shown.GetValueOrDefault((string)tags[0].Value!) + packets);
        listener.Start();
        _proxy.Open(AnyLoopback).Deliver([1]);

        listener.RecordObservableInstruments();

        Assert.True(shown["closed"] >= 1); // Other tests have proxies of their own at the same time.
        Assert.Equal(["closed", "copy", "failed", "refused", "too_long"], shown.Keys.Order());
    }

    [Fact]
    public void A_taken_address_is_an_error_and_a_closed_one_is_free_again()
    {
        WireGuardLink link = OpenLink(_ => { });

        Assert.Equal(SocketError.AddressAlreadyInUse, Assert.Throws<SocketException>(() => _proxy.Open(link.Address)).SocketErrorCode);
        _proxy.Close(link);
        Assert.Equal(link.Address, _proxy.Open(link.Address).Address);
    }

    [Fact]
    public async Task Threads_may_deliver_for_one_peer_at_once()
    {
        const int PerThread = 2_000;
        _wireGuard.ReceiveBufferSize = 8 << 20;
        WireGuardLink link = OpenLink(_ => { });

        await Task.WhenAll(Enumerable.Range(0, 2).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < PerThread; i++)
            {
                link.Deliver([(byte)thread]);
                if (i % 7 == 0) link.Flush();
            }

            link.Flush();
        })));

        int[] perThread = new int[2];
        for (int i = 0; i < 2 * PerThread; i++) perThread[Receive(out _)[0]]++;
        Assert.Equal([PerThread, PerThread], perThread);
        Assert.Equal(0, _proxy.Drops.Total);
    }

    [Fact]
    public void No_packet_allocates_towards_wireguard()
    {
        WireGuardLink link = OpenLink(_ => { });
        byte[] packet = new byte[1300];

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 100; i++) DeliverBatch(link, packet);
        }));
    }

    [Fact]
    public void No_packet_allocates_on_the_way_from_wireguard()
    {
        const int PacketsARun = 5_000;
        using ManualResetEventSlim done = new();
        long before = 0;
        long least = long.MaxValue;
        int seen = 0, runs = 0;
        // Measured on the proxy's own thread, between one call and a later one; at best of a few runs, as always.
        WireGuardLink link = OpenLink(batch =>
        {
            seen += batch.Count;
            if (seen < PacketsARun) return;
            long now = GC.GetAllocatedBytesForCurrentThread();
            if (runs > 0) least = Math.Min(least, now - before);
            if (least == 0 || ++runs > Allocated.Runs) done.Set();
            before = now;
            seen = 0;
        });
        var destination = new SocketAddress(AddressFamily.InterNetwork);
        link.Address.ToIPEndPoint().Serialize().Buffer.CopyTo(destination.Buffer);

        for (long end = Environment.TickCount64 + 10_000; !done.IsSet && Environment.TickCount64 < end;) _wireGuard.SendTo(new byte[1300], SocketFlags.None, destination);

        Assert.True(done.IsSet);
        Assert.Equal(0, least);
    }

    public void Dispose()
    {
        _proxy.Dispose();
        _wireGuard.Dispose();
    }

    private static void DeliverBatch(WireGuardLink link, byte[] packet)
    {
        for (int i = 0; i < 32; i++) link.Deliver(packet);
        link.Flush();
    }

    private WireGuardLink OpenLink(Action<DatagramBatch>? send)
    {
        WireGuardLink link = _proxy.Open(AnyLoopback);
        link.SendTo(send);
        _proxy.SetWireGuardPort(PortOf(_wireGuard));
        return link;
    }

    private byte[] Receive(out TransportAddress source) => Receive(_wireGuard, out source);

    private static byte[] Receive(Socket socket, out TransportAddress source)
    {
        byte[] buffer = new byte[2048];
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        socket.ReceiveTimeout = (int)Limit.TotalMilliseconds;
        int length = socket.ReceiveFrom(buffer, ref from);
        source = TransportAddress.From((IPEndPoint)from);
        return buffer[..length];
    }

    private static Socket LoopbackSocket(int port = 0)
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        return socket;
    }

    private static ushort PortOf(Socket socket) => (ushort)((IPEndPoint)socket.LocalEndPoint!).Port;

    private static TransportAddress Parse(string text) => TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    /// <summary>Keeps what the proxy's thread hands over until the test asks for it.</summary>
    private sealed class Received : IDisposable
    {
        private readonly System.Collections.Concurrent.BlockingCollection<byte[]> _datagrams = [];

        public bool IsEmpty => _datagrams.Count == 0;

        public void Take(DatagramBatch batch)
        {
            for (int i = 0; i < batch.Count; i++) _datagrams.Add(batch[i].ToArray());
        }

        public byte[] Next() => _datagrams.TryTake(out byte[]? datagram, Limit) ? datagram : throw new TimeoutException("Nothing arrived.");

        public void Dispose() => _datagrams.Dispose();
    }
}
