namespace Relay.Protocol.Tests;

/// <summary>The keys and byte strings of the golden vectors, made with an independent NaCl.</summary>
internal static class Golden
{
    public const string ServerKeyHex = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    public const string ClientKeyHex = "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

    public static NodeKeyPair Client { get; } = NodeKeyPair.FromPrivateKey(Bytes("0002030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f60"));

    public static NodeKeyPair Server { get; } = NodeKeyPair.FromPrivateKey(Bytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));

    /// <summary>The nonce of ClientInfo and of every disco vector.</summary>
    public static byte[] FirstNonce { get; } = Bytes("000102030405060708090a0b0c0d0e0f1011121314151617");

    /// <summary>The nonce of ServerInfo.</summary>
    public static byte[] SecondNonce { get; } = Bytes("18191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f");

    public static byte[] Bytes(string hex) => Convert.FromHexString(hex);

    public static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);
}
