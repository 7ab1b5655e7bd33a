using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol;
using Relay.Protocol.Disco;
using Relay.Protocol.Frames;
using Timing;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Core;

public class NodeCoreTests
{
    private readonly TwoNodes _world = new();

    [Fact]
    public void Addresses_told_by_a_connection_that_was_dead_are_told_again_by_the_next_one()
    {
        _world.Begin();
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);
        _world.Run(TimeSpan.FromSeconds(10));
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);

        _world.Mute(_world.Right);
        TransportAddress moved = Address("198.18.2.44:5002");
        _world.Right.Core.HandleLocalAddresses([_world.Right.Address.WithPort(0), moved.WithPort(0)], _world.Now);
        _world.Right.Drain();
        _world.Run(TimeSpan.FromSeconds(1)); // The direct path is well again long before the connection is found dead.
        Assert.DoesNotContain(moved, _world.Destinations);

        _world.Disconnect(_world.Right);
        _world.Connect(_world.Right);
        _world.Run(TimeSpan.FromSeconds(3));
        Assert.Contains(moved, _world.Destinations);
    }

    [Fact]
    public void Two_nodes_that_know_only_keys_meet_by_relay_and_go_direct()
    {
        _world.Begin();
        Assert.Contains(TwoNodes.Region, _world.Left.Wanted);

        _world.Connect(_world.Left);
        _world.Connect(_world.Right);
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);

        _world.Run(Milliseconds(200));

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(_world.Right.Address, _world.Left.Path.Remote);
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);
        Assert.Null(_world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Verdict);
    }

    [Fact]
    public void A_node_that_comes_late_is_met_at_once()
    {
        _world.Begin();
        _world.Connect(_world.Left);
        _world.Run(TimeSpan.FromSeconds(40));
        Assert.Equal(VerdictCode.PeerOffline, _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Verdict!.Value.Code);
        Assert.Equal(PathKind.None, _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Path);

        _world.Connect(_world.Right);
        _world.Run(Milliseconds(200));

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);
    }

    [Fact]
    public void When_UDP_is_cut_the_relay_carries_on_and_when_it_heals_the_path_is_direct_again()
    {
        GoDirect();
        _world.IsUdpCut = true;
        Ping(TimeSpan.FromSeconds(5));
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);
        Assert.Equal(PathKind.Relay, _world.Right.Path.Kind);
        Assert.NotNull(_world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Verdict);

        Ping(TimeSpan.FromSeconds(60));
        _world.IsUdpCut = false;
        Ping(TimeSpan.FromSeconds(2.5));

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);
    }

    /// <summary>A relay that hangs ends no connection: that nothing is answered by it is all there is to see.</summary>
    [Fact]
    public void A_relay_by_which_nothing_is_answered_is_asked_for_a_sign_of_life()
    {
        _world.IsUdpCut = true;
        _world.Begin();
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);
        Ping(TimeSpan.FromSeconds(3));
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);
        Assert.Equal(0, _world.Left.Doubts);

        for (int i = 0; i < 5; i++)
        {
            _world.Left.SendData();
            _world.Run(Milliseconds(200));
        }

        Assert.Equal(1, _world.Left.Doubts);
    }

    [Fact]
    public void Losing_the_relay_does_not_touch_a_direct_path()
    {
        GoDirect();
        _world.Disconnect(_world.Left);
        _world.Disconnect(_world.Right);

        Ping(TimeSpan.FromSeconds(30));

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(0, _world.Left.Path.RegionId);
    }

    [Fact]
    public void PeerGone_does_not_touch_a_direct_path()
    {
        GoDirect();

        _world.Left.Core.HandlePeerGone(TwoNodes.Region, _world.Right.Key, PeerGoneReason.Disconnected, _world.Now);
        _world.Left.Drain();

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
    }

    [Fact]
    public void A_restarted_peer_is_direct_again_with_new_keys()
    {
        GoDirect();
        _world.Disconnect(_world.Right);
        _world.Right.Restart(seed: 22, startedAt: 3_000_000);
        _world.Right.Begin(_world.Left);
        _world.Connect(_world.Right);

        Ping(Milliseconds(400));

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);
        Assert.Null(_world.Left.Core.Describe(_world.Right.Key, _world.Now)?.Verdict);
    }

    [Fact]
    public void A_peer_that_lacks_our_key_is_silent()
    {
        _world.Left.Begin(_world.Right);
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);

        _world.Run(TimeSpan.FromSeconds(10));

        Assert.Equal(VerdictCode.PeerSilent, _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Verdict!.Value.Code);
        Assert.True(_world.Right.Core.Drops[NodeDrop.UnknownKey] > 0);
    }

    [Fact]
    public void Without_a_relay_the_verdict_says_so()
    {
        _world.Begin();
        _world.Left.Core.HandleRelayDisconnected(TwoNodes.Region, _world.Now);

        _world.Run(TimeSpan.FromSeconds(1));

        Assert.Equal(VerdictCode.RelayUnreachable, _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Verdict!.Value.Code);
    }

    [Fact]
    public void Replayed_and_reflected_packets_change_nothing()
    {
        GoDirect();
        (NodeKey From, byte[] Packet)[] relayed = [.. _world.Relayed];
        byte[][] datagrams = [.. _world.Datagrams];

        foreach ((NodeKey from, byte[] packet) in relayed)
        {
            foreach (TwoNodes.Party party in new[] { _world.Left, _world.Right })
            {
                party.Receive(() => party.Core.HandleRelayPacket(TwoNodes.Region, from, packet, _world.Now));
                party.Receive(() => party.Core.HandleRelayPacket(TwoNodes.Region, party == _world.Left ? _world.Right.Key : _world.Left.Key, packet, _world.Now));
            }
        }

        foreach (byte[] datagram in datagrams)
        {
            _world.Left.Receive(() => _world.Left.Core.HandleDatagram(SocketId.Ipv4, Address("203.0.113.66:666"), datagram, _world.Now));
        }

        Assert.Equal(_world.Right.Address, _world.Left.Path.Remote);
        _world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal(_world.Right.Address, _world.Left.Path.Remote);
        Assert.True(_world.Left.Core.Drops[NodeDrop.Stale] > 0);
    }

    [Fact]
    public void A_call_me_maybe_that_does_not_come_by_relay_is_dropped()
    {
        GoDirect();
        byte[] callMeMaybe = _world.Relayed.Last(entry => entry.From == _world.Right.Key && !IsHello(entry.Packet)).Packet;

        _world.Left.Core.HandleDatagram(SocketId.Ipv4, _world.Right.Address, callMeMaybe, _world.Now);

        Assert.Equal(1, _world.Left.Core.Drops[NodeDrop.WrongWay]);
    }

    [Fact]
    public void Addresses_inside_the_tunnel_are_neither_told_nor_tried_nor_heard()
    {
        _world.Left.Core.HandleTunnelAddresses([Address("10.77.0.1:0")], _world.Now);
        _world.Left.Core.HandleLocalAddresses([Address("10.77.0.1:0"), Address("198.18.1.10:0"), Address("10.5.0.1:0")], _world.Now);
        _world.Left.Begin(_world.Right, Prefix("10.77.0.0/24"), Prefix("0.0.0.0/0"), Prefix("198.18.2.0/24"));
        _world.Right.Begin(_world.Left);
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);

        _world.Run(TimeSpan.FromSeconds(3));

        Assert.DoesNotContain(_world.Left.Core.Candidates, candidate => candidate.Address.Ipv4Bits >> 16 == 0x0a4d);
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind); // The right's only address lies in its own AllowedIPs.
        Assert.True(_world.Left.Core.Drops[NodeDrop.RefusedSource] > 0);
    }

    [Fact]
    public void Ranges_of_peers_that_are_not_ours_lead_into_the_tunnel_all_the_same()
    {
        _world.Left.Core.HandleTunnelRanges([Prefix("198.18.2.0/24")], _world.Now);
        _world.Left.Begin(_world.Right);
        _world.Right.Begin(_world.Left);
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);

        _world.Run(TimeSpan.FromSeconds(3));

        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);
        Assert.True(_world.Left.Core.Drops[NodeDrop.RefusedSource] > 0);
    }

    [Fact]
    public void Other_ranges_of_a_peer_cost_no_path_but_one_that_lies_in_them()
    {
        GoDirect();
        Instant since = _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Since;

        _world.Left.Receive(() => _world.Left.Core.HandlePeerTunnelRanges(_world.Right.Key, [Prefix("10.77.0.0/24")], _world.Now));
        Ping(TimeSpan.FromSeconds(10));
        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(since, _world.Left.Core.Describe(_world.Right.Key, _world.Now)!.Since);

        _world.Left.Receive(() => _world.Left.Core.HandlePeerTunnelRanges(_world.Right.Key, [Prefix("198.18.2.0/24")], _world.Now));
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);
        Ping(TimeSpan.FromSeconds(10));
        Assert.Equal(PathKind.Relay, _world.Left.Path.Kind);

        _world.Left.Receive(() => _world.Left.Core.HandlePeerTunnelRanges(_world.Right.Key, [], _world.Now));
        Ping(TimeSpan.FromSeconds(1));
        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
    }

    [Fact]
    public void Random_and_damaged_packets_never_throw()
    {
        GoDirect();
        Random random = new(7);
        List<byte[]> samples = [.. _world.Datagrams, .. _world.Relayed.Select(entry => entry.Packet)];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] packet = samples[random.Next(samples.Count)].ToArray();
            packet = packet[..random.Next(packet.Length + 1)];
            if (packet.Length > 0) packet[random.Next(packet.Length)] ^= (byte)random.Next(1, 256);
            _world.Left.Core.HandleDatagram(SocketId.Ipv4, _world.Right.Address, packet, _world.Now);
            _world.Left.Core.HandleRelayPacket(TwoNodes.Region, _world.Right.Key, packet, _world.Now);
        }

        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
    }

    [Fact]
    public void A_removed_peer_is_forgotten()
    {
        GoDirect();

        _world.Left.Core.HandlePeerRemoved(_world.Right.Key, _world.Now);
        _world.Left.Drain();
        _world.Run(TimeSpan.FromSeconds(5));

        Assert.Null(_world.Left.Core.Describe(_world.Right.Key, _world.Now));
    }

    [Fact]
    public void Idle_nodes_say_little()
    {
        GoDirect();
        _world.Run(TimeSpan.FromSeconds(70));
        int before = _world.Datagrams.Count;

        _world.Run(TimeSpan.FromSeconds(300));

        Assert.InRange(_world.Datagrams.Count - before, 40, 90); // A check and its answer every 15 s from each end.
    }

    private void GoDirect()
    {
        _world.Begin();
        _world.Connect(_world.Left);
        _world.Connect(_world.Right);
        _world.Run(Milliseconds(300));
        Assert.Equal(PathKind.Direct, _world.Left.Path.Kind);
        Assert.Equal(PathKind.Direct, _world.Right.Path.Kind);
    }

    /// <summary>A request a 200 ms from the left; the right answers what arrives.</summary>
    private void Ping(TimeSpan time)
    {
        Instant end = _world.Now + time;
        while (_world.Now < end)
        {
            _world.Left.SendData();
            bool isDirect = _world.Left.Path.Kind == PathKind.Direct && !_world.IsUdpCut;
            _world.Run(Milliseconds(10));
            Arrive(_world.Right, isDirect);
            _world.Right.SendData();
            bool isBackDirect = _world.Right.Path.Kind == PathKind.Direct && !_world.IsUdpCut;
            _world.Run(Milliseconds(10));
            Arrive(_world.Left, isBackDirect);
            _world.Run(Milliseconds(180));
        }
    }

    private void Arrive(TwoNodes.Party party, bool isDirect)
    {
        bool mustTell = isDirect ? party.Traffic.NoteReceivedDirect(_world.Now)
            : party.Traffic.NoteReceivedByRelay(_world.Now, party.Path.Kind == PathKind.Direct);
        if (mustTell) party.Core.HandleTraffic(party == _world.Left ? _world.Right.Key : _world.Left.Key, _world.Now);
        party.Drain();
    }

    /// <summary>A Hello alone is sealed by the node's own key.</summary>
    private bool IsHello(byte[] packet) => DiscoEnvelope.TryReadSender(packet, out NodeKey sender) && sender == _world.Right.Key;

    private static IpPrefix Prefix(string text) => IpPrefix.TryParse(text, out IpPrefix prefix) ? prefix : throw new FormatException(text);
}
