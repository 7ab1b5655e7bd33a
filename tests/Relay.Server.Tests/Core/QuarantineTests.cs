using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;

namespace Relay.Server.Tests.Core;

public class QuarantineTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);

    private readonly RelayWorld _world = new(isOpenToAll: false);

    [Fact]
    public void A_refused_client_is_told_why_after_ServerInfo_and_then_only_kept_alive()
    {
        ClientConnection alice = Refuse("Your key is on no list.");

        List<(FrameType Type, byte[] Body)> frames = RelayWorld.Take(alice);
        Assert.Equal([FrameType.ServerInfo, FrameType.Health], frames.Select(frame => frame.Type));
        Assert.Equal("Your key is on no list.", Encoding.UTF8.GetString(frames[1].Body));
        Assert.Equal(ConnectionPhase.Quarantined, alice.Phase);

        _world.Receive(alice, [.. RelayWorld.SendPacket(Alice.PublicKey, 1), .. RelayWorld.SendPacket(Alice.PublicKey, RelayWorld.Disco()), .. RelayWorld.Frame(FrameType.Ping, new byte[8]), .. RelayWorld.Frame(FrameType.NotePreferred, [1])]);
        Assert.Empty(RelayWorld.Take(alice));
        Assert.Equal(1, _world.Counters.Dropped(DropReason.Quarantined, PacketKind.Data));
        Assert.Equal(1, _world.Counters.Dropped(DropReason.Quarantined, PacketKind.Disco));
        Assert.Equal(0, _world.Router.KeyCount);

        _world.Now += TimeSpan.FromSeconds(65);
        alice.HandleTimeout(_world.Now, _world.Woken);
        Assert.Equal(FrameType.KeepAlive, Assert.Single(RelayWorld.Take(alice)).Type);
    }

    [Fact]
    public void It_ends_after_ten_minutes()
    {
        ClientConnection alice = Refuse("No.");
        Assert.Equal(_world.Now + TimeSpan.FromMinutes(10), alice.Expires);

        _world.Now += TimeSpan.FromMinutes(10);
        alice.HandleTimeout(_world.Now, _world.Woken);

        Assert.Equal((ConnectionPhase.Closed, CloseReason.Refused), (alice.Phase, alice.CloseReason));
        Assert.Equal(0, _world.Router.Quarantine.Count);
    }

    [Fact]
    public void A_malformed_frame_ends_it_at_once()
    {
        ClientConnection alice = Refuse("No.");

        _world.Receive(alice, RelayWorld.Frame(FrameType.SendPacket, new byte[31]));

        Assert.Equal(CloseReason.ProtocolError, alice.CloseReason);
        Assert.Equal(0, _world.Router.Quarantine.Count);
    }

    [Fact]
    public void One_more_than_a_thousand_is_cut_off()
    {
        List<ClientConnection> kept = [.. Enumerable.Range(0, QuarantineWard.MaxConnections).Select(_ => Refuse("No."))];
        Assert.All(kept, client => Assert.Equal(ConnectionPhase.Quarantined, client.Phase));

        ClientConnection more = Refuse("No.");
        Assert.Equal((ConnectionPhase.Closed, CloseReason.Refused), (more.Phase, more.CloseReason));
        Assert.Equal(QuarantineWard.MaxConnections, _world.Router.Quarantine.Count);

        kept[0].Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Equal(ConnectionPhase.Quarantined, Refuse("No.").Phase);
    }

    [Fact]
    public void What_is_known_before_the_upgrade_is_told_as_a_status()
    {
        _world.Identity.Refusal = new UpgradeRefusal(503, "Service Unavailable", "This relay is stopping.");
        ClientConnection alice = _world.Connect();
        ClientConnection fast = _world.Connect();

        _world.Receive(alice, RelayWorld.Upgrade);
        _world.Receive(fast, "GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nDerp-Fast-Start: 1\r\n\r\n"u8);

        Assert.Equal(
            "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 24\r\nConnection: close\r\n\r\nThis relay is stopping.\n",
            Encoding.UTF8.GetString(alice.TakeGreeting()!));
        Assert.Equal((ConnectionPhase.Closed, CloseReason.Refused), (alice.Phase, alice.CloseReason));
        Assert.Null(fast.TakeGreeting());
        Assert.Equal(ConnectionPhase.Closed, fast.Phase);
    }

    private ClientConnection Refuse(string reason)
    {
        ClientConnection client = _world.Connect();
        _world.Receive(client, RelayWorld.Upgrade);
        _world.Receive(client, new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]));
        Assert.NotNull(client.TakeLoginRequest());
        client.Admit(AdmissionDecision.Refuse(RefusalReason.NotListed, reason), _world.Now, _world.Woken);
        return client;
    }
}
