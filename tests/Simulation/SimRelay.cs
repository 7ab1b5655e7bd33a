using Relay.Protocol;
using Relay.Protocol.Frames;

namespace Simulation;

/// <summary>A relay: who is connected is reached by its key. It forwards, says who is gone, and can be stopped and started.</summary>
public sealed class SimRelay(SimWorld world, int regionId)
{
    private readonly Dictionary<NodeKey, SimNode> _clients = [];
    private readonly HashSet<(NodeKey From, NodeKey To)> _sent = [];
    private readonly HashSet<SimSite> _blocked = [];
    private readonly Dictionary<NodeKey, (SimSite Site, int Reboots)> _ways = []; // By which router each came in.

    /// <summary>The region it is.</summary>
    public int RegionId => regionId;

    /// <summary>From a node to the relay, one way.</summary>
    public required Func<SimNode, TimeSpan> DelayOf { get; init; }

    /// <summary>Says whether it runs.</summary>
    public bool IsUp { get; private set; } = true;

    /// <summary>What it makes of a packet, where it does not simply carry it: whatever it likes, but it cannot read it.</summary>
    public Func<NodeKey, NodeKey, byte[], IReadOnlyList<RelayedPacket>>? Conduct { get; set; }

    /// <summary>Packets it has carried.</summary>
    public int Carried { get; private set; }

    /// <summary>A node connects: TCP, TLS and login take four ways there and back.</summary>
    public void Connect(SimNode node) => world.After(DelayOf(node) * 8, () =>
    {
        if (!IsUp || _blocked.Contains(node.Site) || !node.WantsRelay(regionId))
        {
            node.HandleRelay(regionId, isConnected: false);
            return;
        }

        _clients[node.Key] = node;
        _ways[node.Key] = (node.Site, node.Site.Reboots);
        node.HandleRelay(regionId, isConnected: true);
    });

    /// <summary>Says that the connection is broken, though neither end has been told: the router that it came by has forgotten it.</summary>
    public bool IsStale(SimNode node) => _ways.TryGetValue(node.Key, out (SimSite Site, int Reboots) way) && way != (node.Site, node.Site.Reboots);

    /// <summary>A node leaves; those it has sent to are told.</summary>
    public void Disconnect(SimNode node)
    {
        if (!_clients.TryGetValue(node.Key, out SimNode? current) || current != node) return;
        _clients.Remove(node.Key);
        foreach ((NodeKey from, NodeKey to) in _sent.Where(pair => pair.From == node.Key).ToArray())
        {
            _sent.Remove((from, to));
            if (_clients.TryGetValue(to, out SimNode? receiver)) world.After(DelayOf(receiver), () => receiver.HandlePeerGone(regionId, from, PeerGoneReason.Disconnected));
        }
    }

    /// <summary>Ends: all connections break.</summary>
    public void Stop()
    {
        IsUp = false;
        SimNode[] clients = [.. _clients.Values];
        _clients.Clear();
        _sent.Clear();
        foreach (SimNode client in clients) client.HandleRelay(regionId, isConnected: false);
    }

    /// <summary>From now on the relay cannot be reached from a site, as behind a firewall that knows its address: connections break, and none is made.</summary>
    public void Block(SimSite site)
    {
        _blocked.Add(site);
        foreach (SimNode client in _clients.Values.Where(client => client.Site == site).ToArray())
        {
            Disconnect(client);
            client.HandleRelay(regionId, isConnected: false);
        }
    }

    /// <summary>Runs again.</summary>
    public void Start() => IsUp = true;

    /// <summary>A node sends a packet.</summary>
    public void Send(SimNode from, NodeKey to, byte[] packet) => world.After(DelayOf(from), () =>
    {
        if (!IsUp || !_clients.ContainsKey(from.Key) || IsStale(from)) return;
        if (Conduct is { } conduct)
        {
            foreach (RelayedPacket made in conduct(from.Key, to, packet)) world.After(made.Delay, () => Carry(made.From, made.To, made.Packet));
        }
        else if (!Carry(from.Key, to, packet) && PacketKinds.Of(packet) == PacketKind.Disco)
        {
            world.After(DelayOf(from), () => from.HandlePeerGone(regionId, to, PeerGoneReason.NotHere));
        }
    });

    private bool Carry(NodeKey from, NodeKey to, byte[] packet)
    {
        if (!_clients.TryGetValue(to, out SimNode? receiver)) return false;
        Carried++;
        _sent.Add((from, to));
        world.After(DelayOf(receiver), () =>
        {
            if (!IsStale(receiver)) receiver.ReceiveRelayed(regionId, from, packet);
        });
        return true;
    }
}

/// <summary>A packet that a relay hands on.</summary>
/// <param name="From">Who it says has sent it.</param>
/// <param name="To">Who gets it.</param>
/// <param name="Packet">What it is.</param>
/// <param name="Delay">When, after the packet that it was made of.</param>
public readonly record struct RelayedPacket(NodeKey From, NodeKey To, byte[] Packet, TimeSpan Delay);
