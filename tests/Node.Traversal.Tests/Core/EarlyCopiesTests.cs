using Node.Traversal.Core.Paths;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class EarlyCopiesTests
{
    private readonly EarlyCopies _copies = new();

    [Fact]
    public void A_burst_is_taken_and_no_more()
    {
        Assert.Equal(3, _copies.Take(3, Start));
        Assert.Equal(EarlyCopies.Burst - 3, _copies.Take(64, Start));
        Assert.Equal(0, _copies.Take(1, Start));
    }

    [Fact]
    public void Five_packets_a_second_are_copied_for_ever()
    {
        for (int i = 0; i < 1000; i++) Assert.Equal(1, _copies.Take(1, Start + Milliseconds(200 * i)));
    }

    [Fact]
    public void Bulk_is_copied_at_the_rate_that_is_named()
    {
        int taken = 0;
        for (int i = 0; i < 10_000; i++) taken += _copies.Take(64, Start + Milliseconds(i));

        Assert.InRange(taken, 10 * EarlyCopies.PerSecond, 10 * EarlyCopies.PerSecond + EarlyCopies.Burst);
    }

    [Fact]
    public void Threads_that_take_at_once_share_one_burst()
    {
        int taken = 0;
        Parallel.For(0, 64, _ => Interlocked.Add(ref taken, _copies.Take(2, Start)));

        Assert.Equal(EarlyCopies.Burst, taken);
    }
}
