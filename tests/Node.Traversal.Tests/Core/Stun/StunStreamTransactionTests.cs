using System.Buffers.Binary;
using Addresses;
using CsCheck;
using Node.Traversal.Core.Stun;
using Stun.Protocol;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core.Stun;

public class StunStreamTransactionTests
{
    private static readonly TransportAddress Mapped = Address("[2001:db8::7]:40000");

    private readonly StunStreamTransaction _transaction = new(random => random.Fill(7));

    [Fact]
    public void An_answer_is_found_a_byte_at_a_time_and_behind_others()
    {
        byte[] stream = [.. Answer(new TransactionId(1, 1)), .. Answer(OwnId()), .. Answer(new TransactionId(2, 2))];

        foreach (byte next in stream) _transaction.Handle([next]);

        Assert.Equal(StunAnswerKind.Success, _transaction.Kind);
        Assert.Equal(Mapped, _transaction.Answer!.Mapped);
    }

    [Fact]
    public void Two_messages_in_one_piece_are_two()
    {
        _transaction.Handle([.. Answer(new TransactionId(1, 1)), .. Answer(OwnId())]);

        Assert.Equal(StunAnswerKind.Success, _transaction.Kind);
    }

    [Fact]
    public void A_stream_that_is_not_stun_is_given_up()
    {
        _transaction.Handle("HTTP/1.1 400 Bad Request\r\n\r\n"u8);

        Assert.Equal(StunAnswerKind.Damaged, _transaction.Kind);
    }

    [Fact]
    public void A_message_too_long_to_be_an_answer_is_given_up_before_it_is_there()
    {
        byte[] header = Answer(OwnId())[..StunHeader.Length];
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), 60000);

        _transaction.Handle(header);

        Assert.Equal(StunAnswerKind.Damaged, _transaction.Kind);
    }

    [Fact]
    public void A_server_that_only_talks_of_other_things_is_given_up()
    {
        for (uint i = 0; i < 100; i++) _transaction.Handle(Answer(new TransactionId(i, 1)));

        Assert.Equal(StunAnswerKind.Damaged, _transaction.Kind);
    }

    [Fact]
    public void Any_bytes_are_taken_without_harm() => Gen.Byte.Array[0, 5000].Sample(bytes =>
    {
        StunStreamTransaction transaction = new(random => random.Fill(7));
        transaction.Handle(Answer(new TransactionId(1, 1)));
        transaction.Handle(bytes);
    });

    private TransactionId OwnId()
    {
        Assert.True(StunHeader.TryRead(_transaction.Request.Span, out StunHeader header));
        return header.TransactionId;
    }

    private static byte[] Answer(TransactionId id)
    {
        byte[] buffer = new byte[StunBindingResponse.MaxLength];
        return buffer[..StunBindingResponse.Write(buffer, id, Mapped)];
    }
}
