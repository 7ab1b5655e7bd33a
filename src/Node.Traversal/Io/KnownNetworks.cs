using System.Text.Json;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io;

/// <summary>What was learnt of the networks the node has been in, by their fingerprints: how far away the regions are from there.</summary>
internal sealed class KnownNetworks
{
    /// <summary>The most networks kept. The one that was not used for the longest time makes room.</summary>
    public const int MaxNetworks = 32;

    private const int MaxRegions = 64;

    private readonly List<(NetworkFingerprint Network, IReadOnlyDictionary<int, TimeSpan> Latencies)> _networks = []; // The last used is last.

    /// <summary>The latencies of regions as they were last measured in that network; empty where it is not known.</summary>
    public IReadOnlyDictionary<int, TimeSpan> Find(NetworkFingerprint network) =>
        _networks.Find(known => known.Network == network).Latencies ?? new Dictionary<int, TimeSpan>();

    /// <summary>Keeps the latencies measured in a network.</summary>
    public void Note(NetworkFingerprint network, IReadOnlyDictionary<int, TimeSpan> latencies)
    {
        if (!network.IsKnown || latencies.Count == 0) return;
        _networks.RemoveAll(known => known.Network == network);
        if (_networks.Count == MaxNetworks) _networks.RemoveAt(0);
        _networks.Add((network, latencies.OrderBy(region => region.Value).Take(MaxRegions).ToDictionary()));
    }

    /// <summary>Reads them from a state file's member.</summary>
    /// <exception cref="InvalidOperationException">It is no such member.</exception>
    public void Read(JsonElement json)
    {
        foreach (JsonProperty network in json.EnumerateObject())
        {
            Dictionary<int, TimeSpan> latencies = [];
            foreach (JsonProperty region in network.Value.GetProperty("latenciesMs").EnumerateObject())
            {
                double milliseconds = region.Value.GetDouble();
                if (int.TryParse(region.Name, out int id) && milliseconds is > 0 and < 60_000) latencies[id] = TimeSpan.FromMilliseconds(milliseconds);
            }

            Note(new NetworkFingerprint(network.Name), latencies);
        }
    }

    /// <summary>Writes them, the last used last.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("networks");
        foreach ((NetworkFingerprint network, IReadOnlyDictionary<int, TimeSpan> latencies) in _networks)
        {
            json.WriteStartObject(network.Text);
            json.WriteStartObject("latenciesMs");
            foreach ((int region, TimeSpan latency) in latencies) json.WriteNumber($"{region}", Math.Round(latency.TotalMilliseconds, 3));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }
}
