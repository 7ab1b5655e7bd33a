using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Peers;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class RelayProofTests
{
    private readonly PathTraffic _traffic = new();
    private readonly RelayProof _proof;

    public RelayProofTests() => _proof = new RelayProof(_traffic);

    [Fact]
    public void Nothing_is_awaited_before_something_is_wrong()
    {
        Assert.False(_proof.IsAwaited(Start));
        _proof.Update(isDirectWell: false, Start); // There was no direct path yet.
        Assert.False(_proof.IsAwaited(Start));
        _proof.Update(isDirectWell: true, Start);
        Assert.False(_proof.IsAwaited(Start));
    }

    [Fact]
    public void A_direct_path_that_falls_into_doubt_has_the_peer_awaited_until_it_is_heard_by_relay()
    {
        _proof.Update(isDirectWell: true, Start);
        _traffic.NoteReceivedByRelay(Start, isDirect: true);
        _proof.Update(isDirectWell: false, Start + Milliseconds(1));
        _traffic.NoteReceivedDirect(Start + Milliseconds(2)); // Says nothing for the relay.
        Assert.True(_proof.IsAwaited(Start + Milliseconds(2)));

        _traffic.NoteReceivedByRelay(Start + Milliseconds(3), isDirect: true);

        Assert.False(_proof.IsAwaited(Start + Milliseconds(3)));
    }

    [Fact]
    public void A_message_by_relay_and_a_path_that_is_well_again_end_it_too()
    {
        _proof.Doubt(Start);
        _proof.HandleHeard();
        Assert.False(_proof.IsAwaited(Start));

        _proof.Doubt(Start);
        _proof.Update(isDirectWell: true, Start);
        Assert.False(_proof.IsAwaited(Start));
    }

    [Fact]
    public void A_peer_that_has_nothing_to_say_is_not_awaited_for_ever()
    {
        _proof.Doubt(Start);

        Assert.True(_proof.IsAwaited(Start + RelayProof.WaitsFor - Milliseconds(1)));
        Assert.False(_proof.IsAwaited(Start + RelayProof.WaitsFor));
    }
}
