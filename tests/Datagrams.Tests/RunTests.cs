using System.Net.Sockets;
using Addresses;
using Datagrams.Linux;

namespace Datagrams.Tests;

/// <summary>Runs of datagrams of one length: sent as one, and received as the kernel has put them together.</summary>
public sealed class RunTests
{
    private const int SoNoCheck = 11; // Without checksums the kernel refuses to cut a run up.

    private static readonly DatagramSocketOptions Coalescing = new() { Coalesce = true, ReportLocalAddress = true, CountKernelDrops = true };

    [Fact]
    public void A_run_leaves_as_one_and_arrives_as_one()
    {
        SkipElsewhere();
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false, options: Coalescing);
        using DatagramBatch batch = BatchOf(receiver.LocalAddress, Enumerable.Repeat(1400, 64));

        Assert.Equal(64, sender.Send(batch, 0, out SocketError error));
        Assert.Equal(SocketError.Success, error);

        using var received = DatagramBatch.ForCoalesced();
        int count = Loopback.ReceiveSoon(receiver, received);
        Assert.True(count > received.Slots, $"{count} datagrams at once: a message each");
        AssertNumbered(received, [1400], sender.LocalAddress, 0);
        Assert.Equal(Loopback.AnyIpv4Port, received.LocalAddressOf(count - 1));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Datagrams_of_all_lengths_and_ways_stay_what_they_are(bool isConnected)
    {
        SkipElsewhere();
        foreach (TransportAddress any in new[] { Loopback.AnyIpv4Port, Loopback.AnyIpv6Port })
        {
            using DatagramSocket sender = Loopback.Bind(isPortable: false, any);
            using DatagramSocket one = Loopback.Bind(isPortable: false, any, Coalescing);
            using DatagramSocket other = Loopback.Bind(isPortable: false, any, Coalescing);
            if (isConnected) sender.Connect(one.LocalAddress);
            int[] lengths = [5, 9, 9, 9, 4, 9, 9, 0, 0, 7, 7, 8, 8, 2000, 2000, 2000, 1, 1, 1, 1];
            using DatagramBatch batch = BatchOf(one.LocalAddress, lengths);
            if (!isConnected) batch.SetAddress(2, other.LocalAddress);

            Assert.Equal(lengths.Length, sender.Send(batch, 0, out _));

            using var received = DatagramBatch.ForCoalesced();
            List<byte[]> all = [];
            while (all.Count < (isConnected ? lengths.Length : lengths.Length - 1))
            {
                Loopback.ReceiveSoon(one, received);
                for (int i = 0; i < received.Count; i++) all.Add(received[i].ToArray());
            }

            IEnumerable<int> expected = Enumerable.Range(0, lengths.Length).Where(i => isConnected || i != 2);
            Assert.Equal(expected.Select(i => Numbered(i, lengths[i])), all);
            if (!isConnected) Assert.Equal(1, Loopback.ReceiveSoon(other, received));
        }
    }

    [Fact]
    public void More_than_fits_into_one_run_goes_in_several()
    {
        SkipElsewhere();
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false, options: Coalescing);
        using DatagramBatch batch = BatchOf(receiver.LocalAddress, Enumerable.Repeat(2000, 200), capacity: 200);

        Assert.Equal(200, sender.Send(batch, 0, out _));

