namespace Relay.Protocol;

/// <summary>
/// Seals and opens between two fixed keys: NaCl crypto_box (X25519, XSalsa20-Poly1305) with the curve operation done once, beforehand.
/// What one end seals the other opens with the same shared key, so a message must name its sender where reflection would matter.
/// </summary>
public sealed class Box
{
    /// <summary>The length of a nonce in bytes. It goes in clear in front of the box and must never repeat under one pair of keys.</summary>
    public const int NonceLength = Sodium.NonceLength;

    /// <summary>How much longer a box is than its message: the authenticator, in bytes.</summary>
    public const int Overhead = Sodium.TagLength;

    private readonly byte[] _shared = new byte[Sodium.KeyLength];
    private readonly bool _isWeak;

    /// <summary>Does the curve operation, about 30 µs.</summary>
    public Box(NodeKeyPair own, NodeKey other)
    {
        Span<byte> publicKey = stackalloc byte[NodeKey.Length];
        other.CopyTo(publicKey);
        Sodium.Precompute(_shared, publicKey, own.Secret, out _isWeak);
    }

    /// <summary>Seals <paramref name="message"/> into <paramref name="box"/>, which must be longer by <see cref="Overhead"/>.</summary>
    public void Seal(ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce, Span<byte> box) => Sodium.Seal(box, message, nonce, _shared);

    /// <summary>Opens <paramref name="box"/> into <paramref name="message"/>, which must be shorter by <see cref="Overhead"/>.</summary>
    /// <returns>False where the box is not from the other key, was changed, or is too short to be one.</returns>
    public bool TryOpen(ReadOnlySpan<byte> box, ReadOnlySpan<byte> nonce, Span<byte> message) =>
        !_isWeak && box.Length >= Overhead && Sodium.Open(message, box, nonce, _shared);
}
