using Node.Traversal.Core;
using Node.Traversal.Core.Paths;
using Relay.Protocol.Disco;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Hostile;

/// <summary>A peer whose clock is wrong, so that a later start of its seems to be an earlier one; and who would make use of what is done about it.</summary>
public class WrongClockTests
{
    private readonly HostileWorld _world = new HostileWorld().Meet();
    private readonly ScriptedPeer _restarted = new(Keys(2), Keys(96)) { StartedAt = 1_500_000 };

    [Fact]
    public void A_peer_whose_clock_went_back_over_its_restart_is_heard_once_it_has_answered()
    {
        GoDirect(_world.Peer);

        Restart();

        GoDirect(_restarted);
        Assert.Equal(1, _world.Core.Drops[NodeDrop.Stale]);
    }

    [Fact]
    public void Recorded_greetings_of_an_earlier_start_change_nothing_however_often_they_are_played_back()
    {
        ScriptedPeer later = new(Keys(2), Keys(97)) { StartedAt = 2_500_000 };
        byte[] recorded = _world.Peer.MakeHello(_world.NodeDisco, hello => hello with { EchoOf = 0 });
        later.Listen(_world.Relayed);
        _world.ByRelay(later.MakeHello(_world.NodeDisco));
        GoDirect(later);
        int before = _world.Relayed.Count;

        for (int i = 0; i < 1000; i++)
        {
            _world.ByRelay(recorded);
            _world.Run(Milliseconds(1));
        }

        Assert.Equal(PathKind.Direct, _world.Path.Kind);
        Assert.InRange(_world.Relayed.Count - before, 1, 5); // Asked after, and not at every word.
        GoDirect(later);
    }

    [Fact]
    public void What_was_recorded_of_the_start_that_seemed_the_later_one_is_over_too()
    {
        byte[] recorded = _world.MakeHello(_world.NodeDisco); // Never delivered: its counter is new.
        Restart();
        GoDirect(_restarted);

        _world.ByRelay(recorded);

        GoDirect(_restarted);
    }

    private void Restart()
    {
        _world.Run(TimeSpan.FromSeconds(1));
        int before = _world.Relayed.Count;
        _world.ByRelay(_restarted.MakeHello(echo: null, hello => hello with { AsksForAnswer = true }));
        _world.Run(TimeSpan.FromSeconds(1));
        Hello question = _restarted.Listen(_world.Relayed.Skip(before));
        Assert.NotEqual(_restarted.Disco, question.Echo);
        _world.ByRelay(_restarted.MakeHello(question.DiscoKey, hello => hello with { EchoOf = question.Counter }));
    }

    private void GoDirect(ScriptedPeer peer)
    {
        _world.Run(TimeSpan.FromSeconds(1));
        _world.ByUdp(HostileWorld.PeerAddress, peer.MakePing(_world.Datagrams.Count));
        _world.Run(Milliseconds(200));
        int heard = _world.Datagrams.FindLastIndex(sent => sent.To == HostileWorld.PeerAddress && peer.ReadCheck(sent.Payload) is not null);
        Assert.True(heard >= 0, "The peer is not checked with its present key.");
        _world.ByUdp(HostileWorld.PeerAddress, peer.MakePong(peer.ReadCheck(_world.Datagrams[heard].Payload)!.Value));
        Assert.Equal((PathKind.Direct, HostileWorld.PeerAddress), (_world.Path.Kind, _world.Path.Remote));
    }
}
