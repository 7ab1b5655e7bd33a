using Addresses;
using Timing;

namespace Simulation;

/// <summary>
/// A small internet in virtual time. Everything random comes from one seed, and everything that happens is an event with a time: the same
/// seed gives the same run, to the last packet.
/// </summary>
public sealed class SimWorld : ISimNetwork
{
    /// <summary>The routers of the core that a packet passes, each at the price of a hop.</summary>
    public byte CoreHops { get; set; } = 8;

    private readonly long[] _drops = new long[Enum.GetValues<SimDrop>().Length];
    private readonly PriorityQueue<Action, (long Ticks, long Order)> _events = new();
    private readonly Dictionary<UInt128, ISimReceiver> _receivers = [];
    private readonly List<SimNode> _nodes = [];
    private long _order;
    private ulong _trace = 14695981039346656037; // FNV-1a.

    /// <summary>Makes an empty world.</summary>
    public SimWorld(int seed)
    {
        Seed = seed;
        Random = new Random(seed);
    }

    /// <summary>What all that is random comes from.</summary>
    public int Seed { get; }

    /// <summary>The world's randomness.</summary>
    public Random Random { get; }

    /// <summary>The present.</summary>
    public Instant Now { get; private set; } = Instant.Origin + TimeSpan.FromSeconds(1000);

