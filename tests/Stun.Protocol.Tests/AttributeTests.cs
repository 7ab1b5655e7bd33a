using CsCheck;

namespace Stun.Protocol.Tests;

public sealed class AttributeTests
{
    [Fact]
    public void The_attributes_of_the_rfc_vector_are_read_in_order_without_their_padding()
    {
        var reader = new StunAttributeReader(Vectors.Rfc5769Request.AsSpan(StunHeader.Length));
        var seen = new List<(StunAttributeType, int)>();
        while (reader.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value)) seen.Add((type, value.Length));

        Assert.Equal(
            [
                (StunAttributeType.Software, 16), ((StunAttributeType)0x0024, 4), ((StunAttributeType)0x8029, 8),
                (StunAttributeType.Username, 9), (StunAttributeType.MessageIntegrity, 20), (StunAttributeType.Fingerprint, 4),
            ],
            seen);
        Assert.False(reader.IsMalformed);
        Assert.True(reader.IsAtEnd);
    }

    [Theory]
    [InlineData("802200", "half a header")]
    [InlineData("80220001", "a value that is not there")]
    [InlineData("80220001 61", "padding that is not there")]
    [InlineData("8022ffff 61626364", "a length beyond the message")]
    public void An_attribute_that_overruns_ends_the_walk(string hex, string why)
    {
        var reader = new StunAttributeReader(Vectors.Hex("80220000" + hex));

        Assert.True(reader.TryRead(out _, out ReadOnlySpan<byte> value));
        Assert.True(value.IsEmpty);
        Assert.False(reader.TryRead(out _, out _), why);
        Assert.True(reader.IsMalformed);
        Assert.False(reader.TryRead(out _, out _));
    }

    [Fact]
    public void Attributes_come_back_as_they_went_in_with_a_fingerprint_that_holds() =>
        Gen.Select(Gen.UShort, Gen.Byte.Array[0, 40]).Array[0, 10].Sample(attributes =>
        {
            byte[] buffer = new byte[1000];
            buffer.AsSpan().Fill(0xff);
            var writer = new StunMessageWriter(buffer, StunMessageType.BindingRequest, Vectors.Id);
            foreach ((ushort type, byte[] value) in attributes) writer.Add((StunAttributeType)type, value);
            int before = writer.Length;
            writer.AddFingerprint();

            Assert.True(StunHeader.TryRead(writer.Written, out StunHeader header));
            Assert.Equal(writer.Length, StunHeader.Length + header.BodyLength);
            var reader = new StunAttributeReader(writer.Written[StunHeader.Length..]);
            foreach ((ushort type, byte[] value) in attributes)
            {
                Assert.True(reader.TryRead(out StunAttributeType readType, out ReadOnlySpan<byte> readValue));
                Assert.Equal((StunAttributeType)type, readType);
                Assert.Equal(value, readValue.ToArray());
            }

            Assert.Equal(before, StunHeader.Length + reader.Position);
            Assert.True(reader.TryRead(out StunAttributeType last, out ReadOnlySpan<byte> fingerprint));
            Assert.Equal(StunAttributeType.Fingerprint, last);
            Assert.True(Fingerprint.Matches(writer.Written[..before], fingerprint));
        });

    [Fact]
    public void Padding_is_zero_whatever_the_buffer_held()
    {
        byte[] buffer = new byte[40];
        buffer.AsSpan().Fill(0xff);
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingRequest, Vectors.Id);

        writer.Add(StunAttributeType.Software, "a"u8);

        Assert.Equal(Vectors.Hex("00010008 2112a442 0102030405060708090a0b0c 80220001 61000000"), writer.Written.ToArray());
    }

    [Fact]
    public void A_buffer_too_short_is_the_programs_mistake() =>
        Assert.Throws<ArgumentOutOfRangeException>(() =>
        {
            var writer = new StunMessageWriter(new byte[27], StunMessageType.BindingRequest, Vectors.Id);
            writer.Add(StunAttributeType.Software, "tail"u8);
        });

    [Fact]
    public void The_fingerprints_of_all_vectors_hold_and_a_flipped_bit_breaks_them()
    {
        byte[][] messages = [Vectors.DerpRequest, Vectors.Rfc5769Request, Vectors.Rfc5769ResponseIpv4, Vectors.Rfc5769ResponseIpv6];
        foreach (byte[] shared in messages)
        {
            byte[] message = (byte[])shared.Clone();
            Assert.True(Fingerprint.Matches(message.AsSpan(0, message.Length - 8), message.AsSpan(message.Length - 4)));
            for (int bit = 0; bit < (message.Length - 8) * 8; bit++)
            {
                message[bit / 8] ^= (byte)(1 << (bit % 8));
                Assert.False(Fingerprint.Matches(message.AsSpan(0, message.Length - 8), message.AsSpan(message.Length - 4)));
                message[bit / 8] ^= (byte)(1 << (bit % 8));
            }
        }

        Assert.False(Fingerprint.Matches(Vectors.DerpRequest.AsSpan(0, 32), Vectors.DerpRequest.AsSpan(37)));
    }

    [Fact]
    public void The_crc_is_the_common_one_at_every_length()
    {
        Assert.Equal(0xcbf43926u, Crc32.Compute("123456789"u8)); // The check value of its catalogue entry.
        Gen.Byte.Array[0, 100].Sample(bytes => Assert.Equal(OneBitAtATime(bytes), Crc32.Compute(bytes)));

        static uint OneBitAtATime(byte[] bytes)
        {
            uint crc = uint.MaxValue;
            foreach (byte value in bytes)
            {
                crc ^= value;
                for (int bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0xedb88320 : crc >> 1;
            }

            return ~crc;
        }
    }

    [Fact]
    public void An_error_with_its_unknown_attributes_is_byte_exact_and_comes_back()
    {
        byte[] buffer = new byte[100];
        StunAttributeType[] unknown = [(StunAttributeType)0x0003, (StunAttributeType)0x0026, (StunAttributeType)0x0027];
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingError, Vectors.Id);
        StunErrorCode.UnknownAttribute.AddTo(ref writer);
        UnknownAttributes.AddTo(ref writer, unknown);

        Assert.Equal(
            Vectors.Hex("01110014 2112a442 0102030405060708090a0b0c 00090004 00000414 000a0006 0003 0026 0027 0000"),
            writer.Written.ToArray());

        var reader = new StunAttributeReader(writer.Written[StunHeader.Length..]);
        Assert.True(reader.TryRead(out _, out ReadOnlySpan<byte> value));
        Assert.True(StunErrorCode.TryRead(value, out StunErrorCode code));
        Assert.Equal(420, code.Number);
        Assert.True(reader.TryRead(out _, out value));
        var read = new StunAttributeType[10];
        Assert.Equal(3, UnknownAttributes.Read(value, read));
        Assert.Equal(unknown, read[..3]);
    }

    [Theory]
    [InlineData("000004", false)]
    [InlineData("00000200", false)]
    [InlineData("00000700", false)]
    [InlineData("00000464", false)]
    [InlineData("00000463", true)]
    [InlineData("00000414 556e6b6e6f776e", true)]
    public void An_error_code_out_of_range_is_not_read(string hex, bool expected) =>
        Assert.Equal(expected, StunErrorCode.TryRead(Vectors.Hex(hex), out _));

    [Fact]
    public void What_must_be_understood_is_told_by_the_number()
    {
        Assert.True(((StunAttributeType)0x7fff).IsComprehensionRequired());
        Assert.False(StunAttributeType.XorMappedAddressOfDrafts.IsComprehensionRequired());
    }
}
