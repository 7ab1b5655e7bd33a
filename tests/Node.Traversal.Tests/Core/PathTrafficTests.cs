using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class PathTrafficTests
{
    private static readonly SelectedPath Direct = SelectedPath.Direct(new PairId(SocketId.Ipv4, Address("198.18.2.2:5000")), 900, isSuspect: false);

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
        Assert.False(_traffic.IsAlsoByRelay(Direct, Start));

        _traffic.NoteReceivedByRelay(Start, isDirect: true);

        Assert.True(_traffic.IsAlsoByRelay(Direct, Start));
        Assert.True(_traffic.IsAlsoByRelay(Direct, Start + PathTraffic.AnswerOnBothFor - Milliseconds(1)));
        Assert.False(_traffic.IsAlsoByRelay(Direct, Start + PathTraffic.AnswerOnBothFor));
    }

    [Fact]
    public void A_suspect_path_always_has_the_relay_beside_it_and_a_relayed_peer_changes_nothing()
    {
        Assert.True(_traffic.IsAlsoByRelay(Direct with { IsSuspect = true }, Start));

        _traffic.NoteReceivedByRelay(Start, isDirect: false);

        Assert.False(_traffic.IsAlsoByRelay(Direct, Start));
    }

    [Fact]
    public void Noting_allocates_nothing()
    {
        SelectedPath path = Direct;
        Note(path); // The first round also makes code and types.
        long before = GC.GetAllocatedBytesForCurrentThread();

        Note(path);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private void Note(SelectedPath path)
    {
        for (int i = 0; i < 1000; i++)
        {
            _traffic.NoteSent(Start + Milliseconds(i));
            _traffic.NoteReceivedDirect(Start + Milliseconds(i));
            _traffic.IsAlsoByRelay(path, Start);
        }
    }
}
