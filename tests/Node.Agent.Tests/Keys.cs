using Relay.Protocol;

namespace Node.Agent.Tests;

/// <summary>Keys that are the same in every run.</summary>
internal static class Keys
{
    public static NodeKey Peer(int number) => Pair(number).PublicKey;

    public static NodeKeyPair Pair(int number) => NodeKeyPair.FromPrivateKey(Secret(number));

    public static string PrivateText(int number) => Convert.ToBase64String(Secret(number));

    private static byte[] Secret(int number)
    {
        byte[] secret = new byte[NodeKey.Length];
        secret.AsSpan().Fill(0x40);
        BitConverter.TryWriteBytes(secret.AsSpan(1), number);
        return secret;
    }
}
