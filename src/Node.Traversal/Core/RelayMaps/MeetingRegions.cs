using System.Buffers.Binary;
using System.Security.Cryptography;
using Relay.Protocol;

namespace Node.Traversal.Core.RelayMaps;

/// <summary>
/// Where nodes meet that know only each other's keys: everybody ranks the regions by SHA-256(public key ‖ region id as 32 bits, big-endian),
/// highest first. The owner of the key is connected to the first it can reach, and whoever looks for it asks there.
/// </summary>
internal static class MeetingRegions
{
    /// <summary>The ids of the regions that may be home, best first for <paramref name="key"/>.</summary>
    public static int[] Rank(NodeKey key, RelayMap map)
    {
        List<(byte[] Hash, int Id)> ranked = [];
        foreach (RelayRegion region in map.Regions)
        {
            if (region.MayBeHome) ranked.Add((HashOf(key, region.Id), region.Id));
        }

        ranked.Sort((left, right) => right.Hash.AsSpan().SequenceCompareTo(left.Hash));
        return [.. ranked.Select(entry => entry.Id)];
    }

    private static byte[] HashOf(NodeKey key, int regionId)
    {
        Span<byte> input = stackalloc byte[NodeKey.Length + sizeof(int)];
        key.CopyTo(input);
        BinaryPrimitives.WriteInt32BigEndian(input[NodeKey.Length..], regionId);
        return SHA256.HashData(input);
    }
}
