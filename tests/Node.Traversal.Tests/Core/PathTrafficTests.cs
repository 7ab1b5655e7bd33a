using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PathTrafficTests
{
    private static readonly SelectedPath Direct = SelectedPath.Direct(new PairId(SocketId.Ipv4, Address("198.18.2.2:5000")), 900, isSuspect: false);

    private static readonly TimeSpan AnswerTakes = Milliseconds(130);

    private readonly PathTraffic _traffic = new();

    [Fact]
    public void The_core_is_told_once_and_again_after_it_has_stopped_watching()
    {
        Assert.True(_traffic.NoteSent(Start));
        Assert.False(_traffic.NoteSent(Start));
        Assert.False(_traffic.NoteReceivedDirect(Start));
        Assert.False(_traffic.NoteReceivedByRelay(Start, isDirect: false));

        _traffic.StopWatching();

        Assert.True(_traffic.NoteReceivedDirect(Start));
        Assert.False(_traffic.NoteSent(Start));
    }

    [Fact]
    public void Silence_counts_from_the_first_packet_that_nothing_came_back_for()
    {
        Assert.Null(_traffic.UnansweredSince);
        _traffic.NoteSent(Start);
        _traffic.NoteSent(Start + Milliseconds(10));
        Assert.Equal(Start, _traffic.UnansweredSince);
        Assert.Equal(Start + Milliseconds(10), _traffic.LastSent);

        _traffic.NoteReceivedByRelay(Start + Milliseconds(20), isDirect: true); // Says nothing for the direct path.
        Assert.Equal(Start, _traffic.UnansweredSince);
        _traffic.NoteReceivedDirect(Start + Milliseconds(30));

        Assert.Null(_traffic.UnansweredSince);
        Assert.Equal(Start + Milliseconds(20), _traffic.LastReceivedByRelay);
        Assert.Equal(Start + Milliseconds(30), _traffic.LastReceivedDirect);
    }

    [Fact]
    public void What_comes_by_relay_from_a_direct_peer_is_answered_both_ways_for_a_second()
    {
        Assert.Equal(0, _traffic.CopiesByRelay(Direct, 3, Start));

        _traffic.NoteReceivedByRelay(Start, isDirect: true);

        Assert.Equal(3, _traffic.CopiesByRelay(Direct, 3, Start));
        Assert.Equal(3, _traffic.CopiesByRelay(Direct, 3, Start + PathTraffic.AnswerOnBothFor - Milliseconds(1)));
        Assert.Equal(0, _traffic.CopiesByRelay(Direct, 3, Start + PathTraffic.AnswerOnBothFor));
    }

    [Fact]
    public void A_suspect_path_always_has_the_relay_beside_it_and_a_relayed_peer_changes_nothing()
    {
        Assert.Equal(3, _traffic.CopiesByRelay(Direct with { IsSuspect = true }, 3, Start));

        _traffic.NoteReceivedByRelay(Start, isDirect: false);

        Assert.Equal(0, _traffic.CopiesByRelay(Direct, 3, Start));
    }

    [Fact]
    public void The_next_packet_after_one_without_an_answer_goes_both_ways_and_is_held()
    {
        _traffic.NoteAnswered(Start, AnswerTakes);
        _traffic.NoteSent(Start);
        Assert.Equal(0, _traffic.CopiesByRelay(Direct, 3, Start + AnswerTakes));
        Assert.False(_traffic.MustHold(Direct, isQueued: true, Start + AnswerTakes));

        Instant late = Start + AnswerTakes + Milliseconds(1);
        Assert.Equal(3, _traffic.CopiesByRelay(Direct, 3, late));
        Assert.True(_traffic.MustHold(Direct, isQueued: true, late));
        Assert.Equal(EarlyCopies.Burst - 3, _traffic.CopiesByRelay(Direct, 64, late));
    }

    [Fact]
    public void Data_in_time_is_an_answer_and_later_data_is_none()
    {
        _traffic.NoteAnswered(Start, AnswerTakes);
        _traffic.NoteSent(Start);
        _traffic.NoteReceivedDirect(Start + AnswerTakes);
        Assert.Null(_traffic.UnansweredSince);

        _traffic.NoteSent(Start + Milliseconds(200));
        _traffic.NoteReceivedDirect(Start + Milliseconds(400)); // The next question, not the answer.

        Assert.Equal(Start + Milliseconds(200), _traffic.UnansweredSince);
    }

    [Fact]
    public void An_answered_check_answers_for_what_went_before_it_and_for_nothing_after()
    {
        _traffic.NoteSent(Start);
        _traffic.NoteAnswered(Start - Milliseconds(1), AnswerTakes);
        Assert.Equal(Start, _traffic.UnansweredSince);

        _traffic.NoteSent(Start + Milliseconds(20));
        _traffic.NoteAnswered(Start + Milliseconds(10), AnswerTakes);
        Assert.Equal(Start + Milliseconds(20), _traffic.UnansweredSince);

        _traffic.NoteAnswered(Start + Milliseconds(30), AnswerTakes);
        Assert.Null(_traffic.UnansweredSince);
    }

    [Fact]
    public void Copies_end_when_the_peer_says_that_packets_arrive_and_its_last_ones_do_not_begin_them_anew()
    {
        _traffic.NoteArrives(Start); // There were none: the peer's next one is answered both ways all the same.
        _traffic.NoteReceivedByRelay(Start, isDirect: true);
        Assert.True(_traffic.AnswersOnBoth(Start));

        _traffic.NoteArrives(Start);
        _traffic.NoteReceivedByRelay(Start + PathTraffic.AssuredFor - Milliseconds(1), isDirect: true);
        Assert.False(_traffic.AnswersOnBoth(Start + PathTraffic.AssuredFor));

        _traffic.NoteReceivedByRelay(Start + PathTraffic.AssuredFor, isDirect: true);
        Assert.True(_traffic.AnswersOnBoth(Start + PathTraffic.AssuredFor));
    }

    [Fact]
    public void Noting_allocates_nothing()
    {
        SelectedPath path = Direct;

        Assert.Equal(0, Allocated.AtBestBy(() => Note(path)));
    }

    private void Note(SelectedPath path)
    {
        for (int i = 0; i < 1000; i++)
        {
            _traffic.NoteSent(Start + Milliseconds(i));
            _traffic.NoteReceivedDirect(Start + Milliseconds(i));
            _traffic.CopiesByRelay(path, 3, Start);
        }
    }
}
