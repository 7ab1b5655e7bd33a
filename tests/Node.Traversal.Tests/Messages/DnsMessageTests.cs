using Addresses;
using CsCheck;
using Node.Traversal.Messages;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Messages;

public class DnsMessageTests
{
    private const ushort Id = 0xbeef;

    /// <summary>relay.example: an alias of a.example, which has two IPv4 addresses; names compressed (RFC 1035 §4.1.4).</summary>
    private static readonly byte[] Answer = Bytes("""
        beef 8180 0001 0003 0000 0000
        05 72656c6179 07 6578616d706c65 00 0001 0001
        c00c 0005 0001 0000003c 0004 01 61 c012
        c02b 0001 0001 0000003c 0004 c6120105
        c02b 0001 0001 0000003c 0004 c6120106
        """);

    [Fact]
    public void A_query_is_spelled_as_the_RFC_has_it() => Assert.Equal(
        Bytes("beef 0100 0001 0000 0000 0000 05 72656c6179 07 6578616d706c65 00 001c 0001"),
        DnsMessage.Query("relay.example.", DnsMessage.TypeAaaa, Id));

    [Theory]
    [InlineData("")]
    [InlineData("relay..example")]
    [InlineData(".example")]
    public void What_is_no_name_is_not_asked_for(string name) => Assert.Throws<ArgumentException>(() => DnsMessage.Query(name, DnsMessage.TypeA, Id));

    [Fact]
    public void Names_and_labels_have_their_longest()
    {
        string label = new('a', 63);
        Assert.NotEmpty(DnsMessage.Query(label, DnsMessage.TypeA, Id));
        Assert.Throws<ArgumentException>(() => DnsMessage.Query(label + "a", DnsMessage.TypeA, Id));
        Assert.NotEmpty(DnsMessage.Query($"{label}.{label}.{label}.{label[..61]}", DnsMessage.TypeA, Id));
        Assert.Throws<ArgumentException>(() => DnsMessage.Query($"{label}.{label}.{label}.{label[..62]}", DnsMessage.TypeA, Id));
    }

    [Fact]
    public void Addresses_are_found_behind_an_alias_and_compressed_names()
    {
        Assert.True(DnsMessage.TryReadAnswer(Answer, Id, DnsMessage.TypeA, out TransportAddress[] addresses));

        Assert.Equal([Address("198.18.1.5:0"), Address("198.18.1.6:0")], addresses);
    }

    [Fact]
    public void An_IPv6_answer_is_read()
    {
        byte[] answer = Bytes("""
            beef 8180 0001 0001 0000 0000
            05 72656c6179 00 001c 0001
            c00c 001c 0001 0000003c 0010 20010db8000000000000000000000007
            """);

        Assert.True(DnsMessage.TryReadAnswer(answer, Id, DnsMessage.TypeAaaa, out TransportAddress[] addresses));

        Assert.Equal([Address("[2001:db8::7]:0")], addresses);
    }

    [Fact]
    public void An_answer_without_the_type_asked_for_has_no_addresses_and_neither_has_a_name_that_does_not_exist()
    {
        Assert.True(DnsMessage.TryReadAnswer(Answer, Id, DnsMessage.TypeAaaa, out TransportAddress[] none));
        Assert.Empty(none);

        Assert.True(DnsMessage.TryReadAnswer(Bytes("beef 8183 0001 0000 0000 0000 05 72656c6179 00 0001 0001"), Id, DnsMessage.TypeA, out none));
        Assert.Empty(none);
    }

    [Theory]
    [InlineData(0, 0xbe, 0xff)] // Another's id.
    [InlineData(2, 0x81, 0x01)] // A query.
    [InlineData(2, 0x81, 0x83)] // Truncated.
    [InlineData(3, 0x80, 0x82)] // Server failure.
    [InlineData(3, 0x80, 0x85)] // Refused.
    public void What_does_not_answer_the_query_is_passed_over(int offset, byte from, byte to)
    {
        byte[] other = [.. Answer];
        Assert.Equal(from, other[offset]);
        other[offset] = to;

        Assert.False(DnsMessage.TryReadAnswer(other, Id, DnsMessage.TypeA, out TransportAddress[] addresses));
        Assert.Empty(addresses);
    }

    [Fact]
    public void Half_an_answer_is_none()
    {
        for (int length = 0; length < Answer.Length; length++)
        {
            Assert.False(DnsMessage.TryReadAnswer(Answer.AsSpan(0, length), Id, DnsMessage.TypeA, out TransportAddress[] addresses));
            Assert.Empty(addresses);
        }
    }

    [Fact]
    public void More_addresses_than_are_of_use_are_not_taken()
    {
        List<byte> many = [.. Bytes("beef 8180 0000 0028 0000 0000")];
        for (byte i = 0; i < 40; i++) many.AddRange([.. Bytes("00 0001 0001 0000003c 0004 c61201"), i]);

        Assert.True(DnsMessage.TryReadAnswer([.. many], Id, DnsMessage.TypeA, out TransportAddress[] addresses));

        Assert.Equal(16, addresses.Length);
    }

    [Fact]
    public void Flipped_bytes_never_throw() => Gen.Select(Gen.Int[0, Answer.Length - 1], Gen.Byte).Array[1, 6].Sample(flips =>
    {
        byte[] damaged = [.. Answer];
        foreach ((int at, byte value) in flips) damaged[at] = value;
        DnsMessage.TryReadAnswer(damaged, Id, DnsMessage.TypeA, out _);
    });

    [Fact]
    public void Random_bytes_behind_a_good_header_never_throw() => Gen.Select(Gen.Byte, Gen.Byte, Gen.Byte.Array[0, 200]).Sample((questions, answers, body) =>
    {
        byte[] message = [.. Bytes("beef 8180 00"), questions, 0, answers, 0, 0, 0, 0, .. body];
        DnsMessage.TryReadAnswer(message, Id, DnsMessage.TypeA, out _);
        DnsMessage.TryReadAnswer(body, Id, DnsMessage.TypeAaaa, out _);
    });

    private static byte[] Bytes(string hexadecimal) => Convert.FromHexString(string.Concat(hexadecimal.Where(char.IsAsciiHexDigit)));
}
