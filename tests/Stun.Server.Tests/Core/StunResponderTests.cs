using Addresses;
using CsCheck;
using Stun.Protocol;
using Stun.Server.Core;
using Timing;

namespace Stun.Server.Tests.Core;

public sealed class StunResponderTests
{
    private const string Id = "0102030405060708090a0b0c";
    private const string GoldenRequest = "00010014 2112a442" + Id + "80220008 7461696c6e6f6465 80280004 b32c370f";
    private const string GoldenResponse = "0101000c 2112a442" + Id + "00200008 000183bb e112a643";
    private static readonly TransportAddress Own = Address("198.51.100.1:3478");
    private static readonly TransportAddress Client = Address("192.0.2.1:41641");

    private readonly StunCounters _counters = new(StunTransport.Udp);
    private readonly StunResponder _responder;
    private readonly byte[] _buffer = new byte[2048];

    public StunResponderTests() => _responder = new StunResponder(
        new ForgedSources([Own, Address("[2001:db8::53]:3478"), Address("[fe80::53]:3478")]), new SourceRateLimiter(requestsPerSecond: 0, seed: 1), origins: null, _counters);

    [Fact]
    public void The_request_of_stock_clients_gets_the_golden_answer()
    {
        Assert.Equal(Hex(GoldenResponse), Answer(GoldenRequest, Client));
        Assert.Equal(1, _counters.Answers(isIpv4: true, StunAnswerKind.Success));
    }

    [Fact]
    public void An_ipv6_client_gets_family_2()
    {
        Assert.Equal(
            Hex("01010018 2112a442" + Id + "00200014 000283bb 0113a9fa 01020304 05060708 090a0b0d"),
            Answer("00010000 2112a442" + Id, Address("[2001:db8::1]:41641")));
        Assert.Equal(1, _counters.Answers(isIpv4: false, StunAnswerKind.Success));
    }

    [Theory]
    [InlineData("00010000 2112a442" + Id, "nothing but a header")]
    [InlineData("00010008 2112a442" + Id + "80220003 61626300", "SOFTWARE alone")]
    [InlineData("00010010 2112a442" + Id + "80290008 932ff9b1 51263b36 8fff0000", "attributes that nobody has to understand")]
    [InlineData("00010008 2112a442" + Id + "00060004 6e616d65", "a user name, for a server that knows no users")]
    [InlineData("00010020 2112a442" + Id + "00080014 0000000000000000000000000000000000000000 00240004 6e0001ff", "something behind MESSAGE-INTEGRITY")]
    public void An_ordinary_request_is_answered(string request, string why)
    {
        byte[] answer = Answer(request, Client);

        Assert.True(answer.SequenceEqual(Hex(GoldenResponse)), why);
    }

    [Fact]
    public void Attributes_that_must_be_understood_and_are_not_get_420_with_their_names()
    {
        // CHANGE-REQUEST and RESPONSE-PORT (RFC 5780), with SOFTWARE between them.
        byte[] answer = Answer("00010018 2112a442" + Id + "00030004 00000006 80220003 61626300 00270004 30390000", Client);

        Assert.Equal(Hex("01110010 2112a442" + Id + "00090004 00000414 000a0004 00030027"), answer);
        Assert.Equal(1, _counters.Answers(isIpv4: true, StunAnswerKind.UnknownAttribute));
    }

    [Fact]
    public void However_many_attributes_are_unknown_all_are_named()
    {
        const int Count = 507; // As many as the longest message holds.
        string[] names = [.. Enumerable.Range(1, Count).Select(i => $"{0x4000 + i:x4}")];

        byte[] answer = Answer($"0001{Count * 4:x4} 2112a442" + Id + string.Concat(names.Select(name => name + "0000")), Client);

        Assert.Equal(Hex($"0111{8 + 4 + (Count * 2) + 2:x4} 2112a442" + Id + $"00090004 00000414 000a{Count * 2:x4}" + string.Concat(names) + "0000"), answer);
    }

