using CsCheck;

namespace Stun.Protocol.Tests;

public sealed class HeaderTests
{
    [Fact]
    public void Stun_is_told_by_its_first_bits_its_cookie_and_its_length()
    {
        Assert.True(StunMessage.LooksLikeStun(Vectors.DerpRequest));
        Assert.True(StunMessage.LooksLikeStun(Vectors.DerpRequest.AsSpan(0, 20)));
        Assert.False(StunMessage.LooksLikeStun(Vectors.DerpRequest.AsSpan(0, 19)));
        Assert.False(StunMessage.LooksLikeStun([]));

        foreach (int bit in new[] { 6, 7, 4 * 8, (8 * 8) - 1 })
        {
            byte[] other = (byte[])Vectors.DerpRequest.Clone();
            other[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(StunMessage.LooksLikeStun(other));
        }
    }

    [Fact]
    public void The_header_of_the_rfc_vector_is_read()
    {
        Assert.True(StunHeader.TryRead(Vectors.Rfc5769Request, out StunHeader header));

        Assert.Equal(StunMessageType.BindingRequest, header.Type);
        Assert.Equal(0x58, header.BodyLength);
        Assert.Equal("b7e7a701bc34d686fa87dfae", header.TransactionId.ToString());
    }

    [Fact]
    public void A_header_comes_back_as_it_went_in() =>
        Gen.Select(Gen.UShort[0, 0x3fff], Gen.Int[0, 40], Gen.UInt, Gen.ULong).Sample((type, words, high, low) =>
        {
            var header = new StunHeader((StunMessageType)type, words * 4, new TransactionId(high, low));
            byte[] bytes = new byte[StunHeader.Length + (words * 4)];
            header.Write(bytes);

            Assert.True(StunHeader.TryRead(bytes, out StunHeader read));
            Assert.Equal(header, read);
        });

    [Theory]
    [InlineData(StunMessageType.BindingRequest, StunMessageClass.Request)]
    [InlineData(StunMessageType.BindingIndication, StunMessageClass.Indication)]
    [InlineData(StunMessageType.BindingSuccess, StunMessageClass.Success)]
    [InlineData(StunMessageType.BindingError, StunMessageClass.Error)]
    [InlineData((StunMessageType)0x3eef, StunMessageClass.Request)]
    [InlineData((StunMessageType)0x3fff, StunMessageClass.Error)]
    public void The_class_lies_between_the_bits_of_the_method(StunMessageType type, StunMessageClass expected) => Assert.Equal(expected, type.Class());

    [Fact]
    public void All_classes_of_a_method_have_one_request()
    {
        Assert.Equal(StunMessageType.BindingRequest, StunMessageType.BindingError.AsRequest());
        Assert.Equal((StunMessageType)0x3eef, ((StunMessageType)0x3fff).AsRequest());
    }
}
