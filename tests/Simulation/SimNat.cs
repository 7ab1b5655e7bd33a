using Addresses;
using Timing;

namespace Simulation;

/// <summary>
/// A NAT in RFC 4787's words, or a firewall, which is one that keeps addresses as they are. It looks at addresses only, never at contents.
/// A mapping is a public port of an inside one; a flow is what a mapping carries to and from one destination, and what a router's table
/// has an entry for.
/// </summary>
public sealed class SimNat(NatKind kind, TransportAddress publicAddress, Random random)
{
    /// <summary>How long a flow stays in a router's table that nothing has answered, as on Linux.</summary>
    public static readonly TimeSpan UnansweredLifetime = TimeSpan.FromSeconds(30);

    private const int RandomTries = 64;
    private const int MostBackgroundFlows = 4096;

    private readonly Dictionary<MappingKey, MappingEntry> _mappings = [];
    private readonly Dictionary<TransportAddress, MappingEntry> _byPublic = [];
    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private readonly Dictionary<FlowKey, Flow> _flowsByPublic = [];
    private readonly Dictionary<FlowKey, Instant> _early = [];
    private readonly PriorityQueue<Flow, long> _unanswered = new();
    private readonly Queue<TransportAddress> _others = []; // At most half of the ports: nobody sells a block that is full.
    private int _next = random.Next(kind.LowestPort, kind.HighestPort + 1);
    private Instant _lastBackground;

    /// <summary>What kind it is. May be changed while it runs: rules on a router can be, too.</summary>
    public NatKind Kind { get; set; } = kind;

    /// <summary>Its public address.</summary>
    public TransportAddress PublicAddress { get; private set; } = publicAddress;

    /// <summary>Flows that have gone out and were not answered, at present. Unanswered ones are forgotten after <see cref="UnansweredLifetime"/>.</summary>
    public int Unanswered { get; private set; }

    /// <summary>The most <see cref="Unanswered"/> there were at once.</summary>
    public int MostUnanswered { get; private set; }

    /// <summary>The most there were at once of unanswered flows and of early packets' tuples together, which its table holds as well.</summary>
    public int MostEntries { get; private set; }

    /// <summary>When it last had no port left for a flow; null = never.</summary>
    public Instant? LastFull { get; private set; }

    /// <summary>Flows that were ever made from inside.</summary>
    public int FlowsMade { get; private set; }

    /// <summary>Translates a packet on its way out.</summary>
    /// <returns>The public source; not valid = dropped.</returns>
    public TransportAddress Out(TransportAddress source, TransportAddress destination, Instant now)
    {
        if (Kind.BlocksUdp) return default;
        FlowKey key = new(source, destination);
        if (!_flows.TryGetValue(key, out Flow? flow) || IsExpired(flow.LastUsed, now) || IsExpired(flow.Mapping, now))
        {
            if (MappingFor(source, destination, now) is not { } mapping)
            {
                LastFull = now;
                return default;
            }

            flow = new Flow(mapping) { LastUsed = now };
            AddFlow(flow, source, destination);
            CountUnanswered(flow, now);
        }

        flow.LastUsed = now;
        flow.Mapping.LastUsed = now;
        flow.Mapping.Permitted[destination] = now;
        return flow.Mapping.Public;
    }

    /// <summary>Translates a packet on its way in to a public port.</summary>
    /// <returns>The local destination; not valid = dropped.</returns>
    public TransportAddress In(TransportAddress source, ushort port, Instant now) => In(source, PublicAddress.WithPort(port), now);

    /// <summary>Translates a packet on its way in.</summary>
    /// <returns>The local destination; not valid = dropped.</returns>
    public TransportAddress In(TransportAddress source, TransportAddress destination, Instant now)
    {
        if (Kind.BlocksUdp) return default;
        FlowKey key = new(destination, source);
        MappingEntry? mapping = _flowsByPublic.TryGetValue(key, out Flow? flow) && !IsExpired(flow.LastUsed, now) ? flow.Mapping : _byPublic.GetValueOrDefault(destination);
        if (mapping is null || IsExpired(mapping, now) || !IsPermitted(mapping, source, now))
        {
            if (Kind.TakesEarlyPackets) TakeEarly(key, now); // The box has taken it: the tuple is the packet's, for as long as more of them come.
            return default;
        }

        mapping.LastUsed = now;
        mapping.Permitted[source] = now; // What comes in on an open way keeps it open,
        if (flow?.Mapping != mapping)
        {
            flow = new Flow(mapping);
            _flowsByPublic[key] = flow;
            FlowKey back = new(mapping.Local, source);
            bool isInUse = _flows.TryGetValue(back, out Flow? used) && used.IsAnswered && !IsExpired(used.LastUsed, now);
            if (!isInUse) _flows[back] = flow; // and is answered from the port that it came to, unless the two talk by another already.
        }

        flow.LastUsed = now;
        if (!flow.IsAnswered && flow.IsCounted) Unanswered--;
        flow.IsAnswered = true;
        return mapping.Local;
    }