    [Theory]
    [InlineData("", "NotStun")]
    [InlineData("00010000 2112a442 010203", "NotStun")]
    [InlineData("00030000 2112a443" + Id, "NotStun")] // Of classic STUN only a binding request is told.
    [InlineData("00010004 01020304" + Id, "NotStun")]
    [InlineData("01010000 01020304" + Id, "NotStun")]
    [InlineData("40010000 2112a442" + Id, "NotStun")]
    [InlineData("00010004 2112a442" + Id, "Malformed")]
    [InlineData("00010000 2112a442" + Id + "80220000", "Malformed")]
    [InlineData("00010003 2112a442" + Id + "802200", "Malformed")]
    [InlineData("00010008 2112a442" + Id + "80220005 61626364", "Malformed")]
    [InlineData("00010008 2112a442" + Id + "00030005 61626364", "Malformed")]
    [InlineData("00110000 2112a442" + Id, "NotARequest")]
    [InlineData(GoldenResponse, "NotARequest")]
    [InlineData("01110000 2112a442" + Id, "NotARequest")]
    [InlineData("00030000 2112a442" + Id, "UnknownMethod")] // TURN's Allocate.
    [InlineData("00010014 2112a442" + Id + "80220008 7461696c6e6f6465 80280004 b32c370e", "WrongFingerprint")]
    [InlineData("00010014 2112a442" + Id + "80220008 7461696c6e6f6466 80280004 b32c370f", "WrongFingerprint")]
    [InlineData("00010008 2112a442" + Id + "80280002 b32c0000", "WrongFingerprint")]
    [InlineData("00010018 2112a442" + Id + "80220008 7461696c6e6f6465 80280004 b32c370f 80220000", "WrongFingerprint")] // Not the last.
    public void What_is_not_for_us_is_dropped_under_its_reason(string datagram, string reason)
    {
        Assert.Empty(Answer(datagram, Client));
        Assert.Equal(1, _counters.Drops(Enum.Parse<StunDropReason>(reason)));
    }

    [Theory]
    [InlineData("192.0.2.1:0")]
    [InlineData("0.0.0.0:5000")]
    [InlineData("0.1.2.3:5000")]
    [InlineData("224.0.0.1:5000")]
    [InlineData("239.255.255.255:5000")]
    [InlineData("255.255.255.255:5000")]
    [InlineData("[::]:5000")]
    [InlineData("[ff02::1]:5000")]
    [InlineData("[::ffff:224.0.0.1]:5000")]
    [InlineData("198.51.100.1:3478")]
    [InlineData("[2001:db8::53]:3478")]
    [InlineData("127.0.0.1:5000")] // Not by this socket.
    [InlineData("127.255.0.1:5000")]
    [InlineData("[::1]:5000")]
    [InlineData("[::ffff:127.0.0.1]:5000")]
    public void A_source_that_can_only_be_forged_gets_nothing(string source)
    {
        Assert.Empty(Answer(GoldenRequest, Address(source)));
        Assert.Equal(1, _counters.Drops(StunDropReason.ForgedSource));
    }

    [Fact]
    public void Our_own_link_local_address_is_known_whatever_link_it_comes_by()
    {
        Assert.Empty(Answer(GoldenRequest, Address("[fe80::53]:3478").WithZone(2)));
        Assert.NotEmpty(Answer(GoldenRequest, Address("[fe80::54]:3478").WithZone(2)));
        Assert.Equal(1, _counters.Drops(StunDropReason.ForgedSource));
    }

    [Theory]
    [InlineData("198.51.100.1:3479")]
    [InlineData("10.0.0.1:3478")]
    [InlineData("240.0.0.1:5000")]
    [InlineData("[fe80::1]:5000")]
    [InlineData("[2001::1]:5000")]
    public void An_unusual_source_that_may_be_honest_is_answered(string source) => Assert.NotEmpty(Answer(GoldenRequest, Address(source)));

    [Fact]
    public void Every_datagram_is_answered_or_counted_and_no_answer_is_twice_its_request()
    {
        Gen<byte[]> garbage = Gen.Byte.Array[0, 200];
        Gen<byte[]> flipped = Gen.Select(Gen.Int[0, (40 * 8) - 1], Gen.Int[0, 40]).Select((bit, length) =>
        {
            byte[] request = Hex(GoldenRequest);
            request[bit / 8] ^= (byte)(1 << (bit % 8));
            return request[..length];
        });
        Gen<byte[]> attributes = garbage.Select(bytes =>
        {
            byte[] body = bytes[..(bytes.Length & ~3)];
            return (byte[])[0, 1, 0, (byte)body.Length, 0x21, 0x12, 0xa4, 0x42, .. Hex(Id), .. body];
        });

        Gen.OneOf(garbage, flipped, attributes).Sample(
            datagram =>
            {
                long before = Total();
                byte[] answer = Answer(datagram, Client);

                Assert.Equal(before + 1, Total());
                Assert.True(answer.Length <= 2 * datagram.Length);
            },
            threads: 1);
    }

