using System.Net.Sockets;
using Addresses;
using CsCheck;
using Node.Traversal.Core;
using Node.Traversal.Core.Stun;
using Stun.Protocol;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Stun;

public class StunTransactionsTests
{
    private static readonly TransportAddress Server = Address("203.0.113.1:3478");
    private static readonly TransportAddress Elsewhere = Address("203.0.113.2:3478");
    private static readonly TransportAddress Mapped = Address("198.51.100.7:40000");
    private static readonly TransactionId Id = new(1, 2);

    private readonly StunTransactions _transactions = new();
    private readonly List<double> _sentAt = [];
    private Instant _now = Start;

    [Fact]
    public void A_request_is_sent_again_as_the_rfc_says_and_given_up_after_39_and_a_half_seconds()
    {
        Begin();

        StunOutcome outcome = RunToTheEnd();

        Assert.Equal([0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5], _sentAt);
        Assert.Equal(StunOutcomeKind.TimedOut, outcome.Kind);
        Assert.Equal(39.5, (_now - Start).TotalSeconds);
        Assert.Equal((7, 6), _transactions.Requests);
        Assert.Null(_transactions.NextTimeout);
    }

    [Fact]
    public void An_answer_ends_it_and_a_second_one_is_late()
    {
        Begin();
        _now += Milliseconds(30);

        Receive(Answer(Id));
        Receive(Answer(Id));

        StunOutcome outcome = Outcome();
        Assert.Equal(StunOutcomeKind.Answered, outcome.Kind);
        Assert.Equal(Mapped, outcome.Answer!.Mapped);
        Assert.Equal(Milliseconds(30), outcome.Rtt);
        Assert.Equal(1, _transactions.Ignored.Late);
        Assert.Null(_transactions.NextTimeout);
    }

    [Fact]
    public void The_time_of_a_repeated_request_is_nobodys_because_either_may_have_been_answered()
    {
        Begin();
        _now += Milliseconds(500);
        _transactions.HandleTimeout(_now);

        Receive(Answer(Id));

        Assert.Null(Outcome().Rtt);
    }

    [Fact]
    public void An_answer_from_another_address_does_not_count_and_is_told_at_the_end()
    {
        Begin();

        Receive(Answer(Id), from: Elsewhere);
        Receive(Answer(Id), from: Server.WithPort(3479));
        StunOutcome outcome = RunToTheEnd();

        Assert.Equal(StunOutcomeKind.TimedOut, outcome.Kind);
        Assert.Equal(Server.WithPort(3479), outcome.Elsewhere);
        Assert.Equal(2, _transactions.Ignored.FromElsewhere);
    }

    [Fact]
    public void An_answer_from_another_address_counts_where_it_was_asked_for()
    {
        Begin(answerFrom: Elsewhere);

        Receive(Answer(Id));
        Assert.False(_transactions.TryDequeueEvent(out _));
        Receive(Answer(Id), from: Elsewhere);

        Assert.Equal(StunOutcomeKind.Answered, Outcome().Kind);
    }

    [Fact]
    public void An_answer_on_another_socket_does_not_count()
    {
        Begin();

        _transactions.HandleDatagram(new SocketId(7), Server, Answer(Id), _now);

        Assert.False(_transactions.TryDequeueEvent(out _));
        Assert.Equal(1, _transactions.Ignored.FromElsewhere);
    }

    [Fact]
    public void What_answers_nothing_is_forged_and_what_is_no_answer_is_counted_too()
    {
        Begin();
        byte[] request = new byte[StunBindingRequest.Length];
        StunBindingRequest.Write(request, Id);

        Receive(Answer(new TransactionId(3, 4)));
        Receive(request);
        Receive([1, 2, 3]);

        Assert.Equal(1, _transactions.Ignored.Forged);
        Assert.Equal(2, _transactions.Ignored.NotAnswers);
        Assert.False(_transactions.TryDequeueEvent(out _));
    }

    [Fact]
    public void A_damaged_answer_is_as_good_as_none_and_the_good_one_still_counts()
    {
        Begin();

        Receive(Message(StunMessageType.BindingSuccess, (ref writer) => { }));
        Receive(Message(StunMessageType.BindingSuccess, (ref writer) =>
        {
            XorMappedAddress.AddTo(ref writer, Id, Mapped);
            writer.Add(StunAttributeType.Fingerprint, [1, 2, 3, 4]);
        }));
        Receive(Message(StunMessageType.BindingSuccess, (ref writer) => writer.Add(StunAttributeType.XorMappedAddress, [0, 1, 2])));
        Receive(Message(StunMessageType.BindingError, (ref writer) => { }));
        Receive(Answer(Id));

        Assert.Equal(StunOutcomeKind.Answered, Outcome().Kind);
        Assert.Equal(4, _transactions.Ignored.Damaged);
    }

    [Theory]
    [InlineData(420)]
    [InlineData(300)] // An alternate server is not followed.
    [InlineData(500)]
    public void A_refusal_is_told_with_its_number(int number)
    {
        Begin();

        Receive(Message(StunMessageType.BindingError, (ref writer) => new StunErrorCode(number).AddTo(ref writer)));

        StunOutcome outcome = Outcome();
        Assert.Equal(StunOutcomeKind.Refused, outcome.Kind);
        Assert.Equal(number, outcome.Error.Number);
    }

