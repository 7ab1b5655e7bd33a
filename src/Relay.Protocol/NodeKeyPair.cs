using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>A private key and its public key (X25519). The private half is never printed and leaves only by <see cref="CopySecretTo"/>.</summary>
public sealed class NodeKeyPair
{
    private readonly byte[] _secret;

    private NodeKeyPair(ReadOnlySpan<byte> secret)
    {
        _secret = secret.ToArray();
        // The clamping of RFC 7748 §5: a key is the same key before and after it.
        _secret[0] &= 0xf8;
        _secret[31] = (byte)(_secret[31] & 0x7f | 0x40);

        Span<byte> publicKey = stackalloc byte[NodeKey.Length];
        Sodium.PublicFromSecret(publicKey, _secret);
        PublicKey = new NodeKey(publicKey);
    }

    /// <summary>The public key.</summary>
    public NodeKey PublicKey { get; }

    internal ReadOnlySpan<byte> Secret => _secret;

    /// <summary>Makes the pair of a private key; 32 random bytes are a private key.</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public static NodeKeyPair FromPrivateKey(ReadOnlySpan<byte> secret)
    {
        if (secret.Length != NodeKey.Length) throw new ArgumentException($"A private key has {NodeKey.Length} bytes, not {secret.Length}.", nameof(secret));
        return new NodeKeyPair(secret);
    }

    /// <summary>Reads WireGuard's form of a private key: 44 characters of base64.</summary>
    public static bool TryParseBase64(ReadOnlySpan<char> text, out NodeKeyPair? pair)
    {
        pair = null;
        Span<byte> secret = stackalloc byte[NodeKey.Length + 1];
        if (text.Length != 44 || !Convert.TryFromBase64Chars(text, secret, out int written) || written != NodeKey.Length) return false;
        pair = new NodeKeyPair(secret[..NodeKey.Length]);
        CryptographicOperations.ZeroMemory(secret);
        return true;
    }

    /// <summary>Copies the private key out, to keep it in a file that only its owner can read.</summary>
    public void CopySecretTo(Span<byte> destination) => _secret.CopyTo(destination);

    /// <summary>The public key's short form: the private key has no text form.</summary>
    public override string ToString() => PublicKey.ToString();
}
