using CsCheck;
using Node.Traversal.Core.Stun;

namespace Node.Traversal.Tests.Core.Stun;

public class PortAllocationsTests
{
    [Fact]
    public void Kept_ports_are_preserving_even_where_another_host_has_taken_one() =>
        Assert.Equal(PortAllocationPattern.Preserving, Of((40001, 40001), (50022, 50022), (33333, 1044), (34567, 34567)).Pattern);

    [Theory]
    [InlineData(1, 1, new[] { 2000, 2001, 2002, 2003, 2004 })]
    [InlineData(2, 2, new[] { 2000, 2002, 2004, 2006, 2008 })]
    [InlineData(-1, -1, new[] { 2000, 1999, 1998, 1997, 1996 })]
    [InlineData(1, 1, new[] { 65533, 65534, 65535, 1024, 1025 })] // From the end to the beginning.
    [InlineData(2, 2, new[] { 2000, 2002, 2008, 2010, 2012 })] // Another host has taken ports meanwhile.
    public void A_sequence_is_found_with_its_step(int step, int expected, int[] ports)
    {
        PortAllocation allocation = Of([.. ports.Select((port, i) => (40000 + (i * 37 * step % 91), port))]);

        Assert.Equal((PortAllocationPattern.Sequential, expected), (allocation.Pattern, allocation.Step));
    }

    [Fact]
    public void Ports_of_a_block_are_random_and_confined()
    {
        PortAllocation allocation = Of((1, 20480), (2, 21503), (3, 20999), (4, 21100), (5, 20600), (6, 21400), (7, 20700), (8, 21000));

        Assert.Equal(new PortAllocation(PortAllocationPattern.Random, 0, 20480, 21503, true), allocation);
    }

    [Fact]
    public void Few_ports_say_nothing_but_what_they_are() =>
        Assert.Equal(new PortAllocation(PortAllocationPattern.Unknown, 0, 5, 9, false), Of((1, 5), (2, 7), (3, 9)));

    [Fact]
    public void Ports_at_random_are_hardly_ever_taken_for_anything_else()
    {
        int wrong = 0;
        Random random = new(20260901);
        for (int i = 0; i < 10_000; i++)
        {
            PortAllocation allocation = Of([.. Enumerable.Range(0, 12).Select(_ => (random.Next(32768, 61000), random.Next(1024, 65536)))]);
            if (allocation.Pattern != PortAllocationPattern.Random || allocation.IsConfined) wrong++;
        }

        Assert.InRange(wrong, 0, 20);
    }

    [Fact]
    public void Ports_at_random_in_a_small_block_are_hardly_ever_taken_for_a_sequence()
    {
        Random random = new(20261124);
        int wrong = 0;
        for (int i = 0; i < 10_000; i++)
        {
            PortAllocation allocation = Of([.. Enumerable.Range(0, 5).Select(_ => (random.Next(32768, 61000), random.Next(30000, 30256)))]);
            if (allocation.Pattern == PortAllocationPattern.Sequential) wrong++;
        }

        Assert.InRange(wrong, 0, 50); // One in 200; without a look at how the steps agree it is one in 15.
    }

    [Fact]
    public void Any_ports_give_an_answer() => Gen.Select(Gen.UShort, Gen.UShort).Array[0, 20].Sample(samples =>
    {
        PortAllocation allocation = PortAllocations.Of([.. samples.Select(sample => new PortSample(sample.Item1, sample.Item2))]);
        Assert.Equal(samples.Length > 3, allocation.Pattern != PortAllocationPattern.Unknown);
    });

    private static PortAllocation Of(params (int Local, int Public)[] samples) =>
        PortAllocations.Of([.. samples.Select(sample => new PortSample((ushort)sample.Local, (ushort)sample.Public))]);
}
