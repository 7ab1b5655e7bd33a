using Addresses;

namespace Stun.Protocol.Tests;

/// <summary>The attributes of RFC 5780 and of classic STUN.</summary>
public sealed class BehaviorDiscoveryTests
{
    private const string Header = "2112a442 0102030405060708090a0b0c";

    [Theory]
    [InlineData(false, false, "00000000")]
    [InlineData(true, false, "00000004")]
    [InlineData(false, true, "00000002")]
    [InlineData(true, true, "00000006")]
    public void A_change_request_is_two_bits(bool address, bool port, string bits)
    {
        var writer = new StunMessageWriter(new byte[64], StunMessageType.BindingRequest, Vectors.Id);
        new ChangeRequest(address, port).AddTo(ref writer);

        Assert.Equal(Vectors.Hex("00010008" + Header + "00030004" + bits), writer.Written.ToArray());
        Assert.True(ChangeRequest.TryRead(writer.Written[24..], out ChangeRequest read));
        Assert.Equal(new ChangeRequest(address, port), read);
    }

    [Fact]
    public void Other_bits_of_a_change_request_mean_nothing_and_other_lengths_are_damage()
    {
        Assert.True(ChangeRequest.TryRead(Vectors.Hex("fffffffd"), out ChangeRequest change));
        Assert.Equal(new ChangeRequest(true, false), change);
        Assert.False(ChangeRequest.TryRead(Vectors.Hex("000006"), out _));
        Assert.False(ChangeRequest.TryRead(Vectors.Hex("0000000600"), out _));
    }

    [Fact]
    public void A_response_port_has_two_bytes_behind_it()
    {
        var writer = new StunMessageWriter(new byte[64], StunMessageType.BindingRequest, Vectors.Id);
        ResponsePort.AddTo(ref writer, 12345);

        Assert.Equal(Vectors.Hex("00010008" + Header + "00270004 30390000"), writer.Written.ToArray());
        Assert.True(ResponsePort.TryRead(writer.Written[24..], out ushort port));
        Assert.Equal(12345, port);
        Assert.True(ResponsePort.TryRead(writer.Written[24..26], out _));
        Assert.False(ResponsePort.TryRead(writer.Written[24..27], out _));
        Assert.False(ResponsePort.TryRead([], out _));
    }

    [Fact]
    public void Where_an_answer_comes_from_and_could_come_from_is_in_the_clear()
    {
        var writer = new StunMessageWriter(new byte[100], StunMessageType.BindingSuccess, Vectors.Id);
        MappedAddress.AddTo(ref writer, StunAttributeType.ResponseOrigin, Vectors.DerpIpv4);
        MappedAddress.AddTo(ref writer, StunAttributeType.OtherAddress, Vectors.DerpIpv6);

        Assert.Equal(
            Vectors.Hex("01010024" + Header + "802b0008 0001a2a9 c0000201 802c0014 0002a2a9 20010db8000000000000000000000001"),
            writer.Written.ToArray());
        Assert.True(MappedAddress.TryRead(writer.Written[24..32], out TransportAddress origin));
        Assert.Equal(Vectors.DerpIpv4, origin);
        Assert.True(MappedAddress.TryRead(writer.Written[36..], out TransportAddress other));
        Assert.Equal(Vectors.DerpIpv6, other);
    }

    [Fact]
    public void A_classic_message_is_read_where_it_is_asked_for_and_its_answer_keeps_all_of_its_id()
    {
        byte[] request = Vectors.Hex("00010008 aabbccdd 0102030405060708090a0b0c 00030004 00000000");

        Assert.False(StunHeader.TryRead(request, out _));
        Assert.True(StunHeader.TryReadClassic(request, out StunHeader header));
        Assert.True(header.IsClassic);

        var writer = new StunMessageWriter(new byte[64], StunMessageType.BindingSuccess, header);
        MappedAddress.AddTo(ref writer, StunAttributeType.MappedAddress, Vectors.DerpIpv4);
        Assert.Equal(Vectors.Hex("0101000c aabbccdd 0102030405060708090a0b0c 00010008 0001a2a9 c0000201"), writer.Written.ToArray());
    }

    [Fact]
    public void A_message_with_the_cookie_is_not_classic_however_it_is_read()
    {
        Assert.True(StunHeader.TryReadClassic(Vectors.DerpRequest, out StunHeader header));
        Assert.True(StunHeader.TryRead(Vectors.DerpRequest, out StunHeader same));
        Assert.Equal(same, header);
        Assert.False(header.IsClassic);
    }
}
