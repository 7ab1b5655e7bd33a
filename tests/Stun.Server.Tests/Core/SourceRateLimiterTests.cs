using Addresses;
using CsCheck;
using Stun.Server.Core;
using Timing;

namespace Stun.Server.Tests.Core;

public sealed class SourceRateLimiterTests
{
    private static readonly Instant Start = Instant.Origin + TimeSpan.FromHours(1);

    [Fact]
    public void A_prefix_gets_its_rate_at_once_and_then_one_by_one()
    {
        var limiter = new SourceRateLimiter(100, seed: 7);

        Assert.Equal(100, Taken(limiter, 0xc0000201, 1000, Start));
        Assert.Equal(1, Taken(limiter, 0xc0000201, 10, Start + TimeSpan.FromMilliseconds(10)));
        Assert.Equal(50, Taken(limiter, 0xc0000201, 1000, Start + TimeSpan.FromMilliseconds(510)));
        Assert.Equal(100, Taken(limiter, 0xc0000201, 1000, Start + TimeSpan.FromHours(1)));
    }

    [Fact]
    public void Neighbours_share_a_bucket_and_strangers_do_not()
    {
        var limiter = new SourceRateLimiter(10, seed: 7);

        Assert.Equal(10, Taken(limiter, 0xc0000201, 20, Start));
        Assert.Equal(0, Taken(limiter, 0xc00002ff, 20, Start)); // The same /24.
        Assert.Equal(10, Taken(limiter, 0xc0000301, 20, Start));

        Assert.Equal(10, Taken(limiter, Ipv6("2001:db8:0:ff::1"), 20, Start));
        Assert.Equal(0, Taken(limiter, Ipv6("2001:db8:0:1:2:3:4:5"), 20, Start)); // The same /56.
        Assert.Equal(10, Taken(limiter, Ipv6("2001:db8:0:100::1"), 20, Start));
    }

    [Fact]
    public void Loopback_is_exempt_and_so_is_everybody_without_a_rate()
    {
        Assert.Equal(50, Taken(new SourceRateLimiter(1, seed: 7), 0x7f000001, 50, Start));
        Assert.Equal(50, Taken(new SourceRateLimiter(1, seed: 7), Ipv6("::1"), 50, Start));
        Assert.Equal(50, Taken(new SourceRateLimiter(0, seed: 7), 0xc0000201, 50, Start));
    }

    [Fact]
    public void Answers_sent_elsewhere_are_limited_harder_and_apart()
    {
        var limiter = new SourceRateLimiter(2000, seed: 7);
        TransportAddress source = TransportAddress.FromIpv4(0xc0000201, 1);

        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => limiter.TryTakeMoved(source, Start)));
        Assert.True(limiter.TryTake(source, Start));
        Assert.Equal(20, Enumerable.Range(0, 100).Count(_ => limiter.TryTakeMoved(source, Start + TimeSpan.FromSeconds(1))));
    }

    [Fact]
    public void A_new_rate_counts_at_once()
    {
        var limiter = new SourceRateLimiter(10, seed: 7);
        Assert.Equal(10, Taken(limiter, 0xc0000201, 100, Start));

        limiter.SetRate(1000);

        Assert.Equal(1000, Taken(limiter, 0xc0000201, 2000, Start + TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void A_million_prefixes_neither_grow_the_table_nor_free_the_one_that_asks_too_much()
    {
        var limiter = new SourceRateLimiter(100, seed: 7);
        Taken(limiter, 0xc0000201, 1000, Start);

        int refused = 0;
        for (uint i = 0; i < 1_000_000; i++) // 50 000 a second, and among them the one that asks too much.
        {
            Instant now = Start + TimeSpan.FromMicroseconds(i * 20);
            Assert.True(limiter.TryTake(TransportAddress.FromIpv4(0x0a000000 + (i << 8), 1), now));
            if (i % 50 == 0 && !limiter.TryTake(TransportAddress.FromIpv4(0xc0000201, 1), now)) refused++;
        }

        Assert.Equal(20_000 - 2000, refused, 20.0); // 1000 a second for 20 seconds, where 100 are allowed.
        Assert.InRange(limiter.CountActive(Start + TimeSpan.FromSeconds(20)), 1, SourceRateLimiter.Capacity);
    }

    [Fact]
    public void A_new_prefix_allocates_nothing()
    {
        var limiter = new SourceRateLimiter(100, seed: 7);
        uint next = 0;

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 200_000; i++) limiter.TryTake(TransportAddress.FromIpv4(next++ << 8, 1), Start);
        }));
    }

    [Fact]
    public void Active_prefixes_are_those_that_asked_lately()
    {
        var limiter = new SourceRateLimiter(100, seed: 7);
        for (uint i = 0; i < 300; i++) Taken(limiter, 0xc0000000 + (i << 8), 1, Start);

        Assert.Equal(300, limiter.CountActive(Start + TimeSpan.FromSeconds(9)));
        Assert.Equal(0, limiter.CountActive(Start + TimeSpan.FromSeconds(11)));
    }

    [Fact]
    public void No_prefix_ever_gets_more_than_its_burst_and_its_rate() =>
        Gen.Select(Gen.Int[1, 5000], Gen.Int[0, 20_000].Array[1, 300]).Sample((rate, steps) =>
        {
            var limiter = new SourceRateLimiter(rate, seed: 3);
            Instant now = Start;
            int taken = 0;
            foreach (int microseconds in steps)
            {
                now += TimeSpan.FromMicroseconds(microseconds);
                taken += Taken(limiter, 0xc0000201, 50, now);
            }

            Assert.True(taken <= rate + ((now - Start).TotalSeconds * rate) + 1, $"{taken} of {rate} in {now - Start}");
        });

    [Fact]
    public async Task Many_threads_take_no_more_tokens_than_one()
    {
        var limiter = new SourceRateLimiter(10_000, seed: 7);

        int[] taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Taken(limiter, 0xc0000201, 10_000, Start))));

        Assert.InRange(taken.Sum(), 10_000, 10_000 + 3); // Where several find no bucket at once, each makes it.
    }

    private static int Taken(SourceRateLimiter limiter, uint ipv4, int tries, Instant now) => Taken(limiter, TransportAddress.FromIpv4(ipv4, 4000), tries, now);

    private static int Taken(SourceRateLimiter limiter, TransportAddress source, int tries, Instant now)
    {
        int taken = 0;
        for (int i = 0; i < tries; i++)
        {
            if (limiter.TryTake(source, now)) taken++;
        }

        return taken;
    }

    private static TransportAddress Ipv6(string text) => TransportAddress.From(System.Net.IPAddress.Parse(text), 4000);
}
