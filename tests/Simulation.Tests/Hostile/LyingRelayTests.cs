using Node.Traversal;
using Node.Traversal.Core;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Simulation;

namespace Simulation.Tests.Hostile;

/// <summary>A relay that does what it likes with what it is given: it may deny its service, and nothing else (DESIGN.md §1).</summary>
public class LyingRelayTests
{
    [Fact]
    public void A_relay_that_says_everything_again_changes_nothing()
    {
        SimLab lab = Lab(relay => (from, to, packet) => [new(from, to, packet, TimeSpan.Zero), new(from, to, packet, Seconds(0.3)), new(from, to, packet, Seconds(3)), new(from, to, packet, Seconds(40))]);

        Play(lab);

        Assert.True(lab.IsDirect);
        Assert.True(lab.Left.Core.Drops[NodeDrop.Stale] > 0);
        Assert.Equal(0, lab.Lost);
    }

    [Fact]
    public void A_relay_that_mixes_the_order_costs_nothing()
    {
        Random random = new(1);
        SimLab lab = Lab(relay => (from, to, packet) => [new(from, to, packet, Seconds(random.NextDouble() * 0.5))]);

        Play(lab);

        Assert.True(lab.IsDirect);
        Assert.Equal(0, lab.Lost);
    }

    [Fact]
    public void A_relay_that_sends_words_back_or_under_another_name_is_not_believed()
    {
        SimLab lab = Lab(relay => (from, to, packet) => [new(from, to, packet, TimeSpan.Zero), new(to, from, packet, TimeSpan.Zero), new(Stranger, to, packet, TimeSpan.Zero), new(from, Stranger, packet, TimeSpan.Zero)]);

        Play(lab);

        Assert.True(lab.IsDirect);
        Assert.True(lab.Left.Core.Drops[NodeDrop.UnknownKey] > 0);
    }

    [Fact]
    public void A_relay_that_changes_words_denies_its_service_and_no_more()
    {
        Random random = new(1);
        SimLab lab = Lab(relay => (from, to, packet) =>
        {
            byte[] changed = [.. packet];
            if (PacketKinds.Of(packet) == PacketKind.Disco) changed[random.Next(38, changed.Length)] ^= 1; // Behind the magic and the key, which would make it somebody else's.
            return [new(from, to, changed, TimeSpan.Zero)];
        });

        Play(lab);

        Assert.True(lab.IsRelayed); // No Hello has come through: nothing is known of the peer, and packets go on.
        Assert.True(lab.Left.Core.Drops[NodeDrop.NotOpened] > 0);
        Assert.Equal(0, lab.Lost);
    }

    [Fact]
    public void A_relay_that_swallows_control_packets_leaves_the_data_and_one_that_swallows_data_the_path()
    {
        SimLab control = Lab(relay => (from, to, packet) => PacketKinds.Of(packet) == PacketKind.Disco ? [] : [new(from, to, packet, TimeSpan.Zero)]);
        Play(control);
        Assert.True(control.IsRelayed);
        Assert.Equal(0, control.Lost);
        Assert.Equal(VerdictCode.PeerSilent, control.Left.VerdictOn(control.Right)!.Value.Code);

        SimLab data = Lab(relay => (from, to, packet) => PacketKinds.Of(packet) == PacketKind.Disco ? [new(from, to, packet, TimeSpan.Zero)] : []);
        Play(data);
        Assert.True(data.IsDirect);
        data.Forget(); // But for what was sent before there was a path.
        data.Ping(Seconds(30));
        Assert.Equal(0, data.Lost);
    }

    [Fact]
    public void A_forged_goodbye_ends_no_direct_path_and_a_relayed_peer_is_found_again()
    {
        SimLab direct = new SimLab(1, NatKind.Easy, NatKind.Easy).Settle();
        SimLab relayed = new SimLab(1, NatKind.Blocked, NatKind.Easy).Settle();
        foreach (SimLab lab in new[] { direct, relayed })
        {
            for (int i = 0; i < 50; i++)
            {
                foreach (int region in lab.World.Relays.Keys)
                {
                    lab.Left.HandlePeerGone(region, lab.Right.Key, i % 2 == 0 ? PeerGoneReason.Disconnected : PeerGoneReason.NotHere);
                    lab.Right.HandlePeerGone(region, lab.Left.Key, PeerGoneReason.Disconnected);
                }

                lab.Ping(Seconds(0.2));
                Assert.Equal(lab == direct, lab.IsDirect);
            }

            lab.World.Run(Seconds(1));
            Assert.Equal(0, lab.Lost);
        }
    }

    [Fact]
    public void A_relay_that_names_strangers_makes_nobody_known()
    {
        SimLab lab = new SimLab(1, NatKind.Easy, NatKind.Easy).Settle();
        Random random = new(1);
        byte[] packet = new byte[200];
        for (int i = 0; i < 10_000; i++)
        {
            random.NextBytes(packet);
            PacketKinds.DiscoMagic.CopyTo(packet);
            lab.Left.ReceiveRelayed(900, new NodeKey(packet.AsSpan(100, 32)), [.. packet]);
        }

        Assert.Equal(10_000, lab.Left.Core.Drops[NodeDrop.UnknownKey]);
        lab.Ping(Seconds(3));
        Assert.True(lab.IsDirect);
        Assert.Equal(0, lab.Lost);
    }

    private static NodeKey Stranger { get; } = NodeKeyPair.FromPrivateKey([.. Enumerable.Repeat((byte)77, 32)]).PublicKey;

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);

    private static SimLab Lab(Func<SimRelay, Func<NodeKey, NodeKey, byte[], IReadOnlyList<RelayedPacket>>> conduct)
    {
        SimLab lab = new(1, NatKind.Easy, NatKind.Easy);
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Conduct = conduct(relay);
        return lab;
    }

    /// <summary>A minute with traffic.</summary>
    private static void Play(SimLab lab)
    {
        lab.Start();
        lab.Ping(TimeSpan.FromSeconds(60));
        lab.World.Run(Seconds(2));
        Assert.Empty(lab.World.Violations);
    }
}
