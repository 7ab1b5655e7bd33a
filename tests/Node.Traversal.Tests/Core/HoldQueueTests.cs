using Node.Traversal.Core.Paths;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class HoldQueueTests
{
    private readonly HoldQueue _queue = new();

    [Fact]
    public void Packets_stay_in_order_until_they_are_let_go()
    {
        byte[] first = [1];
        _queue.Add(first, Start);
        _queue.Add([2], Start + Milliseconds(1));
        first[0] = 99; // A copy is held.

        Assert.Equal([1, 2], _queue.Packets.Select(packet => packet[0]));
        Assert.False(_queue.IsEmpty);
        _queue.Clear();
        Assert.True(_queue.IsEmpty);
    }

    [Fact]
    public void A_full_queue_gives_up_its_oldest()
    {
        for (byte i = 0; i < HoldQueue.MaxPackets; i++) Assert.Equal(0, _queue.Add([i], Start));

        Assert.Equal(1, _queue.Add([255], Start));

        Assert.Equal(HoldQueue.MaxPackets, _queue.Packets.Count());
        Assert.Equal(1, _queue.Packets.First()[0]);
        Assert.Equal(255, _queue.Packets.Last()[0]);
    }

    [Fact]
    public void A_packet_lasts_three_seconds_and_no_longer()
    {
        _queue.Add([1], Start);
        _queue.Add([2], Start + Milliseconds(500));

        Assert.Equal(0, _queue.DropOld(Start + HoldQueue.Lifetime));
        Assert.Equal(1, _queue.DropOld(Start + HoldQueue.Lifetime + Milliseconds(1)));

        Assert.Equal(2, Assert.Single(_queue.Packets)[0]);
        Assert.Equal(1, _queue.Add([3], Start + Milliseconds(4000)));
        Assert.Equal(3, Assert.Single(_queue.Packets)[0]);
    }
}
