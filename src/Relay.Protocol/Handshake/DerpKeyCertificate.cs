using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Protocol.Handshake;

/// <summary>
/// The certificate by which a relay tells its key inside TLS, so that clients can start fast: the last in the chain, self-signed with
/// Ed25519 by a key that is kept nowhere. Its name is <c>derpkey</c> and the relay's key, its serial number the protocol's version. Nobody
/// checks its signature: what it says is worth what the TLS session is worth.
/// </summary>
/// <remarks>It is an X.509 certificate (RFC 5280 §4.1) with an Ed25519 key (RFC 8410), written here because the platform cannot make one.</remarks>
public static class DerpKeyCertificate
{
    /// <summary>What the name begins with.</summary>
    public const string NamePrefix = "derpkey";

    /// <summary>The length of the random bytes it is made from.</summary>
    public const int SeedLength = Sodium.SeedLength;

    private const string CommonName = "2.5.4.3";
    private const string BasicConstraints = "2.5.29.19";
    private const string Ed25519 = "1.3.101.112";

    /// <summary>Makes the certificate (DER).</summary>
    /// <param name="relayKey">The relay's key.</param>
    /// <param name="seed"><see cref="SeedLength"/> random bytes: the private key that signs it, and nothing else ever.</param>
    /// <param name="notBefore">From when it is good, UTC, in the form YYMMDDhhmmssZ (RFC 5280 §4.1.2.5.1).</param>
    /// <param name="notAfter">Until when, in the same form.</param>
    public static byte[] Make(NodeKey relayKey, ReadOnlySpan<byte> seed, string notBefore, string notAfter)
    {
        Span<byte> publicKey = stackalloc byte[Sodium.KeyLength];
        Span<byte> secretKey = stackalloc byte[Sodium.SigningKeyLength];
        Sodium.SigningKeys(publicKey, secretKey, seed);
        byte[] body = Body(relayKey, publicKey, notBefore, notAfter);
        byte[] signature = new byte[Sodium.SignatureLength];
        Sodium.Sign(signature, body, secretKey);
        CryptographicOperations.ZeroMemory(secretKey);

        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            writer.WriteEncodedValue(body);
            WriteAlgorithm(writer);
            writer.WriteBitString(signature);
        }

        return writer.Encode();
    }

    /// <summary>Reads the relay's key off the subject's common name; false where it is not such a certificate's.</summary>
    public static bool TryReadName(ReadOnlySpan<char> commonName, out NodeKey relayKey)
    {
        relayKey = default;
        return commonName.StartsWith(NamePrefix, StringComparison.Ordinal) && NodeKey.TryParseHex(commonName[NamePrefix.Length..], out relayKey) && !relayKey.IsZero;
    }

    /// <summary>What is signed: version, serial number, algorithm, issuer, validity, subject, key, extensions.</summary>
    private static byte[] Body(NodeKey relayKey, ReadOnlySpan<byte> publicKey, string notBefore, string notAfter)
    {
        AsnWriter writer = new(AsnEncodingRules.DER);
        using (writer.PushSequence())
        {
            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0))) writer.WriteInteger(2); // Version 3.
            writer.WriteInteger(ClientInfo.ProtocolVersion);
            WriteAlgorithm(writer);
            WriteName(writer, relayKey);
            using (writer.PushSequence())
            {
                WriteTime(writer, notBefore);
                WriteTime(writer, notAfter);
            }

            WriteName(writer, relayKey);
            using (writer.PushSequence())
            {
                WriteAlgorithm(writer);
                writer.WriteBitString(publicKey);
            }

            using (writer.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 3)))
            using (writer.PushSequence())
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(BasicConstraints);
                writer.WriteBoolean(true); // Critical.
                writer.WriteOctetString([0x30, 0x00]); // An empty sequence: no authority.
            }
        }

        return writer.Encode();
    }

    private static void WriteAlgorithm(AsnWriter writer)
    {
        using (writer.PushSequence()) writer.WriteObjectIdentifier(Ed25519); // Without parameters (RFC 8410 §3).
    }

    private static void WriteName(AsnWriter writer, NodeKey relayKey)
    {
        using (writer.PushSequence())
        using (writer.PushSetOf())
        using (writer.PushSequence())
        {
            writer.WriteObjectIdentifier(CommonName);
            writer.WriteCharacterString(UniversalTagNumber.UTF8String, NamePrefix + relayKey.ToHex());
        }
    }

    /// <summary>UTCTime as it stands on the wire: this floor knows no calendar.</summary>
    private static void WriteTime(AsnWriter writer, string time)
    {
        byte[] text = Encoding.ASCII.GetBytes(time);
        writer.WriteEncodedValue([0x17, (byte)text.Length, .. text]);
    }
}
