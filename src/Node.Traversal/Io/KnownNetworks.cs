using System.Text.Json;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io;

/// <summary>What was learnt of the networks the node has been in, by their fingerprints: what NAT stands before them, and how far away the regions are from there.</summary>
internal sealed class KnownNetworks
{
    /// <summary>The most networks kept. The one that was not used for the longest time makes room.</summary>
    public const int MaxNetworks = 32;

    /// <summary>
    /// How long a NAT is remembered without being found out anew. Each visit renews it; what no discovery can bear out any more, because it was
    /// a lie or the router is another, ends after this.
    /// </summary>
    public static readonly TimeSpan NatMemory = TimeSpan.FromDays(30);

    private const int MaxRegions = 64;

    private readonly List<Entry> _networks = []; // The last used is last.

    /// <summary>What is remembered of that network; nothing but its name where it is not known.</summary>
    public KnownNetwork Find(NetworkFingerprint network, DateTimeOffset now)
    {
        Entry? entry = _networks.Find(known => known.Network == network);
        return entry is null ? new KnownNetwork(network) : new KnownNetwork(network) { Latencies = entry.Latencies, Ipv4 = Fresh(entry.Ipv4, now), Ipv6 = Fresh(entry.Ipv6, now) };
    }

    /// <summary>Keeps the latencies measured in a network.</summary>
    public void Note(NetworkFingerprint network, IReadOnlyDictionary<int, TimeSpan> latencies)
    {
        if (latencies.Count == 0) return;
        Change(network, entry => entry with { Latencies = latencies.OrderBy(region => region.Value).Take(MaxRegions).ToDictionary() });
    }

    /// <summary>Keeps what was found out of a network's NAT for one family.</summary>
    public void Note(NetworkFingerprint network, bool isIpv4, RememberedNat nat, DateTimeOffset now)
    {
        LearntNat learnt = new(nat, now);
        Change(network, entry => isIpv4 ? entry with { Ipv4 = learnt } : entry with { Ipv6 = learnt });
    }

    /// <summary>Reads them from a state file's member.</summary>
    /// <exception cref="InvalidOperationException">It is no such member.</exception>
    /// <exception cref="FormatException">It is one, and damaged.</exception>
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
            if (LearntNat.TryRead(network.Value, "ipv4", out LearntNat ipv4)) Note(new NetworkFingerprint(network.Name), isIpv4: true, ipv4.Nat, ipv4.At);
            if (LearntNat.TryRead(network.Value, "ipv6", out LearntNat ipv6)) Note(new NetworkFingerprint(network.Name), isIpv4: false, ipv6.Nat, ipv6.At);
        }
    }

    /// <summary>Writes them, the last used last.</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("networks");
        foreach (Entry entry in _networks)
        {
            json.WriteStartObject(entry.Network.Text);
            json.WriteStartObject("latenciesMs");
            foreach ((int region, TimeSpan latency) in entry.Latencies) json.WriteNumber($"{region}", Math.Round(latency.TotalMilliseconds, 3));
            json.WriteEndObject();
            entry.Ipv4?.Write(json, "ipv4");
            entry.Ipv6?.Write(json, "ipv6");
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static RememberedNat? Fresh(LearntNat? learnt, DateTimeOffset now) => learnt is { } nat && now - nat.At < NatMemory ? nat.Nat : null;

    private void Change(NetworkFingerprint network, Func<Entry, Entry> change)
    {
        if (!network.IsKnown) return;
        Entry entry = _networks.Find(known => known.Network == network) ?? new Entry(network);
        _networks.Remove(entry);
        if (_networks.Count == MaxNetworks) _networks.RemoveAt(0);
        _networks.Add(change(entry));
    }

    private sealed record Entry(NetworkFingerprint Network)
    {
        public IReadOnlyDictionary<int, TimeSpan> Latencies { get; init; } = new Dictionary<int, TimeSpan>();

        public LearntNat? Ipv4 { get; init; }

        public LearntNat? Ipv6 { get; init; }
    }
}