    /// <summary>Opens a port to everybody, as a port mapping does; it stays until the router starts anew.</summary>
    /// <returns>The public end.</returns>
    public TransportAddress Open(TransportAddress local)
    {
        TransportAddress mapped = PublicAddress.WithPort((ushort)random.Next(30_000, 40_000));
        while (_byPublic.ContainsKey(mapped)) mapped = mapped.WithPort((ushort)(mapped.Port + 1));
        _byPublic[mapped] = new MappingEntry(local, mapped) { IsStatic = true };
        return mapped;
    }

    /// <summary>The router starts anew: it has forgotten everything, and may have another address.</summary>
    public void Reboot(TransportAddress publicAddress)
    {
        PublicAddress = publicAddress;
        _mappings.Clear();
        _byPublic.Clear();
        _flows.Clear();
        _flowsByPublic.Clear();
        _early.Clear();
        _others.Clear();
        _unanswered.Clear();
        Unanswered = 0;
    }

    private bool IsPermitted(MappingEntry mapping, TransportAddress source, Instant now) => mapping.IsStatic || Kind.Filtering switch
    {
        Filtering.EndpointIndependent => true,
        Filtering.AddressDependent => mapping.Permitted.Any(entry => entry.Key.Bits == source.Bits && !IsExpired(entry.Value, now)),
        _ => mapping.Permitted.TryGetValue(source, out Instant at) && !IsExpired(at, now),
    };

    private MappingEntry? MappingFor(TransportAddress source, TransportAddress destination, Instant now)
    {
        MappingKey key = Kind.Mapping switch
        {
            Mapping.EndpointIndependent => new MappingKey(source, default),
            Mapping.AddressDependent => new MappingKey(source, destination.WithPort(0)),
            _ => new MappingKey(source, destination),
        };
        if (_mappings.TryGetValue(key, out MappingEntry? mapping) && !IsExpired(mapping, now) && !IsTaken(mapping.Public, source, destination, now)) return mapping;

        // Where a tuple is taken the flow has another port, and so have the later ones of this source: Linux prefers the newest.
        TransportAddress chosen = Choose(source, destination, now);
        if (!chosen.IsValid) return null;
        mapping = new MappingEntry(source, chosen) { LastUsed = now };
        _mappings[key] = mapping;
        _byPublic[chosen] = mapping;
        return mapping;
    }

    private TransportAddress Choose(TransportAddress source, TransportAddress destination, Instant now)
    {
        if (Kind.IsFirewall) return source;
        LetOthersPass(now);
        TransportAddress kept = PublicAddress.WithPort(source.Port);
        if (Kind.PreservesPorts && IsFree(kept, source, destination, now)) return kept;

        int tries = Kind.PortStep != 0 ? Kind.Ports : RandomTries;
        for (int i = 0; i < tries; i++)
        {
            TransportAddress candidate = PublicAddress.WithPort(Kind.PortStep != 0 ? NextPort() : (ushort)random.Next(Kind.LowestPort, Kind.HighestPort + 1));
            if (IsFree(candidate, source, destination, now)) return candidate;
        }

        return Enumerable.Range(Kind.LowestPort, Kind.Ports).Select(port => PublicAddress.WithPort((ushort)port)).FirstOrDefault(port => IsFree(port, source, destination, now));
    }

    /// <summary>Other hosts behind this router have taken ports since we last looked.</summary>
    private void LetOthersPass(Instant now)
    {
        if (Kind.BackgroundRate <= 0) return;
        double expected = Kind.BackgroundRate * (now - _lastBackground).TotalSeconds;
        _lastBackground = now;
        int flows = expected >= MostBackgroundFlows ? MostBackgroundFlows : Poisson(expected);
        int kept = (int)Math.Min(Math.Min(flows, Kind.Ports / 2), Kind.BackgroundRate * Kind.Lifetime.TotalSeconds); // Older ones have been forgotten again.
        for (int i = 0; i < flows; i++)
        {
            TransportAddress port = PublicAddress.WithPort(Kind.PortStep != 0 ? NextPort() : (ushort)random.Next(Kind.LowestPort, Kind.HighestPort + 1));
            if (flows - i <= kept && (!_byPublic.TryGetValue(port, out MappingEntry? taken) || IsExpired(taken, now))) TakeForOthers(port, now);
        }
    }

