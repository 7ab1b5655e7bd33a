using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class OutgoingChecksTests
{
    private readonly CandidatePair _pair = new(new PairId(SocketId.Ipv4, Address("198.18.2.2:5000")), CandidateOrigin.Announced);
    private readonly OutgoingChecks _checks = new(new PathTraffic(), Entropy(1)) { OpensFirst = true };

    [Fact]
    public void No_pair_is_checked_again_at_once()
    {
        Assert.True(_checks.TryCheck(_pair, isSelected: false, Start));
        Assert.False(_checks.TryCheck(_pair, isSelected: false, Start + Milliseconds(39)));
        Assert.True(_checks.TryCheck(_pair, isSelected: false, Start + Milliseconds(40)));

        Assert.Equal(2, Sent().Length);
    }

    [Fact]
    public void The_first_check_to_where_nothing_was_heard_from_is_an_opener_and_another_follows_soon()
    {
        _checks.TryCheck(_pair, isSelected: false, Start);
        Assert.Equal(Start + PunchTiming.OpenerLead, _checks.NextAfterOpener);
        _checks.TakeAfterOpener();
        _checks.TryCheck(_pair, isSelected: false, Start + PunchTiming.OpenerLead);

        Assert.Equal([OpenerHops.Usual, 0], Sent().Select(check => check.Ttl));
        Assert.Null(_checks.NextAfterOpener);
    }

    [Theory]
    [InlineData(true, false, true)] // Something was heard from there: its way is open.
    [InlineData(false, true, true)]
    [InlineData(false, false, false)] // A peer that takes no plans does not know of openers.
    public void Where_the_way_is_open_or_the_peer_does_not_do_the_same_there_is_no_opener(bool isOpened, bool isSelected, bool opensFirst)
    {
        _pair.IsOpened = isOpened;
        _checks.OpensFirst = opensFirst;

        _checks.TryCheck(_pair, isSelected, Start);

        Assert.Equal([0], Sent().Select(check => check.Ttl));
        Assert.Null(_checks.NextAfterOpener);
    }

    [Fact]
    public void A_padded_check_says_nothing_of_the_pair()
    {
        _checks.AddPadded(_pair.Id, _checks.NewId(), 1400);

        Assert.Null(_pair.LastCheck);
        Assert.Equal(1400, Assert.Single(Sent()).PacketLength);
    }

    private PathCheck[] Sent()
    {
        List<PathCheck> sent = [];
        while (_checks.TryDequeue(out PathCheck check)) sent.Add(check);
        return [.. sent];
    }
}