    [Fact]
    public void An_answer_due_on_another_socket_counts_there_and_a_refusal_where_it_was_asked()
    {
        SocketId asker = new(1), other = new(2);
        StunRequest request = new(Id, asker, Server, Server, [1]) { AnswerTo = other };
        _transactions.Begin(request, StunRetransmission.Standard, _now);

        _transactions.HandleDatagram(asker, Server, Answer(Id), _now);
        Assert.False(_transactions.TryDequeueEvent(out _));
        Assert.Equal(1, _transactions.Ignored.FromElsewhere);
        _transactions.HandleDatagram(other, Server, Answer(Id), _now);
        Assert.Equal(StunOutcomeKind.Answered, Outcome().Kind);

        byte[] buffer = new byte[64];
        StunMessageWriter refusal = new(buffer, StunMessageType.BindingError, Id);
        StunErrorCode.UnknownAttribute.AddTo(ref refusal);
        _transactions.Begin(request, StunRetransmission.Standard, _now);
        _transactions.HandleDatagram(asker, Server, refusal.Written, _now);
        Assert.Equal(StunOutcomeKind.Refused, Outcome().Kind);
    }

    [Fact]
    public void An_answer_that_must_be_understood_and_is_not_fails()
    {
        Begin();

        Receive(Message(StunMessageType.BindingSuccess, (ref writer) =>
        {
            XorMappedAddress.AddTo(ref writer, Id, Mapped);
            writer.Add((StunAttributeType)0x7000, [1]);
        }));

        Assert.Equal(StunOutcomeKind.NotUnderstood, Outcome().Kind);
    }

    [Fact]
    public void A_classic_server_is_understood()
    {
        Begin();

        Receive(Message(StunMessageType.BindingSuccess, (ref writer) =>
        {
            MappedAddress.AddTo(ref writer, StunAttributeType.MappedAddress, Mapped);
            MappedAddress.AddTo(ref writer, StunAttributeType.SourceAddress, Server);
            MappedAddress.AddTo(ref writer, StunAttributeType.ChangedAddress, Elsewhere);
            writer.Add(StunAttributeType.Software, "old\u0007one\0"u8);
        }));

        StunAnswer answer = Outcome().Answer!;
        Assert.Equal(new StunAnswer(Mapped, Elsewhere, Server, "old?one"), answer);
    }

    [Fact]
    public void Nobody_listening_ends_it_at_once_and_no_way_for_the_moment_is_told_at_the_end()
    {
        Begin();
        _transactions.HandleProblem(default, Elsewhere, SocketError.ConnectionRefused, isFinal: true, _now);
        _transactions.HandleProblem(default, Server, SocketError.HostUnreachable, isFinal: false, _now);
        Assert.False(_transactions.TryDequeueEvent(out _));
        StunOutcome waited = RunToTheEnd();
        Assert.Equal((StunOutcomeKind.TimedOut, SocketError.HostUnreachable), (waited.Kind, waited.Problem));

        Begin();
        _transactions.HandleProblem(default, Server, SocketError.ConnectionRefused, isFinal: true, _now);
        Assert.Equal((StunOutcomeKind.Unreachable, SocketError.ConnectionRefused), (Outcome() is var outcome ? outcome.Kind : default, outcome.Problem));
    }

    [Fact]
    public void Any_bytes_are_taken_without_harm() => Gen.Byte.Array[0, 200].Sample(bytes =>
    {
        StunTransactions transactions = new();
        transactions.Begin(new StunRequest(Id, default, Server, Server, []), StunRetransmission.Standard, Start);
        byte[] withHeader = Message(StunMessageType.BindingSuccess, (ref writer) => { });
        byte[] whole = [.. withHeader, .. bytes];
        whole[2] = (byte)(bytes.Length >> 8);
        whole[3] = (byte)(bytes.Length & ~3);
        transactions.HandleDatagram(default, Server, bytes, Start);
        transactions.HandleDatagram(default, Server, whole, Start);
    });

    private void Begin(TransportAddress answerFrom = default)
    {
        StunRequest request = new(Id, default, Server, answerFrom.IsValid ? answerFrom : Server, [1]);
        _transactions.Begin(request, StunRetransmission.Standard, _now);
        Drain();
    }

    private StunOutcome RunToTheEnd()
    {
        StunOutcome? outcome;
        while (!_transactions.TryDequeueEvent(out outcome))
        {
            _now = _transactions.NextTimeout!.Value;
            _transactions.HandleTimeout(_now);
            Drain();
        }

        return outcome!;
    }

    private void Drain()
    {
        while (_transactions.TryDequeueTransmit(out Transmit transmit))
        {
            Assert.Equal(Server, transmit.Destination);
            _sentAt.Add((_now - Start).TotalSeconds);
        }
    }

    private StunOutcome Outcome()
    {
        Assert.True(_transactions.TryDequeueEvent(out StunOutcome? outcome));
        return outcome!;
    }

    private void Receive(byte[] datagram, TransportAddress from = default) =>
        _transactions.HandleDatagram(default, from.IsValid ? from : Server, datagram, _now);

    private static byte[] Answer(TransactionId id)
    {
        byte[] buffer = new byte[StunBindingResponse.MaxLength];
        return buffer[..StunBindingResponse.Write(buffer, id, Mapped)];
    }

    private delegate void Filling(ref StunMessageWriter writer);

    private static byte[] Message(StunMessageType type, Filling fill)
    {
        byte[] buffer = new byte[256];
        StunMessageWriter writer = new(buffer, type, Id);
        fill(ref writer);
        return writer.Written.ToArray();
    }
}
