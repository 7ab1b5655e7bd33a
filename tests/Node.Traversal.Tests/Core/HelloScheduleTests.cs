using Node.Traversal.Core.Peers;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class HelloScheduleTests
{
    private readonly HelloSchedule _hellos = new();

    [Fact]
    public void News_that_waits_for_its_turn_goes_although_the_peer_is_heard_meanwhile()
    {
        _hellos.Plan(Start);
        _hellos.HandleSent(Start, TimeSpan.Zero);
        Instant soon = Start + Milliseconds(1);

        _hellos.Plan(soon);
        _hellos.HandleHeard();

        Assert.Equal(Start + HelloSchedule.MinGap, _hellos.Next);
    }

    [Fact]
    public void A_question_is_not_repeated_once_the_peer_is_heard()
    {
        _hellos.Ask(Start);
        _hellos.HandleSent(Start, TimeSpan.Zero);

        _hellos.HandleHeard();

        Assert.Null(_hellos.Next);
        Assert.False(_hellos.IsAwaiting);
    }
}
