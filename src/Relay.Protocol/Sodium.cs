using System.Runtime.InteropServices;

namespace Relay.Protocol;

/// <summary>The few functions of libsodium that are needed. The native side checks no lengths: callers here do.</summary>
internal static partial class Sodium
{
    public const int KeyLength = 32;
    public const int NonceLength = 24;
    public const int TagLength = 16;
    public const int SeedLength = 32;
    public const int SigningKeyLength = 64;
    public const int SignatureLength = 64;

    static Sodium()
    {
        if (sodium_init() < 0) throw new DllNotFoundException("libsodium was found but could not be initialised.");
    }

    public static void Precompute(Span<byte> shared, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> secretKey, out bool isWeak)
    {
        if (shared.Length != KeyLength || publicKey.Length != KeyLength || secretKey.Length != KeyLength) throw new ArgumentException("Keys have 32 bytes.");
        isWeak = crypto_box_beforenm(shared, publicKey, secretKey) != 0; // A low-order public key: the product is zero.
    }

    public static void PublicFromSecret(Span<byte> publicKey, ReadOnlySpan<byte> secretKey)
    {
        if (publicKey.Length != KeyLength || secretKey.Length != KeyLength) throw new ArgumentException("Keys have 32 bytes.");
        if (crypto_scalarmult_base(publicKey, secretKey) != 0) throw new ArgumentException("Not a usable private key.");
    }

    public static void Seal(Span<byte> box, ReadOnlySpan<byte> message, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared)
    {
        if (box.Length != message.Length + TagLength || nonce.Length != NonceLength || shared.Length != KeyLength) throw new ArgumentException("A box is its message and 16 bytes.");
        if (crypto_box_easy_afternm(box, message, (ulong)message.Length, nonce, shared) != 0) throw new InvalidOperationException("Sealing failed.");
    }

    public static bool Open(Span<byte> message, ReadOnlySpan<byte> box, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared)
    {
        if (box.Length != message.Length + TagLength || nonce.Length != NonceLength || shared.Length != KeyLength) throw new ArgumentException("A box is its message and 16 bytes.");
        return crypto_box_open_easy_afternm(message, box, (ulong)box.Length, nonce, shared) == 0;
    }

    public static void SigningKeys(Span<byte> publicKey, Span<byte> secretKey, ReadOnlySpan<byte> seed)
    {
        if (publicKey.Length != KeyLength || secretKey.Length != SigningKeyLength || seed.Length != SeedLength) throw new ArgumentException("A seed has 32 bytes.");
        if (crypto_sign_seed_keypair(publicKey, secretKey, seed) != 0) throw new InvalidOperationException("Signing keys could not be made.");
    }

    public static void Sign(Span<byte> signature, ReadOnlySpan<byte> message, ReadOnlySpan<byte> secretKey)
    {
        if (signature.Length != SignatureLength || secretKey.Length != SigningKeyLength) throw new ArgumentException("A signature has 64 bytes.");
        if (crypto_sign_detached(signature, 0, message, (ulong)message.Length, secretKey) != 0) throw new InvalidOperationException("Signing failed.");
    }

    [LibraryImport("libsodium")]
    private static partial int sodium_init();

    [LibraryImport("libsodium")]
    private static partial int crypto_sign_seed_keypair(Span<byte> publicKey, Span<byte> secretKey, ReadOnlySpan<byte> seed);

    [LibraryImport("libsodium")]
    private static partial int crypto_sign_detached(Span<byte> signature, nint signatureLength, ReadOnlySpan<byte> message, ulong messageLength, ReadOnlySpan<byte> secretKey);

    [LibraryImport("libsodium")]
    private static partial int crypto_scalarmult_base(Span<byte> publicKey, ReadOnlySpan<byte> secretKey);

    [LibraryImport("libsodium")]
    private static partial int crypto_box_beforenm(Span<byte> shared, ReadOnlySpan<byte> publicKey, ReadOnlySpan<byte> secretKey);

    [LibraryImport("libsodium")]
    private static partial int crypto_box_easy_afternm(Span<byte> box, ReadOnlySpan<byte> message, ulong messageLength, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared);

    [LibraryImport("libsodium")]
    private static partial int crypto_box_open_easy_afternm(Span<byte> message, ReadOnlySpan<byte> box, ulong boxLength, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> shared);
}