        using var received = DatagramBatch.ForCoalesced();
        int next = 0;
        while (next < 200)
        {
            Loopback.ReceiveSoon(receiver, received);
            AssertNumbered(received, [2000], sender.LocalAddress, next);
            next += received.Count;
        }
    }

    [Fact]
    public void What_is_refused_as_a_run_goes_one_by_one()
    {
        SkipElsewhere();
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false);
        Assert.Equal(SocketError.Success, LibC.SetOption(sender.Socket.SafeHandle, LibC.SolSocket, SoNoCheck, 1));
        using DatagramBatch batch = BatchOf(receiver.LocalAddress, [10, 20, 20, 20, 30]);

        Assert.Equal(5, sender.Send(batch, 0, out SocketError error));
        Assert.Equal(SocketError.Success, error);

        using var received = new DatagramBatch();
        Assert.Equal(5, Loopback.ReceiveSoon(receiver, received));
        AssertNumbered(received, [10, 20, 20, 20, 30], sender.LocalAddress, 0);
    }

    [Fact]
    public void A_refused_length_goes_alone_for_a_while_and_shorter_ones_do_not()
    {
        Segmentation segmentation = new(isOffered: true);
        Assert.Equal(int.MaxValue, segmentation.LongestInRun());

        Assert.True(segmentation.HandleRefusal(SocketError.MessageSize, 1400));
        Assert.True(segmentation.HandleRefusal(SocketError.InvalidArgument, 1200));

        for (int send = 1; send < Segmentation.RestSends; send++) Assert.Equal(1199, segmentation.LongestInRun());
        Assert.Equal(int.MaxValue, segmentation.LongestInRun()); // The path may be another one by now.
    }

    [Fact]
    public void A_device_that_cannot_ends_it_for_good_and_a_full_one_does_not()
    {
        Segmentation segmentation = new(isOffered: true);
        Assert.False(segmentation.HandleRefusal(SocketError.NoBufferSpaceAvailable, 1400));
        Assert.False(segmentation.HandleRefusal(SocketError.WouldBlock, 1400));
        Assert.Equal(int.MaxValue, segmentation.LongestInRun());

        Assert.True(segmentation.HandleRefusal(LibC.ErrorOf(5), 1400)); // EIO.

        Assert.Equal(0, segmentation.LongestInRun());
        Assert.Equal(0, new Segmentation(isOffered: false).LongestInRun());
    }

    [Theory, MemberData(nameof(Loopback.Ways), MemberType = typeof(Loopback))]
    public void A_batch_for_coalesced_datagrams_serves_other_sockets_too(bool isPortable)
    {
        using DatagramSocket socket = Loopback.Bind(isPortable);
        using var received = DatagramBatch.ForCoalesced();
        for (int i = 0; i < 20; i++) socket.SendTo(Numbered(i, 10), socket.LocalAddress);

        int next = 0;
        while (next < 20)
        {
            Loopback.ReceiveSoon(socket, received);
            AssertNumbered(received, [10], socket.LocalAddress, next);
            next += received.Count;
        }

        Assert.False(received.TryAdd([1], socket.LocalAddress));
    }

    [Fact]
    public void What_was_received_together_can_be_sent_on()
    {
        SkipElsewhere();
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket middle = Loopback.Bind(isPortable: false, options: Coalescing);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false);
        using DatagramBatch batch = BatchOf(middle.LocalAddress, [10, 10, 10, 6]);
        sender.Send(batch, 0, out _);
        using var carried = DatagramBatch.ForCoalesced();
        Assert.Equal(4, Loopback.ReceiveSoon(middle, carried));

        carried.Move(3, 1);
        carried.Trim(2);
        carried.SetLength(0, 5);
        Assert.Throws<ArgumentOutOfRangeException>(() => carried.SetLength(0, 11)); // The next one begins there.
        for (int i = 0; i < carried.Count; i++) carried.SetAddress(i, receiver.LocalAddress);
        Assert.Equal(2, middle.Send(carried, 0, out _));

        using var received = new DatagramBatch();
        Assert.Equal(2, Loopback.ReceiveSoon(receiver, received));
        Assert.Equal(Numbered(0, 10)[..5], received[0].ToArray());
        Assert.Equal(Numbered(3, 6), received[1].ToArray());
    }

    [Fact]
    public void A_socket_that_coalesces_refuses_a_batch_that_would_cut_messages_off()
    {
        SkipElsewhere();
        using DatagramSocket socket = Loopback.Bind(isPortable: false, options: Coalescing);
        using var batch = new DatagramBatch();

        Assert.Throws<InvalidOperationException>(() => socket.Receive(batch, out _));
    }

    [Fact]
    public void Runs_allocate_nothing()
    {
        SkipElsewhere();
        using DatagramSocket sender = Loopback.Bind(isPortable: false);
        using DatagramSocket receiver = Loopback.Bind(isPortable: false, options: Coalescing);
        using DatagramBatch batch = BatchOf(receiver.LocalAddress, Enumerable.Repeat(1400, 64));
        using var received = DatagramBatch.ForCoalesced();
        int moved = 0;

        Assert.Equal(0, Allocated.AtBestBy(() => moved = Rounds(100)));
        Assert.Equal(100 * 64, moved);

        int Rounds(int count)
        {
            int total = 0;
            for (int i = 0; i < count; i++)
            {
                sender.Send(batch, 0, out _);
                while (receiver.Receive(received, out _) > 0) total += received.Count;
            }

            return total;
        }
    }

    private static DatagramBatch BatchOf(TransportAddress destination, IEnumerable<int> lengths, int capacity = DatagramBatch.DefaultCapacity)
    {
        var batch = new DatagramBatch(capacity);
        foreach (int length in lengths) Assert.True(batch.TryAdd(Numbered(batch.Count, length), destination));
        return batch;
    }

    private static byte[] Numbered(int number, int length)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, (byte)number);
        return bytes;
    }

    private static void AssertNumbered(DatagramBatch batch, int[] lengths, TransportAddress source, int first)
    {
        for (int i = 0; i < batch.Count; i++)
        {
            Assert.Equal(Numbered(first + i, lengths[Math.Min(i, lengths.Length - 1)]), batch[i].ToArray());
            Assert.Equal(source, batch.AddressOf(i));
            Assert.False(batch.IsTruncated(i));
        }
    }

    private static void SkipElsewhere() => Assert.SkipUnless(OperatingSystem.IsLinux(), "only Linux has runs");
}
