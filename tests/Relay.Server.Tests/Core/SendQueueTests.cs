using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Server.Core;

namespace Relay.Server.Tests.Core;

public class SendQueueTests
{
    private readonly RelayCounters _counters = new();
    private readonly SendQueue _queue;

    public SendQueueTests() => _queue = new SendQueue(_counters);

    [Fact]
    public void The_relays_own_frames_go_first_then_disco_then_data()
    {
        _queue.EnqueuePacket(Packet(100, mark: 1), PacketKind.Data);
        _queue.EnqueuePacket(Packet(100, mark: 2), PacketKind.Disco);
        _queue.EnqueuePacket(Packet(100, mark: 3), PacketKind.WireGuardHandshake);
        _queue.EnqueueControl(KeepAliveFrame.Bytes);

        List<(FrameType Type, byte[] Body)> frames = RelayWorld.Take(_queue);

        Assert.Equal(FrameType.KeepAlive, frames[0].Type);
        Assert.Equal([2, 3, 1], frames.Skip(1).Select(frame => frame.Body[^1]));
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void A_full_data_lane_drops_its_oldest_and_keeps_whole_frames()
    {
        for (int i = 0; i < 1000; i++) _queue.EnqueuePacket(Packet(1400, mark: (byte)i), PacketKind.Data);

        List<(FrameType Type, byte[] Body)> frames = RelayWorld.Take(_queue);

        Assert.InRange(frames.Count, 150, 190);
        Assert.Equal(999 % 256, frames[^1].Body[^1]);
        Assert.Equal(1000 - frames.Count, _counters.Dropped(DropReason.QueueFull, PacketKind.Data));
    }

    [Fact]
    public void A_flood_of_disco_pushes_out_disco_only()
    {
        _queue.EnqueuePacket(Packet(1400, mark: 9), PacketKind.Data);
        for (int i = 0; i < 500; i++) _queue.EnqueuePacket(Packet(100, mark: 1), PacketKind.Disco);

        List<(FrameType Type, byte[] Body)> frames = RelayWorld.Take(_queue);

        Assert.Equal(SendQueue.MaxDiscoPackets + 1, frames.Count);
        Assert.Equal(9, frames[^1].Body[^1]);
        Assert.Equal(500 - SendQueue.MaxDiscoPackets, _counters.Dropped(DropReason.QueueFull, PacketKind.Disco));
    }

    [Fact]
    public void What_waits_when_a_client_leaves_is_counted_and_nothing_more_is_taken()
    {
        _queue.EnqueuePacket(Packet(100, mark: 1), PacketKind.Data);
        _queue.Close();
        _queue.EnqueuePacket(Packet(100, mark: 2), PacketKind.Data);

        Assert.Empty(RelayWorld.Take(_queue));
        Assert.Equal(2, _counters.Dropped(DropReason.Disconnected, PacketKind.Data));
    }

    [Fact]
    public void A_small_destination_takes_as_many_whole_frames_as_fit()
    {
        for (int i = 0; i < 10; i++) _queue.EnqueuePacket(Packet(1000, mark: (byte)i), PacketKind.Data);
        byte[] destination = new byte[2500];

        Assert.Equal(2 * (1000 + PacketFrame.PrefixLength), _queue.Take(destination));
        Assert.Equal(8, RelayWorld.Take(_queue).Count);
    }

    private static byte[] Packet(int length, byte mark)
    {
        byte[] frame = new byte[PacketFrame.PrefixLength + length];
        PacketFrame.WritePrefix(frame, FrameType.RecvPacket, default, length);
        frame[^1] = mark;
        return frame;
    }
}
