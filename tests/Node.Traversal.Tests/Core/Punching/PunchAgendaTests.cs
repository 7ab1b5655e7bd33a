using Node.Traversal.Core.Punching;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Punching;

public class PunchAgendaTests
{
    private readonly PunchAgenda _agenda = new(Context(1, Map(900)), proposes: true);

    [Fact]
    public void Checks_have_their_time_before_anything_else_is_tried()
    {
        _agenda.HandleChecks(Start);
        Assert.InRange(_agenda.Next - Start, Milliseconds(200), TimeSpan.FromSeconds(1));
        Instant due = _agenda.Next;

        Assert.True(_agenda.TryWait(PunchAgenda.ChecksAlone, due));
        Assert.Equal(Start + PunchAgenda.ChecksAlone, _agenda.Next);
        Assert.False(_agenda.TryWait(PunchAgenda.ChecksAlone, _agenda.Next));
    }

    [Fact]
    public void The_end_that_does_not_propose_plans_nothing()
    {
        PunchAgenda other = new(Context(1, Map(900)), proposes: false);

        other.HandleConfirmed(Start);
        other.HandleFailed(Start);
        other.HandlePathLost(Start);

        Assert.Equal(Instant.Never, other.Next);
    }

    [Fact]
    public void Each_failure_is_followed_by_a_longer_pause_until_the_network_changes()
    {
        List<TimeSpan> pauses = [];
        for (int failure = 0; failure < 6; failure++)
        {
            _agenda.HandleFailed(Start);
            pauses.Add(_agenda.Next - Start);
        }

        Assert.Equal(6, _agenda.Failures);
        Assert.True(pauses[0] < pauses[1] && pauses[1] < pauses[2] && pauses[2] < pauses[3]);
        Assert.InRange(pauses[5], TimeSpan.FromMinutes(10), TimeSpan.FromMinutes(11));

        _agenda.HandleNetworkChange(isFree: true, Start);
        Assert.Equal(0, _agenda.Failures);
        Assert.InRange(_agenda.Next - Start, Milliseconds(1), TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void A_new_address_of_the_peer_brings_a_late_attempt_forward_and_makes_no_more_than_one_in_forty_seconds()
    {
        _agenda.HandleCandidates([Address("198.18.2.2:5000")], Start);
        for (int failure = 0; failure < 4; failure++) _agenda.HandleFailed(Start);
        Instant planned = _agenda.Next;
        Instant late = Start + TimeSpan.FromMinutes(3);
        _agenda.HandleCandidates([Address("198.18.2.2:6000")], late); // Another port is no sign.
        Assert.Equal(planned, _agenda.Next);

        _agenda.HandleCandidates([Address("198.18.2.2:6000"), Address("[2001:db8::2]:5000")], late);
        Assert.InRange(_agenda.Next - late, Milliseconds(1), TimeSpan.FromSeconds(5));

        _agenda.HandleFailed(late);
        _agenda.HandleCandidates([Address("198.18.2.3:5000")], late + Milliseconds(1));
        Assert.Equal(TimeSpan.FromSeconds(40), _agenda.Next - late);
        Assert.Equal(5, _agenda.Failures);
    }

    [Fact]
    public void A_new_address_of_the_peer_is_no_reason_to_begin()
    {
        _agenda.HandleCandidates([Address("198.18.2.2:5000")], Start);
        _agenda.HandleCandidates([Address("198.18.2.3:5000")], Start);

        Assert.Equal(Instant.Never, _agenda.Next);
    }

    [Fact]
    public void Refusals_are_asked_after_ever_more_rarely_and_once_a_minute_at_least()
    {
        TimeSpan pause = default;
        for (int refusal = 0; refusal < 20; refusal++)
        {
            _agenda.HandleRefused(Start);
            pause = _agenda.Next - Start;
        }

        Assert.InRange(pause, TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(64));

        _agenda.HandleAnswered();
        _agenda.HandleRefused(Start);
        Assert.InRange(_agenda.Next - Start, Milliseconds(500), TimeSpan.FromSeconds(2));
    }

    [Fact]
    public void An_offer_that_nobody_answers_is_no_failure_and_is_made_again_when_the_peer_is_heard()
    {
        for (int offer = 0; offer < 20; offer++) _agenda.HandleUnanswered(Start);
        Assert.Equal(0, _agenda.Failures);
        Assert.True(_agenda.MayRest);
        Assert.InRange(_agenda.Next - Start, TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(64));

        Instant heard = Start + Milliseconds(100);
        _agenda.HandleHeard(heard);
        Assert.InRange(_agenda.Next - heard, Milliseconds(1), TimeSpan.FromSeconds(5));
        Assert.False(_agenda.MayRest);
    }

    [Fact]
    public void A_peer_that_is_heard_hurries_nothing_that_was_not_for_its_absence()
    {
        _agenda.HandleFailed(Start);
        _agenda.HandleFailed(Start);
        Instant planned = _agenda.Next;

        _agenda.HandleHeard(Start);

        Assert.Equal(planned, _agenda.Next);
    }

    [Fact]
    public void A_path_that_is_lost_is_an_occasion_and_hurries_nothing_that_is_planned()
    {
        _agenda.HandlePathLost(Start);
        Assert.InRange(_agenda.Next - Start, Milliseconds(200), TimeSpan.FromSeconds(1));

        _agenda.HandleFailed(Start);
        Instant planned = _agenda.Next;
        _agenda.HandlePathLost(Start);
        Assert.Equal(planned, _agenda.Next);
    }

    [Fact]
    public void What_rests_goes_on_with_traffic()
    {
        _agenda.HandleTraffic(Start);
        Assert.Equal(Instant.Never, _agenda.Next);

        _agenda.Rest();
        _agenda.HandleTraffic(Start);
        Assert.Equal(Start, _agenda.Next);
    }
}
