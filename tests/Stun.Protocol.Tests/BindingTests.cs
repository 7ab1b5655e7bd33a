using Addresses;
using CsCheck;

namespace Stun.Protocol.Tests;

public sealed class BindingTests
{
    [Fact]
    public void The_request_is_the_one_that_stock_servers_answer_byte_for_byte()
    {
        byte[] request = new byte[StunBindingRequest.Length];

        Assert.Equal(StunBindingRequest.Length, StunBindingRequest.Write(request, Vectors.Id));
        Assert.Equal(Vectors.DerpRequest, request);
    }

    [Fact]
    public void The_response_is_the_golden_vector_of_each_family()
    {
        byte[] buffer = new byte[StunBindingResponse.MaxLength];
        buffer.AsSpan().Fill(0xff); // Whatever lay there before must not show.

        int length = StunBindingResponse.Write(buffer, Vectors.Id, Vectors.DerpIpv4);
        Assert.Equal(Vectors.DerpResponseIpv4, buffer[..length]);

        length = StunBindingResponse.Write(buffer, Vectors.Id, Vectors.DerpIpv6);
        Assert.Equal(Vectors.DerpResponseIpv6, buffer[..length]);
    }

    [Fact]
    public void An_ipv4_address_that_came_in_as_ipv6_is_family_1()
    {
        byte[] buffer = new byte[StunBindingResponse.MaxLength];
        TransportAddress mapped = TransportAddress.FromIpv6(Vectors.DerpIpv4.Bits, Vectors.DerpIpv4.Port);

        int length = StunBindingResponse.Write(buffer, Vectors.Id, mapped);

        Assert.Equal(Vectors.DerpResponseIpv4, buffer[..length]);
    }

    [Fact]
    public void Responses_of_all_servers_are_read()
    {
        AssertMapped(Vectors.DerpIpv4, Vectors.DerpResponseIpv4);
        AssertMapped(Vectors.DerpIpv6, Vectors.DerpResponseIpv6);
        AssertMapped(Vectors.DerpIpv4, Vectors.DerpResponseMapped);
        AssertMapped(Vectors.Address("192.0.2.1:32853"), Vectors.Rfc5769ResponseIpv4);
        AssertMapped(Vectors.Address("[2001:db8:1234:5678:11:2233:4455:6677]:32853"), Vectors.Rfc5769ResponseIpv6);

        // XOR-MAPPED-ADDRESS under its number in drafts, with SOFTWARE in front and bytes behind the message.
        AssertMapped(Vectors.DerpIpv4, Vectors.Hex("01010014 2112a442 0102030405060708090a0b0c 80220003 61626300 80200008 000183bb e112a643 ffffff"));

        // Only MAPPED-ADDRESS.
        AssertMapped(Vectors.DerpIpv4, Vectors.Hex("0101000c 2112a442 0102030405060708090a0b0c 00010008 0001a2a9 c0000201"));
        AssertMapped(Vectors.DerpIpv6, Vectors.Hex("01010018 2112a442 0102030405060708090a0b0c 00010014 0002a2a9 20010db8000000000000000000000001"));
    }

    [Fact]
    public void The_xored_address_is_believed_before_the_one_in_the_clear_whatever_the_order()
    {
        const string Header = "01010018 2112a442 0102030405060708090a0b0c";
        const string Clear = "00010008 0001ffff 0a000001";
        const string Xored = "00200008 000183bb e112a643";

        AssertMapped(Vectors.DerpIpv4, Vectors.Hex(Header + Clear + Xored));
        AssertMapped(Vectors.DerpIpv4, Vectors.Hex(Header + Xored + Clear));
    }

