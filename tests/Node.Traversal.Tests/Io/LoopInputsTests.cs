using System.Diagnostics;
using Node.Traversal.Io;

namespace Node.Traversal.Tests.Io;

public sealed class LoopInputsTests
{
    private readonly LoopInputs<int> _inputs = new();

    [Fact]
    public void Inputs_are_taken_in_order()
    {
        for (int i = 0; i < 3; i++) Assert.True(_inputs.TryAdd(i));

        Assert.True(_inputs.Wait(Timeout.InfiniteTimeSpan));
        for (int i = 0; i < 3; i++)
        {
            Assert.True(_inputs.TryTake(out int taken));
            Assert.Equal(i, taken);
        }

        Assert.False(_inputs.TryTake(out _));
    }

    [Fact]
    public void A_wait_under_a_millisecond_is_none_too_short()
    {
        TimeSpan wanted = TimeSpan.FromMilliseconds(0.9); // Cut off to whole milliseconds it would be none at all, and the loop would go round until it is over.
        long began = Stopwatch.GetTimestamp();

        Assert.True(_inputs.Wait(wanted));

        Assert.True(Stopwatch.GetElapsedTime(began) >= wanted);
        Assert.False(_inputs.TryTake(out _));
    }

    [Fact]
    public async Task A_waiting_thread_is_woken_by_an_input_and_by_the_end()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        Task<bool> wait = Task.Run(() => _inputs.Wait(Timeout.InfiniteTimeSpan), cancellation);
        _inputs.TryAdd(1);
        Assert.True(await wait);
        Assert.True(_inputs.TryTake(out _));

        wait = Task.Run(() => _inputs.Wait(Timeout.InfiniteTimeSpan), cancellation);
        _inputs.Complete();
        Assert.False(await wait);
    }

    [Fact]
    public void What_waits_at_the_end_is_still_taken_and_nothing_is_added()
    {
        _inputs.TryAdd(1);
        _inputs.Complete();

        Assert.False(_inputs.TryAdd(2));
        Assert.True(_inputs.Wait(Timeout.InfiniteTimeSpan));
        Assert.True(_inputs.TryTake(out int taken));
        Assert.Equal(1, taken);
        Assert.False(_inputs.Wait(Timeout.InfiniteTimeSpan));
    }
}
