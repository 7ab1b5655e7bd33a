using Addresses;
using CsCheck;
using Stun.Protocol;
using Stun.Server.Core;

namespace Stun.Server.Tests.Core;

/// <summary>Behaviour discovery (RFC 5780) as the responder decides on it.</summary>
public sealed class DiscoveryTests
{
    private const string Id = "0102030405060708090a0b0c";
    private const string Header = "2112a442" + Id;
    private const string Xored = "00200008 000183bb e112a643";
    private const string Mapped = Xored + "00010008 0001a2a9 c0000201";
    private const string OtherAddress = "802c0008 00010d97 c6336402"; // 198.51.100.2:3479.
    private static readonly TransportAddress Own = Address("198.51.100.1:3478");
    private static readonly TransportAddress Other = Address("198.51.100.2:3479");
    private static readonly TransportAddress Client = Address("192.0.2.1:41641");

    private readonly StunCounters _counters = new(StunTransport.Udp);
    private readonly SourceRateLimiter _limiter = new(2000, seed: 1);
    private readonly StunResponder _responder;
    private readonly byte[] _buffer = new byte[2048];

    public DiscoveryTests() => _responder = new StunResponder(
        new ForgedSources([Own, Other, Own.WithPort(3479), Other.WithPort(3478)]), _limiter, new AnswerOrigins(Own, Other), _counters);

    [Theory]
    [InlineData("00000000", false, false, "c6336401", "0d96")]
    [InlineData("00000002", false, true, "c6336401", "0d97")]
    [InlineData("00000004", true, false, "c6336402", "0d96")]
    [InlineData("00000006", true, true, "c6336402", "0d97")]
    public void A_change_request_says_from_where_the_answer_leaves_and_the_answer_says_so_too(string bits, bool address, bool port, string originAddress, string originPort)
    {
        (StunAnswer answer, byte[] bytes) = Answer("00010008" + Header + "00030004" + bits);

        Assert.Equal(new ChangeRequest(address, port), answer.Change);
        Assert.Equal(Hex("01010030" + Header + Mapped + "802b0008 0001" + originPort + originAddress + OtherAddress), bytes);
    }

    [Fact]
    public void A_plain_request_learns_where_else_it_can_ask()
    {
        (StunAnswer answer, byte[] bytes) = Answer("00010000" + Header);

        Assert.True(answer.IsDirect);
        Assert.Equal(Hex("01010030" + Header + Mapped + "802b0008 00010d96 c6336401" + OtherAddress), bytes);
    }

    [Fact]
    public void A_classic_client_learns_it_in_its_own_words()
    {
        (StunAnswer answer, byte[] bytes) = Answer("00010008 a1b2c3d4" + Id + "00030004 00000006");

        Assert.Equal(new ChangeRequest(true, true), answer.Change);
        Assert.Equal(Hex("01010024 a1b2c3d4" + Id + "00010008 0001a2a9 c0000201 00040008 00010d97 c6336402 00050008 00010d97 c6336402"), bytes);
    }

    [Fact]
    public void With_one_address_only_the_port_can_be_changed_and_no_other_address_is_named()
    {
        StunResponder onePort = new(new ForgedSources([Own, Own.WithPort(3479)]), _limiter, origins: null, _counters, changesPort: true);

        Assert.Equal(Hex("0101000c" + Header + Xored), AnswerOf("00010000" + Header).Bytes);
        (StunAnswer answer, byte[] bytes) = AnswerOf("00010008" + Header + "00030004 00000002");
        Assert.Equal(new ChangeRequest(false, true), answer.Change);
        Assert.Equal(Hex("0101000c" + Header + Xored), bytes);
        Assert.Equal(12345, AnswerOf("00010008" + Header + "00270004 30390000").Answer.Port);
        foreach (string change in (string[])["00000004", "00000006"])
        {
            Assert.Equal(Hex("01110010" + Header + "00090004 00000414" + "000a0002 00030000"), AnswerOf("00010008" + Header + "00030004" + change).Bytes);
        }

        Assert.Equal(new ChangeRequest(false, true), AnswerOf("00010010" + Header + "00030004 00000002" + "00030004 00000006").Answer.Change); // The first counts (RFC 8489 §14).

        (StunAnswer Answer, byte[] Bytes) AnswerOf(string request)
        {
            byte[] message = Hex(request);
            message.CopyTo(_buffer, 0);
            StunAnswer given = onePort.Answer(_buffer, message.Length, Client, Own, default);
            return (given, _buffer[..given.Length]);
        }
    }

