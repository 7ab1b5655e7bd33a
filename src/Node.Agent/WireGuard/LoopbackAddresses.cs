using System.Buffers.Binary;
using System.Security.Cryptography;
using Addresses;
using Relay.Protocol;

namespace Node.Agent.WireGuard;

/// <summary>
/// Finds the loopback address at which WireGuard reaches a peer: one of its own for each, so that WireGuard's limiter, which counts by
/// address, sees peers apart. It follows from the peer's public key and is the same after every restart.
/// </summary>
internal static class LoopbackAddresses
{
    /// <summary>16: so many addresses are tried before giving up; two taken ones in a row are rare already.</summary>
    public const int MaxAttempts = 16;

    // 127.64.0.0/10: below it is crowded (resolvers, host names, containers), and above it are the networks others pick by hand.
    private const uint Network = 127u << 24;
    private const uint FirstSecondByte = 64;
    private const uint SecondBytes = 64;
    private const uint LastBytes = 254; // 1 to 254: .0 and .255 look like a network and a broadcast.

    // Below the ports that are given out (32768 and up), where a socket of the node or of WireGuard on all addresses would be in the way.
    private const ushort FirstPort = 21820;

    /// <summary>The address to try first (<paramref name="attempt"/> 0) or, where that is taken, next.</summary>
    public static TransportAddress Of(NodeKey peer, int attempt)
    {
        Span<byte> input = stackalloc byte[NodeKey.Length + 1];
        peer.CopyTo(input);
        input[^1] = (byte)attempt;
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);

        uint second = FirstSecondByte + (hash[0] % SecondBytes);
        uint last = 1 + (BinaryPrimitives.ReadUInt32BigEndian(hash[2..]) % LastBytes);
        return TransportAddress.FromIpv4(Network | (second << 16) | ((uint)hash[1] << 8) | last, (ushort)(FirstPort + attempt));
    }
}