    private void TakeForOthers(TransportAddress port, Instant now)
    {
        _byPublic[port] = new MappingEntry(default, port) { LastUsed = now };
        _others.Enqueue(port);
        if (_others.Count > Kind.Ports / 2 && _others.Dequeue() is var oldest && _byPublic.TryGetValue(oldest, out MappingEntry? mapping) && !mapping.Local.IsValid) _byPublic.Remove(oldest);
    }

    private int Poisson(double mean)
    {
        if (mean > 30) return (int)mean; // So many vary little.
        double limit = Math.Exp(-mean), product = random.NextDouble();
        int count = 0;
        for (; product > limit; count++) product *= random.NextDouble();
        return count;
    }

    private ushort NextPort()
    {
        int span = Kind.Ports;
        _next = Kind.LowestPort + (((_next - Kind.LowestPort + Kind.PortStep) % span) + span) % span;
        return (ushort)_next;
    }

    private bool IsFree(TransportAddress candidate, TransportAddress source, TransportAddress destination, Instant now) =>
        !IsTaken(candidate, source, destination, now)
        && (!_byPublic.TryGetValue(candidate, out MappingEntry? mapping) || IsExpired(mapping, now) || (Kind.OverloadsPorts && !mapping.IsStatic));

    /// <summary>Says whether the way between the two is an early packet's, or another host's.</summary>
    private bool IsTaken(TransportAddress candidate, TransportAddress source, TransportAddress destination, Instant now)
    {
        FlowKey key = new(candidate, destination);
        if (_early.TryGetValue(key, out Instant at) && now - at <= UnansweredLifetime) return true;
        return _flowsByPublic.TryGetValue(key, out Flow? flow) && flow.Mapping.Local != source && !IsExpired(flow.LastUsed, now);
    }

    private void AddFlow(Flow flow, TransportAddress local, TransportAddress remote)
    {
        _flows[new FlowKey(local, remote)] = flow;
        _flowsByPublic[new FlowKey(flow.Mapping.Public, remote)] = flow;
    }

    private void TakeEarly(FlowKey key, Instant now)
    {
        _early[key] = now;
        foreach ((FlowKey old, Instant at) in _early)
        {
            if (now - at > UnansweredLifetime) _early.Remove(old);
        }

        CountEntries();
    }

    private void CountEntries() => MostEntries = Math.Max(MostEntries, Unanswered + _early.Count);

    private void CountUnanswered(Flow flow, Instant now)
    {
        FlowsMade++;
        flow.IsCounted = true;
        Unanswered++;
        _unanswered.Enqueue(flow, (now + UnansweredLifetime).Ticks);
        while (_unanswered.TryPeek(out Flow? oldest, out long due) && due < now.Ticks)
        {
            _unanswered.Dequeue();
            if (oldest.IsAnswered) continue;
            if (now - oldest.LastUsed <= UnansweredLifetime)
            {
                _unanswered.Enqueue(oldest, (oldest.LastUsed + UnansweredLifetime).Ticks); // It was used again since.
                continue;
            }

            oldest.IsCounted = false;
            Unanswered--;
        }

        MostUnanswered = Math.Max(MostUnanswered, Unanswered);
        CountEntries();
    }

    private bool IsExpired(MappingEntry mapping, Instant now) => !mapping.IsStatic && IsExpired(mapping.LastUsed, now);

    private bool IsExpired(Instant lastUsed, Instant now) => now - lastUsed > Kind.Lifetime;

    private readonly record struct MappingKey(TransportAddress Source, TransportAddress Destination);

    private readonly record struct FlowKey(TransportAddress Near, TransportAddress Remote);

    private sealed class MappingEntry(TransportAddress local, TransportAddress mapped)
    {
        public TransportAddress Local => local;

        public TransportAddress Public => mapped;

        public bool IsStatic { get; init; }

        public Instant LastUsed { get; set; }

        public Dictionary<TransportAddress, Instant> Permitted { get; } = [];
    }

    private sealed class Flow(MappingEntry mapping)
    {
        public MappingEntry Mapping => mapping;

        public Instant LastUsed { get; set; }

        public bool IsAnswered { get; set; }

        public bool IsCounted { get; set; }
    }
}
