using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

public class AdmissionTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);
    private static readonly NodeKeyPair Bob = RelayWorld.Keys(2);

    private readonly RelayWorld _world = new(isOpenToAll: false);

    [Fact]
    public void A_login_waits_for_its_answer_and_what_comes_meanwhile_is_not_consumed()
    {
        ClientConnection client = _world.Connect();
        byte[] login = Login(Alice);
        byte[] early = RelayWorld.SendPacket(Alice.PublicKey, 1, 2, 3);
        _world.Receive(client, RelayWorld.Upgrade);

        Assert.Equal(login.Length, _world.Receive(client, [.. login, .. early]));
        Assert.Equal(0, _world.Receive(client, early));
        Assert.Equal(ConnectionPhase.Admission, client.Phase);
        Assert.Equal(Alice.PublicKey, client.TakeLoginRequest()!.Key);
        Assert.Null(client.TakeLoginRequest());
        Assert.True(client.Queue.IsEmpty);

        client.Admit(AdmissionDecision.Open, _world.Now, _world.Woken);
        Assert.Equal(early.Length, _world.Receive(client, early));

        Assert.Equal([FrameType.ServerInfo, FrameType.RecvPacket], RelayWorld.Take(client).Select(frame => frame.Type));
    }

    [Fact]
    public void The_token_of_the_upgrade_comes_with_the_login_and_has_no_text_form()
    {
        ClientConnection client = _world.Connect();
        _world.Receive(client, Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: r\r\nauthorization: bearer  a.b.c \r\nUpgrade: DERP\r\n\r\n"));
        _world.Receive(client, Login(Alice));

        LoginRequest request = client.TakeLoginRequest()!;

        Assert.Equal("a.b.c", request.Token);
        Assert.DoesNotContain("a.b.c", request.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refused_client_can_reach_nobody_and_be_reached_by_nobody()
    {
        ClientConnection client = LogIn(Alice, AdmissionDecision.Refuse(RefusalReason.NotListed, "No."));

        Assert.NotEqual(ConnectionPhase.Open, client.Phase);
        Assert.Equal(RefusalReason.NotListed, client.Admission!.Refusal);
        Assert.Equal(0, _world.Router.KeyCount);
    }

    [Fact]
    public void An_answer_that_never_comes_ends_the_login()
    {
        ClientConnection client = _world.Connect();
        _world.Receive(client, [.. RelayWorld.Upgrade, .. Login(Alice)]);
        _world.Now += _world.Router.Limits.HandshakeTimeout;

        client.HandleTimeout(_world.Now, _world.Woken);
        client.Admit(AdmissionDecision.Open, _world.Now, _world.Woken);

        Assert.Equal((ConnectionPhase.Closed, CloseReason.HandshakeTimeout), (client.Phase, client.CloseReason));
        Assert.Equal(0, _world.Router.KeyCount);
    }

    [Fact]
    public void An_admission_that_runs_out_ends_the_connection()
    {
        ClientConnection client = LogIn(Alice, AdmissionDecision.Open with { Expires = _world.Now + TimeSpan.FromSeconds(10) });
        Assert.Equal(_world.Now + TimeSpan.FromSeconds(10), client.NextTimeout);

        _world.Now += TimeSpan.FromSeconds(10);
        client.HandleTimeout(_world.Now, _world.Woken);

        Assert.Equal((ConnectionPhase.Closed, CloseReason.AdmissionEnded), (client.Phase, client.CloseReason));
    }

    [Fact]
    public void Tenants_are_worlds_apart()
    {
        ClientConnection alice = LogIn(Alice, In("red"));
        ClientConnection bob = LogIn(Bob, In("blue"));
        RelayWorld.Take(alice);
        RelayWorld.Take(bob);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, RelayWorld.Disco()));
        _world.Receive(alice, RelayWorld.SendPacket(RelayWorld.Keys(9).PublicKey, RelayWorld.Disco()));

        // A key of another tenant and one that nobody has: the same answer, but for the key in it.
        List<(FrameType Type, byte[] Body)> answers = RelayWorld.Take(alice);
        Assert.Equal([FrameType.PeerGone, FrameType.PeerGone], answers.Select(answer => answer.Type));
        Assert.Equal(answers[0].Body[NodeKey.Length..], answers[1].Body[NodeKey.Length..]);
        Assert.Equal(2, _world.Counters.Dropped(DropReason.UnknownDestination, PacketKind.Disco));
        Assert.True(bob.Queue.IsEmpty);

        alice.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.True(bob.Queue.IsEmpty);
    }

    [Fact]
    public void The_same_key_in_two_tenants_is_two_clients()
    {
        ClientConnection red = LogIn(Alice, In("red"));
        ClientConnection blue = LogIn(Alice, In("blue"));
        ClientConnection bob = LogIn(Bob, In("red"));
        RelayWorld.Take(red);
        RelayWorld.Take(blue);

        _world.Receive(blue, RelayWorld.SendPacket(Alice.PublicKey, 7)); // To itself, so that it is the last to have sent.
        _world.Receive(bob, RelayWorld.SendPacket(Alice.PublicKey, 8));

        Assert.Equal(8, Assert.Single(RelayWorld.Take(red)).Body[^1]);
        Assert.Equal(7, Assert.Single(RelayWorld.Take(blue)).Body[^1]);
        Assert.Equal(3, _world.Router.KeyCount);
    }

    [Fact]
    public void Tenants_without_a_connection_make_room_and_one_more_than_all_is_refused()
    {
        TenantRegistry tenants = new();
        for (int i = 0; i < TenantRegistry.MaxTenants; i++) Assert.True(tenants.TryEnter($"t{i}", out _));
        Assert.False(tenants.TryEnter("more", out _));

        tenants.Leave(tenants.All[5]);

        Assert.True(tenants.TryEnter("more", out _));
        Assert.Equal(TenantRegistry.MaxTenants, tenants.All.Length);
    }

    private static AdmissionDecision In(string tenant) => AdmissionDecision.Open with { Tenant = tenant };

    private static byte[] Login(NodeKeyPair keys) => new ClientInfo().ToFrame(keys, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]);

    private ClientConnection LogIn(NodeKeyPair keys, AdmissionDecision decision)
    {
        ClientConnection client = _world.Connect();
        _world.Receive(client, [.. RelayWorld.Upgrade, .. Login(keys)]);
        Assert.NotNull(client.TakeLoginRequest());
        client.Admit(decision, _world.Now, _world.Woken);
        return client;
    }
}
