using Microsoft.Extensions.Time.Testing;
using Timing;

namespace Foundation.Tests;

public class TimingTests
{
    [Fact]
    public void The_clock_follows_its_provider()
    {
        FakeTimeProvider time = new();
        MonotonicClock clock = new(time);
        Instant start = clock.Now;

        time.Advance(TimeSpan.FromSeconds(2.5));

        Assert.Equal(TimeSpan.FromSeconds(2.5), clock.Now - start);
    }

    [Fact]
    public void Adding_past_the_end_of_time_is_never()
    {
        Assert.Equal(Instant.Never, Instant.Never + TimeSpan.FromSeconds(1));
        Assert.True(Instant.Origin < Instant.Never);
    }

    [Fact]
    public void A_bucket_spends_its_burst_then_its_rate()
    {
        Instant now = Instant.Origin;
        TokenBucket bucket = new(tokensPerSecond: 10, burst: 2, now);

        Assert.True(bucket.TryTake(1, now));
        Assert.True(bucket.TryTake(1, now));
        Assert.False(bucket.TryTake(1, now));
        Assert.False(bucket.TryTake(1, now + TimeSpan.FromMilliseconds(99)));
        Assert.True(bucket.TryTake(1, now + TimeSpan.FromMilliseconds(101)));
    }
}