    /// <summary>From a site to the core of the network, one way.</summary>
    public TimeSpan AccessDelay { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>The most a packet is delayed beyond that: packets overtake each other.</summary>
    public TimeSpan Jitter { get; set; }

    /// <summary>The share of UDP packets that the network loses, 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>Says whether UDP from one public address to another is cut.</summary>
    public Func<TransportAddress, TransportAddress, bool> IsCut { get; set; } = (_, _) => false;

    /// <summary>Says whether something on the way drops a UDP packet for what is in it.</summary>
    public Func<SimPacket, bool> IsFiltered { get; set; } = _ => false;

    /// <summary>The relays, by region.</summary>
    public Dictionary<int, SimRelay> Relays { get; } = [];

    /// <summary>The share of UDP packets that arrive twice, 0 to 1.</summary>
    public double Duplication { get; set; }

    /// <summary>Sees each packet in the core of the network, before anything happens to it: somebody on the way.</summary>
    public Action<SimPacket>? Overheard { get; set; }

    /// <summary>UDP packets that hosts and servers have sent, doubles of the network included.</summary>
    public long Sent { get; private set; }

    /// <summary>UDP packets that have come to who they were for.</summary>
    public long Delivered { get; private set; }

    /// <summary>UDP packets that are under way.</summary>
    public long UnderWay { get; private set; }

    /// <summary>UDP packets that ended on the way.</summary>
    public long Dropped => _drops.Sum();

    /// <summary>What has happened and must not have, in words: nodes and routers note it as it happens.</summary>
    public List<string> Violations { get; } = [];

    /// <summary>A number made of everything that has happened: two runs with one seed have the same.</summary>
    public ulong Trace => _trace;

    /// <summary>The nodes.</summary>
    public IReadOnlyList<SimNode> Nodes => _nodes;

    /// <summary>Has packets to an address handed to <paramref name="receiver"/>; null = to nobody.</summary>
    public void Attach(TransportAddress address, ISimReceiver? receiver)
    {
        if (receiver is null) _receivers.Remove(address.Bits);
        else _receivers[address.Bits] = receiver;
    }

    /// <summary>Says whether anybody takes packets to an address.</summary>
    public bool IsAttached(TransportAddress address) => _receivers.ContainsKey(address.Bits);

    /// <summary>Adds a node: its timers run with the world's.</summary>
    public void Add(SimNode node) => _nodes.Add(node);

    /// <summary>Does something later.</summary>
    public void After(TimeSpan delay, Action action) => _events.Enqueue(action, ((Now + delay).Ticks, _order++));

    /// <summary>Counts a packet that a host or server hands to the network.</summary>
    public void CountSent() => Sent++;

    /// <summary>Counts a packet that has come to who it was for.</summary>
    public void CountDelivered() => Delivered++;

    /// <summary>Counts a packet that has ended.</summary>
    public void Drop(SimPacket packet, SimDrop reason) => _drops[(int)reason]++;

    /// <summary>How many packets have ended so.</summary>
    public long Drops(SimDrop reason) => _drops[(int)reason];

    /// <summary>Hands a packet to somebody later.</summary>
    public void Later(TimeSpan delay, SimPacket packet, ISimReceiver receiver)
    {
        UnderWay++;
        After(delay, () =>
        {
            UnderWay--;
            receiver.Receive(packet);
        });
    }

    /// <summary>Sends a UDP packet that no node of ours has sent, from anywhere and under any name.</summary>
    public void Inject(TransportAddress source, TransportAddress destination, byte[] payload) => Inject(new SimPacket(source, destination, payload));

    /// <summary>Sends a UDP packet on behalf of nobody. A faithful copy may have an origin: it may be there before what it is a copy of.</summary>
    public void Inject(SimPacket packet)
    {
        CountSent();
        Send(packet);
    }

    /// <summary>Carries a UDP packet through the core of the network.</summary>
    public void Send(SimPacket packet)
    {
        Overheard?.Invoke(packet);
        if (Random.NextDouble() < Loss) Drop(packet, SimDrop.Lost);
        else if (IsCut(packet.Source, packet.Destination) || IsFiltered(packet)) Drop(packet, SimDrop.Cut);
        else if (packet.TimeToLive <= CoreHops) Drop(packet, SimDrop.Expired);
        else Carry(packet with { TimeToLive = (byte)(packet.TimeToLive - CoreHops) });
    }

    private void Carry(SimPacket packet)
    {
        if (Duplication > 0 && Random.NextDouble() < Duplication)
        {
            CountSent();
            Carry(packet, AccessDelay * 2 + Jitter * Random.NextDouble());
        }

        Carry(packet, AccessDelay * 2 + Jitter * Random.NextDouble());
    }

    private void Carry(SimPacket packet, TimeSpan delay)
    {
        UnderWay++;
        After(delay, () =>
        {
            UnderWay--;
            Note(packet.Source, packet.Destination, packet.Payload.Length);
            if (_receivers.TryGetValue(packet.Destination.Bits, out ISimReceiver? receiver)) receiver.Receive(packet);
            else Drop(packet, SimDrop.NoRoute);
        });
    }

    /// <summary>Lets time pass.</summary>
    public void Run(TimeSpan time)
    {
        Instant end = Now + time;
        while (true)
        {
            Instant next = _nodes.Count == 0 ? Instant.Never : _nodes.Min(node => node.NextTimeout);
            if (_events.TryPeek(out _, out (long Ticks, long Order) first)) next = Instant.Min(next, new Instant(first.Ticks));
            if (next > end) break;

            Now = Instant.Max(Now, next);
            while (_events.TryPeek(out Action? action, out (long Ticks, long Order) due) && due.Ticks <= Now.Ticks)
            {
                _events.Dequeue();
                action();
            }

            foreach (SimNode node in _nodes) node.HandleTimeout();
        }

        Now = end;
    }

    /// <summary>Lets time pass until something is so.</summary>
    /// <returns>How long it took; null = it was not so within <paramref name="limit"/>.</returns>
    public TimeSpan? RunUntil(Func<bool> isSo, TimeSpan limit)
    {
        Instant start = Now;
        while (!isSo())
        {
            if (Now - start >= limit) return null;
            Run(TimeSpan.FromMilliseconds(1));
        }

        return Now - start;
    }

    private void Note(TransportAddress source, TransportAddress destination, int length)
    {
        foreach (ulong value in (ReadOnlySpan<ulong>)[(ulong)Now.Ticks, (ulong)source.Bits, source.Port, (ulong)destination.Bits, destination.Port, (ulong)length])
        {
            _trace = (_trace ^ value) * 1099511628211;
        }
    }
}
