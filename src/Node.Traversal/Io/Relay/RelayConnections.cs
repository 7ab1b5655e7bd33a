using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Node.Traversal.Telemetry;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Timing;

namespace Node.Traversal.Io.Relay;

/// <summary>The connections to relays: those the core wants, and what comes by them.</summary>
internal sealed class RelayConnections(
    NodeKeyPair keys,
    NodeLoop loop,
    RelayDialer dialer,
    ConcurrentDictionary<NodeKey, TraversalPeer> peers,
    MonotonicClock clock,
    TraversalCounters counters,
    ILogger log) : IRelayReceiver, IAsyncDisposable
{
    private readonly ConcurrentDictionary<int, RelayClient> _clients = new();
    private readonly ConcurrentDictionary<RelayClient, List<TraversalPeer>> _touched = new();
    private readonly ConcurrentDictionary<RelayClient, Task> _ending = new();
    private int _home;

    /// <summary>The connected client of a region; null where there is none.</summary>
    public RelayClient? FindConnected(int regionId) => _clients.TryGetValue(regionId, out RelayClient? client) && client.IsConnected ? client : null;

    /// <summary>Connects to a region, for as long as it is wanted. Only from the loop.</summary>
    public void Want(RelayRegion region)
    {
        if (_clients.ContainsKey(region.Id)) return;
        RelayClient client = new(region, keys, dialer, this, clock, counters, log);
        client.SetHome(region.Id == _home);
        _touched[client] = [];
        _clients[region.Id] = client;
        client.Start();
    }

    /// <summary>Lets a region go. Only from the loop.</summary>
    public void LetGo(int regionId)
    {
        if (!_clients.TryRemove(regionId, out RelayClient? client)) return;
        _ending[client] = EndAsync(client);
    }

    /// <summary>Tells the relays which of them is home. Only from the loop.</summary>
    public void SetHome(int regionId)
    {
        _home = regionId;
        foreach (RelayClient client in _clients.Values) client.SetHome(client.Region.Id == regionId);
    }

    public void SetFirewallMark(uint mark)
    {
        foreach (RelayClient client in _clients.Values) client.SetFirewallMark(mark);
    }

    /// <summary>The map has changed: connections to regions that are not what they were are made anew. Only from the loop.</summary>
    public void HandleMap(RelayMap map)
    {
        foreach ((int id, RelayClient client) in _clients)
        {
            if (map.Find(id) is not { } region || Same(region, client.Region)) continue;
            LetGo(id);
            loop.Post((core, now) => core.HandleRelayDisconnected(id, now));
            Want(region);
        }
    }

    /// <summary>Our addresses have changed.</summary>
    public void Verify()
    {
        foreach (RelayClient client in _clients.Values) client.Verify();
    }

    public void HandleConnected(RelayClient relay) => loop.Post((core, now) =>
    {
        if (!IsCurrent(relay)) return;
        core.HandleRelayConnected(relay.Region.Id, now);
        foreach (TraversalPeer peer in peers.Values) peer.SendHeld(); // A loss so short that the core never heard of it changes no path.
    });

    public void HandleDisconnected(RelayClient relay) => loop.Post((core, now) =>
    {
        if (IsCurrent(relay) && !relay.IsConnected) core.HandleRelayDisconnected(relay.Region.Id, now);
    });

    public void HandlePeerGone(RelayClient relay, NodeKey peer, PeerGoneReason reason) =>
        loop.PostPacket((core, now) => core.HandlePeerGone(relay.Region.Id, peer, reason, now));

    public void HandlePacket(RelayClient relay, NodeKey source, ReadOnlySpan<byte> packet)
    {
        if (!peers.TryGetValue(source, out TraversalPeer? peer))
        {
            counters.Count(TraversalDrop.UnknownKey);
            return;
        }

        if (PacketKinds.Of(packet) == PacketKind.Disco)
        {
            PostControl(relay.Region.Id, source, packet.ToArray());
            return;
        }

        peer.DeliverByRelay(packet, clock.Now);
        List<TraversalPeer> touched = _touched[relay];
        if (!touched.Contains(peer)) touched.Add(peer);
    }

    public void HandleRoundEnd(RelayClient relay)
    {
        if (!_touched.TryGetValue(relay, out List<TraversalPeer>? touched)) return;
        foreach (TraversalPeer peer in touched) peer.FlushReceived();
        touched.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (int region in _clients.Keys) LetGo(region);
        await Task.WhenAll(_ending.Values);
    }

    /// <summary>By itself, because what a lambda captures is allocated where the method begins: data must not pay for it.</summary>
    private void PostControl(int regionId, NodeKey source, byte[] packet) =>
        loop.PostPacket((core, now) => core.HandleRelayPacket(regionId, source, packet, now));

    private bool IsCurrent(RelayClient relay) => _clients.TryGetValue(relay.Region.Id, out RelayClient? current) && current == relay;

    private async Task EndAsync(RelayClient client)
    {
        await Task.Yield();
        await client.DisposeAsync();
        _touched.TryRemove(client, out _);
        _ending.TryRemove(client, out _);
    }

    private static bool Same(RelayRegion left, RelayRegion right) => left.Nodes.SequenceEqual(right.Nodes);
}
