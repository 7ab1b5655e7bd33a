using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class CandidatePairTests
{
    private readonly CandidatePair _pair = new(new PairId(SocketId.Ipv4, Address("198.18.2.2:5000")), CandidateOrigin.Announced);
    private Instant _now = Start;
    private uint _checks;

    [Fact]
    public void First_answers_that_came_late_do_not_lengthen_the_round_trip()
    {
        Answer(90);
        Answer(40);
        Answer(11);
        Answer(10);
        Answer(35);

        Assert.Equal(Milliseconds(10), _pair.Rtt);
    }

    [Fact]
    public void Later_answers_are_smoothed_both_ways()
    {
        for (int i = 0; i < 8; i++) Answer(10);

        Answer(18);
        Assert.Equal(Milliseconds(11), _pair.Rtt);
        Answer(3);
        Assert.Equal(Milliseconds(10), _pair.Rtt);
    }

    [Fact]
    public void What_waited_for_a_peer_that_slept_does_not_lengthen_the_round_trip()
    {
        for (int i = 0; i < 8; i++) Answer(10);

        PingId[] waiting = [.. Enumerable.Range(0, 20).Select(_ => Ask())]; // All at once: it wakes.
        foreach (PingId check in waiting) Assert.True(_pair.TryCompleteCheck(check, _now + TimeSpan.FromSeconds(2), out _));

        Assert.Equal(Milliseconds(10), _pair.Rtt);
    }

    [Fact]
    public void A_way_that_has_become_much_longer_is_measured_all_the_same()
    {
        for (int i = 0; i < 8; i++) Answer(10);

        Answer(810);
        Assert.Equal(Milliseconds(10), _pair.Rtt);
        Answer(810);
        Assert.Equal(Milliseconds(110), _pair.Rtt);
    }

    private PingId Ask()
    {
        PingId id = new(++_checks, 0);
        _now += Milliseconds(100);
        _pair.NoteCheck(id, 0, _now);
        return id;
    }

    private void Answer(int milliseconds)
    {
        PingId id = new(++_checks, 0);
        _now += TimeSpan.FromSeconds(1);
        _pair.NoteCheck(id, 0, _now);
        Assert.True(_pair.TryCompleteCheck(id, _now + Milliseconds(milliseconds), out _));
    }
}
