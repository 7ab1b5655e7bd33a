using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Node.Traversal.Core;
using Node.Traversal.Telemetry;
using Relay.Protocol;
using Relay.Protocol.Extensions;
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
    private static readonly TimeSpan Afterglow = TimeSpan.FromMilliseconds(500); // What was on its way by the old machine has come by then.

    /// <summary>A region's relays do not end faster one after the other: two that send their clients to and fro would have us do nothing but log in.</summary>
    private static readonly TimeSpan LeastStay = TimeSpan.FromSeconds(3);

    private readonly ConcurrentDictionary<int, RelayClient> _clients = new();
    private readonly ConcurrentDictionary<RelayClient, List<TraversalPeer>> _touched = new();
    private readonly ConcurrentDictionary<RelayClient, Task> _ending = new();
    private readonly ConcurrentDictionary<RelayClient, Succession> _successors = new();
    private readonly ConcurrentDictionary<int, ITimer> _moves = new(); // One a region.
    private readonly Dictionary<int, Instant> _movedAt = []; // The same. Only from the loop.
    private int _home;

    /// <summary>The relays there are. Only from the loop, once it runs.</summary>
    public required RelayMap Map { get; set; }

    /// <summary>The connected client of a region; null where there is none.</summary>
    public RelayClient? FindConnected(int regionId) => _clients.TryGetValue(regionId, out RelayClient? client) && client.IsConnected ? client : null;

    /// <summary>Why a region, or where that has none another one, is not connected; null where no attempt has failed.</summary>
    public string? ProblemOf(int regionId) =>
        (_clients.TryGetValue(regionId, out RelayClient? client) ? client.Problem : null) ?? _clients.Values.Select(other => other.Problem).FirstOrDefault(problem => problem is not null);

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

    /// <summary>Lets a region go. What was handed to its connection a moment ago still goes out, and what is on its way still comes in. Only from the loop.</summary>
    public void LetGo(int regionId) => End(regionId, Afterglow);

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
        Map = map;
        foreach ((int id, RelayClient client) in _clients)
        {
            if (map.Find(id) is not { } region || Same(region, client.Region)) continue;
            End(id, TimeSpan.Zero);
            loop.Post((core, now) => core.HandleRelayDisconnected(id, now));
            Want(region);
        }
    }

    /// <summary>There may be another token than relays were shown.</summary>
    public void RenewToken()
    {
        foreach (RelayClient client in _clients.Values) client.RenewToken();
    }

    /// <summary>Our addresses have changed.</summary>
    public void Verify()
    {
        foreach (RelayClient client in _clients.Values) client.Verify();
    }

    /// <summary>Where a relay wants us to go is looked up in our own map: another machine of its region, else another region, which is the core's to choose.</summary>
    public void HandleMove(RelayClient relay, MoveFrame move) => loop.PostPacket(PacketOrigin.Relay, (core, now) =>
    {
        if (!IsCurrent(relay) || _successors.ContainsKey(relay)) return;
        if (_movedAt.TryGetValue(relay.Region.Id, out Instant before) && now - before < LeastStay) return;
        _movedAt[relay.Region.Id] = now;
        RelayNode[] others = [.. relay.Region.Nodes.Where(node => !node.IsStunOnly && node.Name != relay.NodeName)];
        RelayNode? named = Array.Find(others, node => node.Name == move.NodeName);
        bool isElsewhere = move.RegionId != relay.Region.Id && Map.Find(move.RegionId) is { HasRelay: true }; // What is not in the map is as good as not named.
        TraversalLog.RelayMoves(log, relay.Region.Code, move.EndsIn);
        if (!isElsewhere && others.Length > 0) Succeed(relay, named is null ? others : [named, .. others.Where(node => node != named)], move);
        else MoveToOtherRegion(relay, move.RegionId, move.BeginIn, move.EndsIn);
    });

    public void HandleConnected(RelayClient relay) => loop.Post((core, now) =>
    {
        if (IsSuccessor(relay)) TakeOver(relay);
        if (!IsCurrent(relay)) return;
        core.HandleRelayConnected(relay.Region.Id, now);
        foreach (TraversalPeer peer in peers.Values) peer.SendHeld(); // A loss so short that the core never heard of it changes no path.
    });

    public void HandleDisconnected(RelayClient relay) => loop.Post((core, now) =>
    {
        if (IsSuccessor(relay)) GiveUp(relay);
        else if (IsCurrent(relay) && !relay.IsConnected) core.HandleRelayDisconnected(relay.Region.Id, now);
    });

    public void HandleHeard(RelayClient relay) => loop.Post((core, now) =>
    {
        if (IsCurrent(relay)) core.HandleRelayHeard(relay.Region.Id, now);
    });

    public void HandlePeerGone(RelayClient relay, NodeKey peer, PeerGoneReason reason) =>
        loop.PostPacket(PacketOrigin.Relay, (core, now) => core.HandlePeerGone(relay.Region.Id, peer, reason, now));

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
        foreach (int region in _clients.Keys) End(region, TimeSpan.Zero);
        foreach (ITimer timer in _moves.Values) await timer.DisposeAsync();
        await Task.WhenAll(_ending.Values);
    }

    private void End(int regionId, TimeSpan afterglow)
    {
        if (!_clients.TryRemove(regionId, out RelayClient? client)) return;
        if (_successors.TryRemove(client, out Succession? succession)) _ending[succession.Next] = EndAsync(succession.Next, TimeSpan.Zero);
        _ending[client] = EndAsync(client, client.IsConnected ? afterglow : TimeSpan.Zero);
    }

    /// <summary>By itself, because what a lambda captures is allocated where the method begins: data must not pay for it.</summary>
    private void PostControl(int regionId, NodeKey source, byte[] packet) =>
        loop.PostPacket(PacketOrigin.Relay, (core, now) => core.HandleRelayPacket(regionId, source, packet, now));

    private bool IsCurrent(RelayClient relay) => _clients.TryGetValue(relay.Region.Id, out RelayClient? current) && current == relay;

    /// <summary>Connects to another machine of the region; the present one stays in use until the other has let us in.</summary>
    private void Succeed(RelayClient relay, IReadOnlyList<RelayNode> others, MoveFrame move)
    {
        RelayClient next = new(relay.Region, keys, dialer, this, clock, counters, log) { Preferred = others, StartAfter = move.BeginIn };
        next.SetHome(relay.Region.Id == _home);
        _touched[next] = [];
        _successors[relay] = new Succession(next, move);
        next.Start();
    }

    private void TakeOver(RelayClient next)
    {
        RelayClient relay = Predecessor(next);
        _successors.TryRemove(relay, out _);
        _clients[relay.Region.Id] = next; // From here on everything goes by it; what comes by the old one is taken too.
        _ending[relay] = EndAsync(relay, Afterglow);
    }

    /// <summary>No other machine of the region lets us in: then another region may.</summary>
    private void GiveUp(RelayClient next)
    {
        RelayClient relay = Predecessor(next);
        _successors.TryRemove(relay, out Succession? succession);
        _ending[next] = EndAsync(next, TimeSpan.Zero);
        MoveToOtherRegion(relay, 0, TimeSpan.Zero, succession!.Move.EndsIn - succession.Move.BeginIn);
    }

    /// <summary>Has the core move, at its time: not all clients of a relay are to storm the next at once.</summary>
    private void MoveToOtherRegion(RelayClient relay, int target, TimeSpan beginIn, TimeSpan endsIn)
    {
        int regionId = relay.Region.Id;
        Instant endsAt = clock.Now + endsIn;
        ITimer timer = clock.TimeProvider.CreateTimer(
            _ => loop.Post((core, now) =>
            {
                if (IsCurrent(relay) && now < endsAt) core.HandleRelayMoving(regionId, target, endsAt - now, now);
            }),
            null,
            beginIn,
            Timeout.InfiniteTimeSpan);
        if (_moves.TryRemove(regionId, out ITimer? before)) before.Dispose();
        _moves[regionId] = timer;
    }

    private bool IsSuccessor(RelayClient relay) => _successors.Values.Any(succession => succession.Next == relay);

    private RelayClient Predecessor(RelayClient next) => _successors.First(entry => entry.Value.Next == next).Key;

    /// <summary>Ends a connection, once what the relay has still to send on it has come.</summary>
    private async Task EndAsync(RelayClient client, TimeSpan afterglow)
    {
        await Task.Yield();
        if (afterglow > TimeSpan.Zero)
        {
            await Task.Delay(afterglow, clock.TimeProvider);
            await client.LeaveAsync(afterglow);
        }

        await client.DisposeAsync();
        _touched.TryRemove(client, out _);
        _ending.TryRemove(client, out _);
    }

    private static bool Same(RelayRegion left, RelayRegion right) => left.Nodes.SequenceEqual(right.Nodes);

    /// <summary>A connection that another one is to take the place of.</summary>
    private sealed record Succession(RelayClient Next, MoveFrame Move);
}
