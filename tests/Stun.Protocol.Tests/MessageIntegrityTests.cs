using System.Security.Cryptography;

namespace Stun.Protocol.Tests;

public sealed class MessageIntegrityTests
{
    private static readonly byte[] ShortTermKey = "VOkJxbRl1RmTxUk/WvJxBt"u8.ToArray(); // RFC 5769 §2.

    private static readonly byte[] LongTermKey = Vectors.Hex("e8ca7ad59d5eb0518e312911d2dab2a9"); // MD5 of "マトリックス:example.org:TheMatrIX", RFC 5769 §2.4.

    [Fact]
    public void The_rfc_vectors_hold_whatever_stands_behind_the_attribute()
    {
        AssertHolds(Vectors.Rfc5769Request, ShortTermKey);
        AssertHolds(Vectors.Rfc5769ResponseIpv4, ShortTermKey);
        AssertHolds(Vectors.Rfc5769ResponseIpv6, ShortTermKey);
        AssertHolds(Vectors.Rfc5769LongTermRequest, LongTermKey);
    }

    [Fact]
    public void A_wrong_key_and_every_flipped_bit_break_it()
    {
        Assert.False(Holds(Vectors.Rfc5769Request, LongTermKey));
        for (int bit = 0; bit < (Vectors.Rfc5769Request.Length - 8) * 8; bit++)
        {
            if (bit / 8 is 2 or 3) continue; // The length, which is replaced.
            byte[] flipped = (byte[])Vectors.Rfc5769Request.Clone();
            flipped[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(Holds(flipped, ShortTermKey), $"bit {bit}");
        }
    }

    [Fact]
    public void What_the_writer_adds_holds_with_both_hashes_and_a_fingerprint_behind_them()
    {
        var writer = new StunMessageWriter(new byte[200], StunMessageType.BindingRequest, Vectors.Id);
        writer.Add(StunAttributeType.Username, "name"u8);
        writer.AddMessageIntegrity(ShortTermKey);
        writer.AddMessageIntegritySha256(ShortTermKey);
        writer.AddFingerprint();

        byte[] message = writer.Written.ToArray();

        Assert.Equal(20 + 8 + 24 + 36 + 8, message.Length);
        AssertHolds(message, ShortTermKey);
        Assert.True(Fingerprint.Matches(message.AsSpan(0, message.Length - 8), message.AsSpan(message.Length - 4)));
    }

    [Theory]
    [InlineData(32, true)]
    [InlineData(28, true)]
    [InlineData(16, true)]
    [InlineData(12, false)]
    [InlineData(18, false)]
    [InlineData(0, false)]
    public void A_truncated_sha256_holds_down_to_16_bytes(int length, bool expected)
    {
        // The length that is hashed counts the attribute as it is, so each length has a hash of its own.
        byte[] before = [0, 1, 0, (byte)(4 + length), 0x21, 0x12, 0xa4, 0x42, .. new byte[12]];
        byte[] value = HMACSHA256.HashData(ShortTermKey, before)[..length];

        Assert.Equal(expected, MessageIntegrity.MatchesSha256(before, ShortTermKey, value));
    }

    [Fact]
    public void Fewer_bytes_than_a_header_never_match()
    {
        Assert.False(MessageIntegrity.MatchesSha1(new byte[19], ShortTermKey, new byte[20]));
        Assert.False(MessageIntegrity.MatchesSha256([], ShortTermKey, new byte[32]));
    }

    private static void AssertHolds(byte[] message, byte[] key) => Assert.True(Holds(message, key));

    /// <summary>Every integrity attribute of the message holds, and there is one.</summary>
    private static bool Holds(byte[] message, byte[] key)
    {
        int found = 0;
        int start = StunHeader.Length;
        var reader = new StunAttributeReader(message.AsSpan(StunHeader.Length));
        while (reader.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            ReadOnlySpan<byte> before = message.AsSpan(0, start);
            if (type == StunAttributeType.MessageIntegrity && !MessageIntegrity.MatchesSha1(before, key, value)) return false;
            if (type == StunAttributeType.MessageIntegritySha256 && !MessageIntegrity.MatchesSha256(before, key, value)) return false;
            if (type is StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256) found++;
            start = StunHeader.Length + reader.Position;
        }

        return found > 0;
    }
}