    [Fact]
    public void A_response_port_is_where_the_answer_goes()
    {
        (StunAnswer answer, byte[] bytes) = Answer("00010008" + Header + "00270004 30390000");

        Assert.Equal(12345, answer.Port);
        Assert.Equal(Hex(Mapped), bytes[20..44]); // Still the port that asked.
        Assert.True(Answer("00010008" + Header + "00270004 a2a90000").Answer.IsDirect); // The port that asked.
    }

    [Theory]
    [InlineData("00010008" + Header + "00270004 03ff0000", "a port of a service")]
    [InlineData("00010008" + Header + "00270004 00000000", "no port")]
    [InlineData("00010008" + Header + "00270003 30390000", "a port of another length")]
    [InlineData("00010008" + Header + "00030003 00000000", "a change of another length")]
    [InlineData("00010010" + Header + "00270004 30390000 00260004 00000000", "padding to another port")]
    public void What_makes_no_sense_gets_400(string request, string why)
    {
        (StunAnswer answer, byte[] bytes) = Answer(request);

        Assert.True(answer.IsDirect, why);
        Assert.Equal(Hex("01110008" + Header + "00090004 00000400"), bytes);
        Assert.Equal(1, _counters.Answers(isIpv4: true, StunAnswerKind.BadRequest));
    }

    [Fact]
    public void Of_two_the_first_counts()
    {
        Assert.Equal(new ChangeRequest(false, true), Answer("00010010" + Header + "00030004 00000002 00030004 00000006").Answer.Change);
        Assert.Equal(12345, Answer("00010010" + Header + "00270004 30390000 00270004 00350000").Answer.Port);
    }

    [Fact]
    public void An_answer_to_ourselves_is_not_made()
    {
        Hex("00010008" + Header + "00270004 0d960000").CopyTo(_buffer, 0);

        Assert.Equal(0, _responder.Answer(_buffer, 28, Own.WithPort(5000), Own, default).Length);
        Assert.Equal(1, _counters.Drops(StunDropReason.ForgedSource));
    }

    [Fact]
    public void Padding_is_as_long_as_was_sent_in_whole_words_and_zero()
    {
        (_, byte[] bytes) = Answer("0001000c" + Header + "00260006 ffffffffffff0000");

        Assert.Equal(Hex("01010038" + Header + Mapped + "802b0008 00010d96 c6336401" + OtherAddress + "00260004 00000000"), bytes);
    }

    [Fact]
    public void Padding_is_never_longer_than_was_sent() =>
        Gen.Int[0, 2000].Sample(
            length =>
            {
                int padded = (length + 3) & ~3;
                byte[] request = [0, 1, (byte)((padded + 4) >> 8), (byte)(padded + 4), .. Hex(Header), 0, 0x26, (byte)(length >> 8), (byte)length, .. new byte[padded]];
                (_, byte[] bytes) = Answer(Convert.ToHexString(request));
                var attributes = new StunAttributeReader(bytes.AsSpan(StunHeader.Length));
                int found = -1;
                while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
                {
                    if (type == StunAttributeType.Padding) found = value.Length;
                }

                Assert.InRange(found, 0, length);
                Assert.Equal(0, found % 4);
            },
            iter: 300,
            threads: 1);

    [Fact]
    public void Answers_from_elsewhere_are_limited_hardest()
    {
        int answers = Enumerable.Range(0, 100).Count(_ => Answer("00010008" + Header + "00030004 00000006").Bytes.Length > 0);

        Assert.Equal(20, answers);
        Assert.Equal(80, _counters.Drops(StunDropReason.MovedRateLimited));
        Assert.NotEmpty(Answer("00010000" + Header).Bytes);
        Assert.Empty(Answer("00010008" + Header + "00270004 30390000").Bytes); // The same bucket.
    }

    private (StunAnswer Answer, byte[] Bytes) Answer(string hex)
    {
        byte[] request = Hex(hex);
        _buffer.AsSpan().Fill(0xee); // Whatever lay there before must not show.
        request.CopyTo(_buffer, 0);
        StunAnswer answer = _responder.Answer(_buffer, request.Length, Client, Own, default);
        return (answer, _buffer[..answer.Length]);
    }

    private static TransportAddress Address(string text) =>
        TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    private static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
