using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

public class QuotaTests
{
    private static readonly Rate Thousand = new(1000, 500);

    private Instant _now = Instant.Origin + TimeSpan.FromSeconds(100);
    private Quota _quota;

    [Fact]
    public void The_whole_burst_may_come_at_the_very_start()
    {
        Rate rate = new(PerSecond: 5, Burst: 10);
        Quota quota = default;

        int taken = 0;
        while (quota.TryCharge(1, rate, Instant.Origin + TimeSpan.FromMilliseconds(1))) taken++;

        Assert.Equal(10, taken);
    }

    [Fact]
    public void A_burst_is_free_and_what_is_over_it_is_waited_for()
    {
        _quota.Charge(500, Thousand, _now);
        Assert.True(_quota.EarnedAt <= _now);

        _quota.Charge(250, Thousand, _now);
        Assert.Equal(_now + TimeSpan.FromMilliseconds(250), _quota.EarnedAt);
    }

    [Fact]
    public void Over_time_no_more_passes_than_the_rate_and_no_less()
    {
        long passed = 0;
        Instant end = _now + TimeSpan.FromSeconds(60);
        while (_now < end)
        {
            _quota.Charge(130, Thousand, _now);
            passed += 130;
            _now = Instant.Max(_now + TimeSpan.FromMilliseconds(1), _quota.EarnedAt);
        }

        Assert.InRange(passed, 60_000, 60_000 + 500 + 130);
    }

    [Fact]
    public void Silence_saves_up_one_burst_and_no_more()
    {
        _now += TimeSpan.FromHours(1);

        Assert.True(_quota.TryCharge(500, Thousand, _now));
        Assert.False(_quota.TryCharge(1, Thousand, _now));
        Assert.True(_quota.TryCharge(1, Thousand, _now + TimeSpan.FromMilliseconds(1)));
    }

    [Fact]
    public void Another_rate_counts_from_the_next_charge_and_none_charges_nothing()
    {
        _quota.Charge(1500, Thousand, _now);
        _now = _quota.EarnedAt;
        _quota.Charge(1000, new Rate(10, 10), _now);
        Assert.Equal(_now + TimeSpan.FromSeconds(100), _quota.EarnedAt);

        Instant before = _quota.EarnedAt;
        _quota.Charge(long.MaxValue, default, _now);
        Assert.Equal(before, _quota.EarnedAt);
    }

    [Fact]
    public void What_many_threads_charge_adds_up()
    {
        UsedRates used = new();
        used.Charge(1000, new Rate(1000, 1), 0, default, _now);
        Instant start = used.EarnedAt;

        Parallel.For(0, 10_000, _ => used.Charge(3, new Rate(1000, 1), 0, default, _now));

        Assert.Equal(start + TimeSpan.FromSeconds(30), used.EarnedAt);
    }
}
