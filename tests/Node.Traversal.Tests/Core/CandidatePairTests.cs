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

    private void Answer(int milliseconds)
    {
        PingId id = new(++_checks, 0);
        _now += TimeSpan.FromSeconds(1);
        _pair.NoteCheck(id, 0, _now);
        Assert.True(_pair.TryCompleteCheck(id, _now + Milliseconds(milliseconds), out _));
    }
}