    [Theory]
    [InlineData("00010000 a1b2c3d4" + Id, "nothing but a header")]
    [InlineData("00010008 a1b2c3d4" + Id + "00030004 00000000", "CHANGE-REQUEST that asks for no change, which classic clients always send")]
    public void A_classic_client_gets_its_address_in_the_clear_and_its_whole_id(string request, string why)
    {
        Assert.True(Answer(request, Client).SequenceEqual(Hex("0101000c a1b2c3d4" + Id + "00010008 0001a2a9 c0000201")), why);
        Assert.Equal(1, _counters.Requests(isIpv4: true, StunRequestKind.Classic));
    }

    [Fact]
    public void A_classic_client_that_wants_what_is_not_offered_gets_an_even_list()
    {
        Assert.Equal(
            Hex("01110010 a1b2c3d4" + Id + "00090004 00000414 000a0004 00030003"),
            Answer("00010008 a1b2c3d4" + Id + "00030004 00000006", Client));
        Assert.Equal(
            Hex("01110010 a1b2c3d4" + Id + "00090004 00000414 000a0004 00020003"), // RESPONSE-ADDRESS makes a reflector of a server.
            Answer("00010014 a1b2c3d4" + Id + "00020008 00010035 c6336401 00030004 00000000", Client));
    }

    [Fact]
    public void Fingerprint_means_nothing_to_a_classic_client() =>
        Assert.NotEmpty(Answer("00010008 a1b2c3d4" + Id + "80280004 00000000", Client));

    [Fact]
    public void An_unknown_attribute_that_comes_twice_is_named_once() =>
        Assert.Equal(
            Hex("01110010 2112a442" + Id + "00090004 00000414 000a0002 40010000"),
            Answer("0001000c 2112a442" + Id + "40010000 40010000 40010000", Client));

    [Fact]
    public void What_asks_too_much_is_dropped_until_its_tokens_are_back()
    {
        var responder = new StunResponder(new ForgedSources([Own]), new SourceRateLimiter(requestsPerSecond: 10, seed: 1), origins: null, _counters);

        Assert.Equal(10, Enumerable.Range(0, 100).Count(_ => AnswersAt(default)));
        Assert.Equal(90, _counters.Drops(StunDropReason.RateLimited));
        Assert.True(AnswersAt(Instant.Origin + TimeSpan.FromSeconds(0.1)));
        Assert.False(AnswersAt(Instant.Origin + TimeSpan.FromSeconds(0.1)));

        bool AnswersAt(Instant now)
        {
            Hex(GoldenRequest).CopyTo(_buffer, 0);
            return responder.Answer(_buffer, 40, Client, Own, now).Length > 0;
        }
    }

    [Fact]
    public void Answering_allocates_nothing()
    {
        byte[] request = Hex(GoldenRequest);

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                request.CopyTo(_buffer, 0);
                _responder.Answer(_buffer, request.Length, Client, Own, default);
            }
        }));
        Assert.InRange(_counters.Answers(isIpv4: true, StunAnswerKind.Success), 2000, 6000);
    }

    private byte[] Answer(string hex, TransportAddress source) => Answer(Hex(hex), source);

    private byte[] Answer(byte[] datagram, TransportAddress source)
    {
        _buffer.AsSpan().Fill(0xee); // Whatever lay there before must not show.
        datagram.CopyTo(_buffer, 0);
        return _buffer[.._responder.Answer(_buffer, datagram.Length, source, Own, default).Length];
    }

    private long Total() =>
        Enum.GetValues<StunDropReason>().Sum(_counters.Drops) + _counters.Answers(true, StunAnswerKind.Success) + _counters.Answers(true, StunAnswerKind.UnknownAttribute);

    private static TransportAddress Address(string text) =>
        TransportAddress.TryParse(text, out TransportAddress address) ? address : throw new FormatException(text);

    private static byte[] Hex(string text) => Convert.FromHexString(text.Replace(" ", "", StringComparison.Ordinal));
}
