using Node.Traversal.Io.Relay;
using Node.Traversal.Tests.Core;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Tests.Io;

public sealed class RelaySendQueueTests
{
    private static readonly NodeKey Peer = CoreTesting.Keys(1).PublicKey;

    private readonly TraversalCounters _counters = new();
    private readonly RelaySendQueue _queue;
    private readonly byte[] _taken = new byte[512 << 10];

    public RelaySendQueueTests() => _queue = new RelaySendQueue(_counters);

    [Fact]
    public void A_packet_leaves_as_a_frame_to_its_peer()
    {
        _queue.EnqueuePacket(Peer, [1, 2, 3], isControl: false, CoreTesting.Start);

        int length = _queue.Take(_taken);

        Assert.Equal(PacketFrame.PrefixLength + 3, length);
        Assert.True(FrameHeader.TryRead(_taken, out FrameHeader header));
        Assert.Equal(FrameType.SendPacket, header.Type);
        Assert.True(PacketFrame.TryRead(_taken.AsSpan(FrameHeader.Length, length - FrameHeader.Length), out NodeKey destination, out ReadOnlySpan<byte> packet));
        Assert.Equal(Peer, destination);
        Assert.Equal([1, 2, 3], packet.ToArray());
        Assert.Equal(0, _queue.Take(_taken));
    }

    [Fact]
    public void Control_goes_first_and_each_lane_keeps_its_order()
    {
        Enqueue(1, isControl: false);
        Enqueue(2, isControl: true);
        Enqueue(3, isControl: false);
        Enqueue(4, isControl: true);

        Assert.Equal([2, 4, 1, 3], TakeMarks());
    }

    [Fact]
    public void Data_waits_while_control_does_not_fit_whole()
    {
        Enqueue(1, isControl: false);
        Enqueue(2, isControl: true);
        Enqueue(3, isControl: true);
        int oneFrame = PacketFrame.PrefixLength + 1;

        Assert.Equal(oneFrame, _queue.Take(_taken.AsSpan(0, 2 * oneFrame - 1)));
        Assert.Equal(2, _taken[oneFrame - 1]);
        Assert.Equal([3, 1], TakeMarks());
    }

    [Fact]
    public void A_full_lane_drops_its_own_oldest_and_counts_it()
    {
        const int Length = 1000;
        int fits = RelaySendQueue.MaxDataBytes / (PacketFrame.PrefixLength + Length);
        Enqueue(255, isControl: true);

        for (int i = 0; i < fits + 5; i++) Enqueue((byte)i, isControl: false, Length);

        Assert.Equal(5, _counters[TraversalDrop.RelayQueueFull]);
        byte[] marks = TakeMarks();
        Assert.Equal(fits + 1, marks.Length);
        Assert.Equal([255, 5, 6], marks[..3]);
    }

    [Fact]
    public void The_longest_packet_passes_and_a_longer_one_is_counted()
    {
        _queue.EnqueuePacket(Peer, new byte[RelayLimits.MaxPacketLength], isControl: false, CoreTesting.Start);
        _queue.EnqueuePacket(Peer, new byte[RelayLimits.MaxPacketLength + 1], isControl: false, CoreTesting.Start);

        Assert.Equal(PacketFrame.PrefixLength + RelayLimits.MaxPacketLength, _queue.Take(_taken));
        Assert.Equal(1, _counters[TraversalDrop.TooLong]);
    }

    [Fact]
    public void A_frame_that_no_lane_can_hold_costs_the_lane_nothing()
    {
        Enqueue(1, isControl: true);

        Enqueue(2, isControl: true, RelayLimits.MaxPacketLength);

        Assert.Equal(1, _counters[TraversalDrop.TooLong]);
        Assert.Equal([1], TakeMarks());
    }

    [Fact]
    public void What_the_relay_would_not_take_is_dropped_here_until_its_time_comes()
    {
        int frame = PacketFrame.PrefixLength + 100;
        _queue.SetLimit(new TokenBucket(frame, 2 * frame, CoreTesting.Start));
        for (byte i = 0; i < 3; i++) Enqueue(i, isControl: false, 100);
        Assert.Equal(1, _counters[TraversalDrop.RelayLimit]);

        Enqueue(3, isControl: false, 100, CoreTesting.Start + TimeSpan.FromSeconds(1));

        Assert.Equal([0, 1, 3], TakeMarks());
        _queue.SetLimit(null);
        for (byte i = 0; i < 9; i++) Enqueue(i, isControl: false, 100);
        Assert.Equal(9, TakeMarks().Length);
    }

    [Fact]
    public void What_waits_goes_with_the_connection_and_data_is_counted()
    {
        Enqueue(1, isControl: false);
        Enqueue(2, isControl: false);
        Enqueue(3, isControl: true);

        _queue.Clear();

        Assert.Equal(2, _counters[TraversalDrop.RelayGone]);
        Assert.Equal(0, _queue.Take(_taken));
    }

    [Fact]
    public void A_queue_that_is_warm_allocates_nothing()
    {
        byte[] packet = new byte[1400];

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                _queue.EnqueuePacket(Peer, packet, isControl: false, CoreTesting.Start);
                if (i % 8 == 7) _queue.Take(_taken);
            }
        }));
    }

    private void Enqueue(byte mark, bool isControl, int length = 1, Instant? now = null)
    {
        byte[] packet = new byte[length];
        packet[0] = mark;
        _queue.EnqueuePacket(Peer, packet, isControl, now ?? CoreTesting.Start);
    }

    /// <summary>The first byte of each packet that waits, in the order in which they leave.</summary>
    private byte[] TakeMarks()
    {
        List<byte> marks = [];
        int length;
        while ((length = _queue.Take(_taken)) > 0)
        {
            for (int at = 0; at < length;)
            {
                Assert.True(FrameHeader.TryRead(_taken.AsSpan(at, length - at), out FrameHeader header));
                marks.Add(_taken[at + PacketFrame.PrefixLength]);
                at += FrameHeader.Length + (int)header.BodyLength;
            }
        }

        return [.. marks];
    }
}
