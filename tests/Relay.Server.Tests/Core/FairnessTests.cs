using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

/// <summary>Many senders and one destination that takes a fixed number of bytes a second, in virtual time.</summary>
public class FairnessTests
{
    private const int Mice = 100;
    private const int PacketLength = 1400;
    private const int FrameLength = PacketFrame.PrefixLength + PacketLength;
    private const int Elephant = 999;

    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(1);

    private readonly RelayCounters _counters = new();
    private readonly SendQueue _queue;
    private readonly Dictionary<int, List<TimeSpan>> _waits = [];
    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(100);
    private double _budget;

    public FairnessTests() => _queue = new SendQueue(_counters, new QueueMemory(QueueMemory.DefaultMaxBytes));

    [Fact]
    public void Mice_get_what_they_ask_for_beside_an_elephant_of_ten_times_the_link()
    {
        TimeSpan alone = Percentile99OfMice(elephantFramesPerStep: 0);
        TimeSpan beside = Percentile99OfMice(elephantFramesPerStep: 80);

        // The link carries 8 frames a step; the mice ask for 5 of them, and lose none.
        Assert.InRange(JainIndex(), 0.99, 1);
        Assert.All(Enumerable.Range(0, Mice), mouse => Assert.InRange(_waits[mouse].Count, 95, 100));
        Assert.True(beside <= alone + TimeSpan.FromMilliseconds(3), $"p99 {alone} alone, {beside} beside the elephant");
        Assert.InRange(_waits[Elephant].Count, 5000, 7000); // It gets what they leave.
    }

    [Fact]
    public void Senders_that_all_want_more_than_their_share_get_equal_shares()
    {
        for (int step = 0; step < 2000; step++)
        {
            for (int mouse = 0; mouse < Mice; mouse++)
            {
                if (step % 4 == 0) Send(mouse); // Three times what the link carries.
            }

            for (int i = 0; i < 80; i++) Send(Elephant);
            Drain(framesPerStep: 8);
        }

        Assert.InRange(JainIndex(), 0.9, 1);
        Assert.InRange(_waits[Elephant].Count, 0, 2 * _waits[0].Count);
    }

    [Fact]
    public void A_sender_of_large_frames_gets_no_more_bytes_than_one_of_small()
    {
        for (int step = 0; step < 2000; step++)
        {
            Send(1, 60_000);
            for (int i = 0; i < 100; i++) Send(2, 600);
            Drain(framesPerStep: 10);
        }

        double large = _waits[1].Count * 60_037.0;
        Assert.InRange(large / (large + _waits[2].Count * 637.0), 0.45, 0.55);
    }

    [Fact]
    public void A_burst_that_drains_within_the_interval_loses_nothing()
    {
        for (int burst = 0; burst < 10; burst++)
        {
            for (int i = 0; i < 150; i++) Send(1);
            for (int step = 0; step < 190; step++) Drain(framesPerStep: 1); // 190 ms for 150 frames.
            Drain(framesPerStep: 1);
        }

        Assert.Equal(1500, _waits[1].Count);
        Assert.Equal(0, _counters.Dropped(DropReason.Aged, PacketKind.Data));
    }

    [Fact]
    public void A_standing_queue_is_aged_down_to_the_target_and_no_further()
    {
        for (int step = 0; step < 20_000; step++)
        {
            Send(1);
            if (step % 20 == 0) Send(1); // 5 % more than the link carries.
            Drain(framesPerStep: 1);
        }

        Assert.True(_counters.Dropped(DropReason.Aged, PacketKind.Data) > 0);
        Assert.Equal(0, _counters.Dropped(DropReason.QueueFull, PacketKind.Data));
        List<TimeSpan> settled = [.. _waits[1].Skip(10_000).Order()];
        Assert.InRange(settled[settled.Count / 2], TimeSpan.FromMilliseconds(1), 3 * CoDel.Target); // A full lane would be 180 ms.
        Assert.InRange(_waits[1].Count, 19_500, 20_000); // The link is never idle.
    }

    [Fact]
    public void What_waited_through_a_stall_is_dropped_and_what_is_fresh_is_sent()
    {
        for (int i = 0; i < 10; i++) Send(1);
        _now += SendQueue.MaxDataWait + TimeSpan.FromMilliseconds(1);
        Send(1);
        Drain(framesPerStep: 100);

        Assert.Equal(TimeSpan.Zero, Assert.Single(_waits[1]));
        Assert.Equal(10, _counters.Dropped(DropReason.Aged, PacketKind.Data));
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void A_single_full_packet_passes_the_slowest_link()
    {
        for (int i = 0; i < 20; i++)
        {
            Send(1);
            _now += TimeSpan.FromMilliseconds(400);
            Drain(framesPerStep: 1);
        }

        Assert.Equal(20, _waits[1].Count);
    }

    /// <summary>Two seconds in which each mouse sends a packet every 20 ms.</summary>
    private TimeSpan Percentile99OfMice(int elephantFramesPerStep)
    {
        _waits.Clear();
        for (int step = 0; step < 2000; step++)
        {
            for (int mouse = 0; mouse < Mice; mouse++)
            {
                if ((step + mouse) % 20 == 0) Send(mouse);
            }

            for (int i = 0; i < elephantFramesPerStep; i++) Send(Elephant);
            Drain(framesPerStep: 8);
        }

        List<TimeSpan> waits = [.. Enumerable.Range(0, Mice).SelectMany(mouse => _waits[mouse]).Order()];
        return waits[waits.Count * 99 / 100];
    }

    /// <summary>(Σx)² / (n · Σx²) of the mice's packets: 1 = all got the same.</summary>
    private double JainIndex()
    {
        double[] shares = [.. Enumerable.Range(0, Mice).Select(mouse => (double)_waits[mouse].Count)];
        return shares.Sum() * shares.Sum() / (Mice * shares.Sum(share => share * share));
    }

    private void Send(int sender, int length = PacketLength)
    {
        byte[] key = new byte[NodeKey.Length];
        BitConverter.TryWriteBytes(key, sender);
        byte[] frame = new byte[PacketFrame.PrefixLength + length];
        PacketFrame.WritePrefix(frame, FrameType.RecvPacket, new NodeKey(key), length);
        BitConverter.TryWriteBytes(frame.AsSpan(PacketFrame.PrefixLength), _now.Ticks);
        _queue.EnqueuePacket(frame, PacketKind.Data, _now);
    }

    private void Drain(int framesPerStep)
    {
        _budget = Math.Min(_budget + framesPerStep * FrameLength, 70_000 + framesPerStep * FrameLength);
        foreach ((_, byte[] body) in RelayWorld.Take(_queue, _now, (int)_budget))
        {
            _budget -= body.Length + FrameHeader.Length;
            int sender = BitConverter.ToInt32(body);
            if (!_waits.TryGetValue(sender, out List<TimeSpan>? waits)) _waits[sender] = waits = [];
            waits.Add(_now - new Instant(BitConverter.ToInt64(body, NodeKey.Length)));
        }

        if (_queue.IsEmpty) _budget = 0; // A link saves nothing up.
        _now += Step;
    }
}
