using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Stun.Protocol;

/// <summary>
/// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256: an HMAC over everything before the attribute, where the length in the header counts
/// the message up to the end of the attribute and nothing behind it (RFC 8489 §14.5, §14.6). The key is the password in UTF-8 (short-term
/// credentials, §9.1.1) or a hash of name, realm and password (long-term credentials, §9.2.2); it is for the caller to make. Allocates.
/// </summary>
public static class MessageIntegrity
{
    /// <summary>The length of MESSAGE-INTEGRITY's value in bytes.</summary>
    public const int Sha1Length = 20;

    /// <summary>The length of MESSAGE-INTEGRITY-SHA256's value in bytes, where it is not truncated.</summary>
    public const int Sha256Length = 32;

    private const int LeastSha256Length = 16;
    private const int PatchedLength = 4; // Type and length, the beginning of the header.

    /// <summary>Says whether <paramref name="value"/> is the HMAC-SHA1 of the message before the attribute. Takes the same time for every wrong value.</summary>
    /// <param name="messageBefore">The message up to the attribute: its header, and the attributes in front.</param>
    /// <param name="key">See the type.</param>
    /// <param name="value">The attribute's value.</param>
    public static bool MatchesSha1(ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (messageBefore.Length < StunHeader.Length || value.Length != Sha1Length) return false;

        Span<byte> expected = stackalloc byte[Sha1Length];
        ComputeSha1(messageBefore, key, expected);
        return CryptographicOperations.FixedTimeEquals(expected, value);
    }

    /// <summary>As <see cref="MatchesSha1"/> with HMAC-SHA256, of which a sender may cut off the end: 16 to 32 bytes in steps of 4 are left (RFC 8489 §14.6).</summary>
    public static bool MatchesSha256(ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        if (messageBefore.Length < StunHeader.Length || value.Length is < LeastSha256Length or > Sha256Length || value.Length % 4 != 0) return false;

        Span<byte> expected = stackalloc byte[Sha256Length];
        Compute(HashAlgorithmName.SHA256, messageBefore, key, value.Length, expected);
        return CryptographicOperations.FixedTimeEquals(expected[..value.Length], value);
    }

    internal static void ComputeSha1(ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> key, Span<byte> hash) =>
        Compute(HashAlgorithmName.SHA1, messageBefore, key, Sha1Length, hash);

    internal static void ComputeSha256(ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> key, Span<byte> hash) =>
        Compute(HashAlgorithmName.SHA256, messageBefore, key, Sha256Length, hash);

    private static void Compute(HashAlgorithmName algorithm, ReadOnlySpan<byte> messageBefore, ReadOnlySpan<byte> key, int valueLength, Span<byte> hash)
    {
        Span<byte> start = stackalloc byte[PatchedLength];
        messageBefore[..PatchedLength].CopyTo(start);
        int bodyLength = messageBefore.Length - StunHeader.Length + StunAttributeReader.HeaderLength + valueLength;
        BinaryPrimitives.WriteUInt16BigEndian(start[StunHeader.BodyLengthOffset..], (ushort)bodyLength);

        using var hmac = IncrementalHash.CreateHMAC(algorithm, key);
        hmac.AppendData(start);
        hmac.AppendData(messageBefore[PatchedLength..]);
        hmac.GetHashAndReset(hash);
    }
}
