using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

public class SendQueueTests
{
    private static readonly Instant Start = Instant.Origin + TimeSpan.FromSeconds(100);

    private readonly RelayCounters _counters = new();
    private readonly QueueMemory _memory = new(QueueMemory.DefaultMaxBytes);
    private readonly SendQueue _queue;

    public SendQueueTests() => _queue = new SendQueue(_counters, _memory);

    [Fact]
    public void The_relays_own_frames_go_first_then_disco_then_data()
    {
        Enqueue(mark: 1);
        Enqueue(mark: 2, kind: PacketKind.Disco);
        Enqueue(mark: 3, kind: PacketKind.WireGuardHandshake);
        _queue.EnqueueControl(KeepAliveFrame.Bytes);

        List<(FrameType Type, byte[] Body)> frames = Take();

        Assert.Equal(FrameType.KeepAlive, frames[0].Type);
        Assert.Equal([2, 3, 1], frames.Skip(1).Select(frame => frame.Body[^1]));
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void A_full_data_lane_drops_its_oldest_and_keeps_whole_frames()
    {
        for (int i = 0; i < 1000; i++) Enqueue(mark: (byte)i, length: 1400);

        List<(FrameType Type, byte[] Body)> frames = Take();

        Assert.InRange(frames.Count, 150, 190);
        Assert.Equal(999 % 256, frames[^1].Body[^1]);
        Assert.Equal(1000 - frames.Count, _counters.Dropped(DropReason.QueueFull, PacketKind.Data));
    }

    [Fact]
    public void A_flood_of_disco_pushes_out_the_floods_own_only()
    {
        Enqueue(mark: 9, length: 1400);
        Enqueue(mark: 8, sender: 2, kind: PacketKind.Disco);
        for (int i = 0; i < 500; i++) Enqueue(mark: 1, kind: PacketKind.Disco);

        List<(FrameType Type, byte[] Body)> frames = Take();

        Assert.Equal(SendQueue.MaxDiscoPackets + 2, frames.Count);
        Assert.Contains(frames, frame => frame.Body[^1] == 9);
        Assert.Contains(frames, frame => frame.Body[^1] == 8);
        Assert.Equal(500 - SendQueue.MaxDiscoPackets, _counters.Dropped(DropReason.QueueFull, PacketKind.Disco));
    }

    [Fact]
    public void Whoever_marks_all_it_sends_as_disco_leaves_data_its_share()
    {
        int data = 0;
        int disco = 0;
        for (int round = 0; round < 200; round++)
        {
            for (int i = 0; i < 8; i++) Enqueue(mark: 1, sender: 1, length: 1400, kind: PacketKind.Disco);
            for (int i = 0; i < 8; i++) Enqueue(mark: 2, sender: 2, length: 1400);
            List<(FrameType Type, byte[] Body)> frames = Take(8 * 1437);
            if (round < 20) continue; // The credit it began with.
            disco += frames.Count(frame => frame.Body[^1] == 1);
            data += frames.Count(frame => frame.Body[^1] == 2);
        }

        Assert.InRange(disco / (double)(disco + data), 0.2, 0.3);
    }

    [Fact]
    public void What_waits_when_a_client_leaves_is_counted_and_nothing_more_is_taken()
    {
        Enqueue(mark: 1);
        _queue.Close();
        Enqueue(mark: 2);

        Assert.Empty(Take());
        Assert.Equal(2, _counters.Dropped(DropReason.Disconnected, PacketKind.Data));
        Assert.Equal(0, _memory.Used);
    }

    [Fact]
    public void A_small_destination_takes_as_many_whole_frames_as_fit()
    {
        for (int i = 0; i < 10; i++) Enqueue(mark: (byte)i, length: 1000);

        Assert.Equal(2, Take(2500).Count);
        Assert.Equal(8, Take().Count);
    }

    [Fact]
    public void Enough_ends_a_take_behind_the_frame_that_reaches_it()
    {
        for (int i = 0; i < 10; i++) Enqueue(mark: (byte)i, length: 1000);

        Assert.Equal(3 * 1037, _queue.Take(new byte[64 << 10], Start, enough: 2500));
    }

    [Fact]
    public void A_run_is_taken_apart_again_into_its_frames()
    {
        byte[] run = [.. Packet(1, 10, 100), .. Packet(1, 11, 0), .. Packet(1, 12, 65536)];

        _queue.EnqueuePackets(run, PacketKind.Data, Start);

        Assert.Equal([132, 32, 65568], Take().Select(frame => frame.Body.Length));
        Assert.Equal((3, 65636), _counters.Out);
    }

    [Fact]
    public void When_a_lane_is_full_only_whoever_has_most_in_it_loses()
    {
        Enqueue(mark: 7, sender: 2, length: 1400);
        byte[] run = [.. Enumerable.Range(0, 400).SelectMany(i => Packet(1, (byte)i, 1400))];

        _queue.EnqueuePackets(run, PacketKind.Data, Start);
        Enqueue(mark: 8, sender: 3, length: 1400);

        List<(FrameType Type, byte[] Body)> frames = Take();
        Assert.Single(frames, frame => frame.Body[0] == 2);
        Assert.Single(frames, frame => frame.Body[0] == 3);
        Assert.InRange(frames.Sum(frame => frame.Body.Length + FrameHeader.Length), SendQueue.MaxDataBytes - 1437, SendQueue.MaxDataBytes);
    }

    [Fact]
    public void The_order_of_each_sender_is_kept_also_of_those_without_a_queue_of_their_own()
    {
        const int Senders = 2 * FairScheduler.MaxSenders;
        Random random = new(11);
        ushort[] sent = new ushort[Senders];
        int[] received = new int[Senders];
        Array.Fill(received, -1);
        for (int step = 0; step < 40_000; step++)
        {
            int sender = random.Next(Senders);
            byte[] packet = Packet((ushort)sender, 0, 20 + random.Next(100));
            BitConverter.TryWriteBytes(packet.AsSpan(PacketFrame.PrefixLength), sent[sender]++);
            _queue.EnqueuePacket(packet, PacketKind.Data, Start);
            if (step % 50 != 0) continue;
            foreach ((_, byte[] body) in Take(random.Next(1, 12_000)))
            {
                int from = BitConverter.ToUInt16(body);
                int number = BitConverter.ToUInt16(body, NodeKey.Length);
                Assert.True(number > received[from], $"{number} of sender {from} came after {received[from]}");
                received[from] = number;
            }
        }
    }

    [Fact]
    public void The_notices_of_a_client_that_takes_nothing_are_bounded_and_the_first_stays_the_first()
    {
        byte[] gone = new byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(gone, default, PeerGoneReason.Disconnected);
        _queue.EnqueueControl(KeepAliveFrame.Bytes);
        for (int i = 0; i < 10_000; i++) _queue.EnqueueControl(gone);

        List<(FrameType Type, byte[] Body)> frames = Take();
        Assert.Equal(FrameType.KeepAlive, frames[0].Type);
        Assert.Equal(10_001, frames.Count + _counters.NoticesDropped);
        Assert.True((frames.Count - 1) * gone.Length <= SendQueue.MaxControlBytes);
    }

    [Fact]
    public void The_queues_of_all_clients_stay_within_one_budget_and_whoever_comes_next_finds_room()
    {
        QueueMemory memory = new(4 << 20);
        SendQueue[] queues = [.. Enumerable.Range(0, 500).Select(_ => new SendQueue(_counters, memory))];
        for (int i = 0; i < 100; i++)
        {
            foreach (SendQueue queue in queues) queue.EnqueuePacket(Packet(1, 1, 1400), PacketKind.Data, Start);
            Assert.InRange(memory.Used, 0, memory.MaxBytes);
        }

        Assert.True(_counters.Dropped(DropReason.MemoryFull, PacketKind.Data) > 0);
        SendQueue late = new(_counters, memory);
        late.EnqueuePacket(Packet(1, 1, 1400), PacketKind.Data, Start);
        Assert.Single(RelayWorld.Take(late, Start));
        foreach (SendQueue queue in queues) Assert.All(RelayWorld.Take(queue, Start), frame => Assert.Equal(1432, frame.Body.Length));
        Assert.Equal(0, memory.Used);
    }

    [Fact]
    public void The_wait_in_the_queue_is_counted_in_buckets()
    {
        Enqueue(mark: 1);
        Take(now: Start + TimeSpan.FromMilliseconds(7));
        Enqueue(mark: 1);
        Take(now: Start - TimeSpan.FromMilliseconds(7)); // Threads that raced for the lock.

        Assert.Equal(1, _counters.Waited(QueueWaits.Bounds.IndexOf(TimeSpan.FromMilliseconds(10))));
        Assert.Equal(1, _counters.Waited(0));
        Assert.Equal(TimeSpan.FromMilliseconds(7), _counters.WaitTotal);
    }

    [Fact]
    public void Waiting_and_leaving_allocates_nothing()
    {
        byte[][] packets = [.. Enumerable.Range(0, 100).Select(sender => Packet((ushort)sender, 0, 1400))];
        byte[] output = new byte[128 << 10];

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 50; i++)
            {
                foreach (byte[] packet in packets) _queue.EnqueuePacket(packet, PacketKind.Data, Start);
                while (_queue.Take(output, Start) > 0) { }
            }
        }));
    }

    private void Enqueue(byte mark, ushort sender = 1, int length = 100, PacketKind kind = PacketKind.Data) => _queue.EnqueuePacket(Packet(sender, mark, length, kind), kind, Start);

    private List<(FrameType Type, byte[] Body)> Take(int length = 1 << 20, Instant? now = null) => RelayWorld.Take(_queue, now ?? Start, length);

    /// <summary>A RecvPacket that says by whom it is: in the first bytes of its key.</summary>
    private static byte[] Packet(ushort sender, byte mark, int length, PacketKind kind = PacketKind.Data)
    {
        byte[] key = new byte[NodeKey.Length];
        BitConverter.TryWriteBytes(key, sender);
        byte[] frame = new byte[PacketFrame.PrefixLength + length];
        PacketFrame.WritePrefix(frame, FrameType.RecvPacket, new NodeKey(key), length);
        if (kind == PacketKind.Disco) PacketKinds.DiscoMagic.CopyTo(frame.AsSpan(PacketFrame.PrefixLength));
        if (length > 0) frame[^1] = mark;
        return frame;
    }
}
