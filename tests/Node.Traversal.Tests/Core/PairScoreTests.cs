using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PairScoreTests
{
    private static readonly TransportAddress Public = Address("203.0.113.9:5000");
    private static readonly TransportAddress Lan = Address("192.168.1.7:5000");
    private static readonly TransportAddress Ipv6 = Address("[2001:db8::7]:5000");

    [Fact]
    public void The_order_is_total_and_no_two_pairs_beat_each_other()
    {
        Random random = new(1);
        PairScore[] scores = [.. Enumerable.Range(0, 120).Select(_ => AnyScore(random))];
        foreach (PairScore a in scores)
        {
            Assert.False(a.Beats(a));
            Assert.Equal(0, a.CompareTo(a));
            foreach (PairScore b in scores)
            {
                Assert.Equal(Math.Sign(a.CompareTo(b)), -Math.Sign(b.CompareTo(a)));
                Assert.False(a.Beats(b) && b.Beats(a), $"{a} and {b} beat each other");
                if (a.Id != b.Id) Assert.NotEqual(0, a.CompareTo(b));
                foreach (PairScore c in scores)
                {
                    if (a.CompareTo(b) < 0 && b.CompareTo(c) < 0) Assert.True(a.CompareTo(c) < 0, $"{a} < {b} < {c}");
                }
            }
        }
    }

    [Fact]
    public void What_beats_another_stands_before_it_in_the_order_unless_it_is_local()
    {
        Random random = new(2);
        for (int i = 0; i < 20_000; i++)
        {
            PairScore a = AnyScore(random);
            PairScore b = AnyScore(random);
            if (a.Beats(b) && a.CostMicroseconds != b.CostMicroseconds) Assert.True(a.CompareTo(b) < 0, $"{a} beats {b}");
        }
    }

    [Fact]
    public void A_local_pair_beats_a_public_one_that_is_as_fast_and_not_one_that_is_much_faster()
    {
        Assert.True(Score(Lan, 20).Beats(Score(Public, 20)));
        Assert.True(Score(Lan, 24).Beats(Score(Public, 20)));
        Assert.False(Score(Lan, 40).Beats(Score(Public, 20)));
        Assert.True(Score(Public, 5).Beats(Score(Lan, 40)));
    }

    [Fact]
    public void Ipv6_is_preferred_where_it_is_as_fast_and_a_slightly_faster_pair_is_no_reason_to_switch()
    {
        Assert.True(Score(Ipv6, 20).CompareTo(Score(Public, 20)) < 0);
        Assert.False(Score(Public, 18).Beats(Score(Ipv6, 20)));
        Assert.True(Score(Public, 10).Beats(Score(Ipv6, 20)));
    }

    [Fact]
    public void A_pair_that_is_silent_or_barred_is_beaten_by_any_that_answers()
    {
        Assert.True(Score(Public, 200).Beats(Score(Lan, 1) with { Reach = PairReach.Silent }));
        Assert.True(Score(Public, 200).Beats(Score(Lan, 1) with { Reach = PairReach.Barred }));
        Assert.False(Score(Lan, 1) with { Reach = PairReach.Barred } is var barred && barred.Beats(Score(Public, 200)));
    }

    [Fact]
    public void A_lossy_pair_loses_against_a_slower_clean_one_by_a_margin()
    {
        PairScore lossy = Score(Public, 20) with { Loss = 0.15, LossSamples = 64 };
        PairScore clean = Score(Ipv6, 60) with { LossSamples = 64 };
        Assert.True(clean.Beats(lossy));
        Assert.False(clean.Beats(lossy with { Loss = 0.03 }));
        Assert.False(clean.Beats(lossy with { LossSamples = 8 }), "eight checks say nothing");
        Assert.False((Score(Ipv6, 400) with { LossSamples = 64 }).Beats(lossy), "that much slower is worse than a loss now and then");
    }

    [Fact]
    public void Losses_are_counted_over_the_last_checks_and_an_outage_counts_as_three()
    {
        LossWindow window = default;
        for (int i = 0; i < 20; i++) window.Add(i % 10 == 5);
        Assert.Equal(0.1, window.Share, 3);

        for (int i = 0; i < 50; i++) window.Add(isLost: true);
        Assert.Equal(23, window.Samples);
        for (int i = 0; i < LossWindow.Length; i++) window.Add(isLost: false);
        Assert.Equal(0, window.Share);
    }

    private static PairScore Score(TransportAddress remote, double milliseconds)
    {
        CandidatePair pair = new(new PairId(SocketId.For(remote), remote), CandidateOrigin.Announced);
        Instant now = Start;
        for (uint i = 0; i < 30; i++)
        {
            PingId id = new(i, i);
            pair.NoteCheck(id, 0, now);
            Assert.True(pair.TryCompleteCheck(id, now + Milliseconds(milliseconds), out _));
            now += TimeSpan.FromSeconds(1);
        }

        return PairScore.Of(pair, now) with { LossSamples = 0 };
    }

    private static PairScore AnyScore(Random random)
    {
        TransportAddress remote = random.Next(3) switch
        {
            0 => TransportAddress.FromIpv4(0xc0a80000 + (uint)random.Next(1000), 5000),
            1 => TransportAddress.FromIpv6(((UInt128)0x20010db8 << 96) + (uint)random.Next(1000), 5000),
            _ => TransportAddress.FromIpv4(0xcb007100 + (uint)random.Next(250), (ushort)random.Next(1, 60_000)),
        };
        bool isLossy = random.Next(3) == 0;
        return new PairScore((PairReach)random.Next(4), random.Next(1, 8) * 10_000 * (random.Next(2) == 0 ? 1 : 0.9), new PairId(SocketId.For(remote), remote))
        {
            JitterMicroseconds = random.Next(4) * 1000,
            Loss = isLossy ? random.NextDouble() * 0.3 : 0,
            LossSamples = random.Next(65),
            IsLocal = (remote.Bits >> 16) == 0xffffc0a8,
        };
    }
}
