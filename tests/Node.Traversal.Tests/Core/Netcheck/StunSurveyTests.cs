using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Netcheck;

public class StunSurveyTests
{
    private static readonly StunServerAddress[] Servers = [.. Enumerable.Range(1, 5).Select(region => new StunServerAddress(region, Address($"203.0.113.{region}:3478")))];
    private static readonly TransportAddress Mapped = Address("198.51.100.7:40000");

    private readonly StunSurvey _survey = new(ProbePlan.Full(new ProbeKnowledge(Servers)), Entropy(1), Start);
    private readonly Dictionary<TransportAddress, TransactionId> _asked = [];

    [Fact]
    public void Every_region_is_waited_for_to_the_end_of_the_plan()
    {
        Ask(Start);
        for (int i = 0; i < 4; i++) Answer(Servers[i], Start + Milliseconds(10));

        Assert.False(_survey.IsOver(Start + Milliseconds(1499)));
        Ask(Start + Milliseconds(200));
        Answer(Servers[4], Start + Milliseconds(900));

        Assert.True(_survey.IsOver(Start + Milliseconds(900)));
        Assert.Equal(5, _survey.Answers.Count);
        Assert.Equal(Milliseconds(700), new StunSurveyResult(UdpState.Works, _survey.Answers).LatencyOf(5)); // Of the second try.
    }

    [Fact]
    public void Only_the_server_that_was_asked_is_believed_and_once()
    {
        Ask(Start);
        Answer(Servers[0], Start + Milliseconds(10));
        Answer(Servers[0], Start + Milliseconds(20));
        Respond(Servers[2].Address, _asked[Servers[1].Address], Start + Milliseconds(20));

        Assert.Equal([new StunSurveyAnswer(Servers[0], Mapped, Milliseconds(10))], _survey.Answers);
    }

    [Fact]
    public void Of_two_round_trips_to_a_server_the_shorter_counts_and_the_first_says_how_we_are_seen()
    {
        TransportAddress other = Mapped.WithPort(40001);
        StunSurveyResult first = new(UdpState.Works, [Of(0, 60, Mapped), Of(1, 5, Mapped), Of(2, 70, Mapped)]);
        StunSurveyResult again = new(UdpState.Works, [Of(0, 1, other), Of(1, 9, other)]);

        Assert.Equal([Of(0, 1, Mapped), Of(1, 5, Mapped), Of(2, 70, Mapped)], first.WithShorterOf(again).Answers);

        static StunSurveyAnswer Of(int server, int milliseconds, TransportAddress mapped) => new(Servers[server], mapped, Milliseconds(milliseconds));
    }

    private void Ask(Instant now)
    {
        _survey.HandleTimeout(now);
        while (_survey.TryDequeueTransmit(out Transmit transmit))
        {
            Assert.True(StunHeader.TryRead(transmit.Payload, out StunHeader header));
            _asked[transmit.Destination] = header.TransactionId;
        }
    }

    private void Answer(StunServerAddress server, Instant at) => Respond(server.Address, _asked[server.Address], at);

    private void Respond(TransportAddress source, TransactionId id, Instant at)
    {
        byte[] response = new byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(response, id, Mapped);
        _survey.HandleDatagram(source, response.AsSpan(0, length), at);
    }
}
