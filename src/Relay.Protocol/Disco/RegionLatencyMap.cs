using MessagePack;

namespace Relay.Protocol.Disco;

/// <summary>Latencies on the wire: a MessagePack map from region id to whole milliseconds.</summary>
internal static class RegionLatencyMap
{
    public static void Write(ref MessagePackWriter writer, IReadOnlyList<RegionLatency> latencies)
    {
        int count = Math.Min(latencies.Count, RegionLatency.MaxRegions);
        writer.WriteMapHeader(count);
        for (int i = 0; i < count; i++)
        {
            writer.Write(latencies[i].RegionId);
            writer.Write(latencies[i].Milliseconds);
        }
    }

    /// <summary>Reads what <see cref="Write"/> has written. What is over the limits, or said twice, is passed over.</summary>
    /// <exception cref="MessagePackSerializationException">It is no such map.</exception>
    public static IReadOnlyList<RegionLatency> Read(ref MessagePackReader reader)
    {
        int count = reader.ReadMapHeader();
        List<RegionLatency> latencies = [];
        for (int i = 0; i < count; i++)
        {
            long region = reader.ReadInt64(), milliseconds = reader.ReadInt64();
            bool isOne = region is > 0 and <= int.MaxValue && milliseconds is >= 0 and <= RegionLatency.MaxMilliseconds;
            if (!isOne || latencies.Count == RegionLatency.MaxRegions || latencies.Exists(known => known.RegionId == region)) continue;
            latencies.Add(new RegionLatency((int)region, (int)milliseconds));
        }

        return latencies.Count == 0 ? [] : latencies;
    }
}
