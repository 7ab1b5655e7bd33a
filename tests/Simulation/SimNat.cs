using Addresses;
using Timing;

namespace Simulation;

/// <summary>A NAT in RFC 4787's words: a table of mappings, each with those it lets in. It looks at addresses only, never at contents.</summary>
public sealed class SimNat(NatKind kind, TransportAddress publicAddress, Random random)
{
    private readonly Dictionary<MappingKey, MappingEntry> _mappings = [];
    private readonly Dictionary<ushort, MappingEntry> _byPort = [];
    private int _next = random.Next(kind.LowestPort, kind.HighestPort + 1);

    /// <summary>What kind it is. May be changed while it runs: rules on a router can be, too.</summary>
    public NatKind Kind { get; set; } = kind;

    /// <summary>Its public address.</summary>
    public TransportAddress PublicAddress { get; private set; } = publicAddress;

    /// <summary>The most mappings there were at once.</summary>
    public int MostMappings { get; private set; }

    /// <summary>Translates a packet on its way out.</summary>
    /// <returns>The public source; not valid = dropped.</returns>
    public TransportAddress Out(TransportAddress source, TransportAddress destination, Instant now)
    {
        if (Kind.BlocksUdp) return default;
        MappingKey key = KeyOf(source, destination);
        if (_mappings.TryGetValue(key, out MappingEntry? mapping) && IsExpired(mapping, now)) mapping = Forget(key, mapping);
        mapping ??= Make(key, source, now);
        mapping.LastUsed = now;
        mapping.Permitted[destination] = now;
        return PublicAddress.WithPort(mapping.Port);
    }

    /// <summary>Translates a packet on its way in.</summary>
    /// <returns>The local destination; not valid = dropped.</returns>
    public TransportAddress In(TransportAddress source, ushort port, Instant now)
    {
        if (Kind.BlocksUdp || !_byPort.TryGetValue(port, out MappingEntry? mapping) || IsExpired(mapping, now)) return default;
        bool isPermitted = Kind.Filtering switch
        {
            Filtering.EndpointIndependent => true,
            Filtering.AddressDependent => mapping.Permitted.Any(entry => entry.Key.Bits == source.Bits && now - entry.Value <= Kind.Lifetime),
            _ => mapping.Permitted.TryGetValue(source, out Instant at) && now - at <= Kind.Lifetime,
        };
        if (!isPermitted) return default;
        mapping.LastUsed = now;
        mapping.Permitted[source] = now; // What comes in on an open way keeps it open,
        _mappings[KeyOf(mapping.Local, source)] = mapping; // and is answered from the port that it came to, as Linux does: the latest flow counts.
        return mapping.Local;
    }

    /// <summary>The router starts anew: it has forgotten everything, and may have another address.</summary>
    public void Reboot(TransportAddress publicAddress)
    {
        PublicAddress = publicAddress;
        _mappings.Clear();
        _byPort.Clear();
    }

    private MappingKey KeyOf(TransportAddress source, TransportAddress destination) => Kind.Mapping switch
    {
        Mapping.EndpointIndependent => new MappingKey(source, default),
        Mapping.AddressDependent => new MappingKey(source, destination.WithPort(0)),
        _ => new MappingKey(source, destination),
    };

    private MappingEntry Make(MappingKey key, TransportAddress local, Instant now)
    {
        ushort port = Kind.PreservesPorts && !_byPort.ContainsKey(local.Port) ? local.Port : Kind.PortStep != 0 ? NextPort() : RandomPort();
        MappingEntry mapping = new(local, port) { LastUsed = now };
        _mappings[key] = mapping;
        _byPort[port] = mapping;
        MostMappings = Math.Max(MostMappings, _mappings.Count);
        return mapping;
    }

    private ushort RandomPort()
    {
        ushort port;
        do port = (ushort)random.Next(Kind.LowestPort, Kind.HighestPort + 1);
        while (_byPort.ContainsKey(port));
        return port;
    }

    private ushort NextPort()
    {
        int span = Kind.HighestPort - Kind.LowestPort + 1;
        do _next = Kind.LowestPort + (((_next - Kind.LowestPort + Kind.PortStep) % span) + span) % span;
        while (_byPort.ContainsKey((ushort)_next));
        return (ushort)_next;
    }

    private bool IsExpired(MappingEntry mapping, Instant now) => now - mapping.LastUsed > Kind.Lifetime;

    private MappingEntry? Forget(MappingKey key, MappingEntry mapping)
    {
        _mappings.Remove(key);
        if (_byPort.GetValueOrDefault(mapping.Port) == mapping) _byPort.Remove(mapping.Port);
        return null;
    }

    private readonly record struct MappingKey(TransportAddress Source, TransportAddress Destination);

    private sealed class MappingEntry(TransportAddress local, ushort port)
    {
        public TransportAddress Local => local;

        public ushort Port => port;

        public Instant LastUsed { get; set; }

        public Dictionary<TransportAddress, Instant> Permitted { get; } = [];
    }
}