    [Theory]
    [InlineData("0001000c 2112a442 0102030405060708090a0b0c 00200008 000183bb e112a643", "a request")]
    [InlineData("0111000c 2112a442 0102030405060708090a0b0c 00200008 000183bb e112a643", "an error")]
    [InlineData("0101000c 2112a443 0102030405060708090a0b0c 00200008 000183bb e112a643", "another cookie")]
    [InlineData("01010000 2112a442 0102030405060708090a0b0c", "no address")]
    [InlineData("0101000c 2112a442 0102030405060708090a0b0c 00200008 000183bb e112a6", "too short for its length")]
    [InlineData("0101000b 2112a442 0102030405060708090a0b0c 00200007 000183bb e112a643", "not whole words")]
    [InlineData("0101000c 2112a442 0102030405060708090a0b0c 00200009 000183bb e112a643", "an attribute that overruns")]
    [InlineData("0101000c 2112a442 0102030405060708090a0b0c 00200008 000283bb e112a643", "family 2 with 32 bits")]
    [InlineData("0101000c 2112a442 0102030405060708090a0b0c 00200008 000383bb e112a643", "family 3")]
    [InlineData("01010010 2112a442 0102030405060708090a0b0c 00200008 000183bb e112a643 80220001", "damage behind the address")]
    public void What_is_no_answer_is_not_read_as_one(string hex, string why) =>
        Assert.False(StunBindingResponse.TryRead(Vectors.Hex(hex), out _, out _), why);

    [Fact]
    public void Every_address_comes_back_as_it_went_in() =>
        Gen.Select(Gen.UInt, Gen.ULong, Gen.ULong, Gen.ULong, Gen.UShort, Gen.Bool).Sample((high, low, upper, lower, port, isIpv4) =>
        {
            TransportAddress address = isIpv4 ? TransportAddress.FromIpv4(high, port) : TransportAddress.FromIpv6(new UInt128(upper, lower), port);
            var id = new TransactionId(high, low);
            byte[] buffer = new byte[StunBindingResponse.MaxLength];

            int length = StunBindingResponse.Write(buffer, id, address);

            Assert.True(StunBindingResponse.TryRead(buffer.AsSpan(0, length), out TransactionId readId, out TransportAddress read));
            Assert.Equal(id, readId);
            Assert.Equal(address, read);
        });

    [Fact]
    public void Truncated_flipped_and_random_bytes_never_throw()
    {
        byte[][] seeds = [Vectors.DerpRequest, Vectors.DerpResponseIpv6, Vectors.DerpResponseMapped, Vectors.Rfc5769Request, Vectors.Rfc5769ResponseIpv4];
        foreach (byte[] seed in seeds)
        {
            for (int length = 0; length < seed.Length; length++) Assert.False(StunBindingResponse.TryRead(seed.AsSpan(0, length), out _, out _));
            for (int bit = 0; bit < seed.Length * 8; bit++)
            {
                byte[] flipped = (byte[])seed.Clone();
                flipped[bit / 8] ^= (byte)(1 << (bit % 8));
                StunBindingResponse.TryRead(flipped, out _, out _);
            }
        }

        // Random attributes behind a good header, so that the walk is reached.
        Gen.Byte.Array[0, 200].Sample(garbage =>
        {
            StunBindingResponse.TryRead(garbage, out _, out _);
            byte[] message = [.. Vectors.DerpResponseIpv4.AsSpan(0, StunHeader.Length), .. garbage];
            message[2] = (byte)((garbage.Length & ~3) >> 8);
            message[3] = (byte)(garbage.Length & ~3);
            StunBindingResponse.TryRead(message, out _, out _);
        });
    }

    [Fact]
    public void Writing_and_reading_allocate_nothing()
    {
        byte[] buffer = new byte[64];
        int good = 0;

        Assert.Equal(0, Allocated.AtBestBy(() => good = RoundTrips(1000)));
        Assert.Equal(1000, good);

        int RoundTrips(int count)
        {
            int read = 0;
            for (int i = 0; i < count; i++)
            {
                StunBindingRequest.Write(buffer, Vectors.Id);
                int length = StunBindingResponse.Write(buffer, Vectors.Id, Vectors.DerpIpv6);
                if (StunBindingResponse.TryRead(buffer.AsSpan(0, length), out _, out _)) read++;
            }

            return read;
        }
    }

    private static void AssertMapped(TransportAddress expected, byte[] response)
    {
        Assert.True(StunBindingResponse.TryRead(response, out TransactionId id, out TransportAddress mapped));
        Assert.Equal(expected, mapped);
        Assert.Equal(TransactionId.Read(response.AsSpan(8)), id);
    }
}
