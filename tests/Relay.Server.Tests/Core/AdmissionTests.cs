using System.Text;
using Relay.Protocol;
using Relay.Protocol.Extensions;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

public class AdmissionTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);
    private static readonly NodeKeyPair Bob = RelayWorld.Keys(2);

    private readonly RelayWorld _world = new(isOpenToAll: false, checkToken: token => token == "good" ? Grant : TokenGrant.Refuse(RefusalReason.TokenInvalid, $"The token '{token}' is bad."));

    private static TokenGrant Grant => new() { Key = Alice.PublicKey, Id = "1" };

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
        _world.Receive(client, Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: r\r\nauthorization: bearer  good \r\nUpgrade: DERP\r\n\r\n"));
        _world.Receive(client, Login(Alice));

        LoginRequest request = client.TakeLoginRequest()!;

        Assert.Equal(Grant, request.Token);
        Assert.DoesNotContain("good", request.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 401)]
    [InlineData("Derp-Fast-Start: 1\r\n", 0)]
    public void A_bad_token_is_refused_before_the_upgrade_where_the_client_reads_HTTP(string field, int status)
    {
        ClientConnection client = _world.Connect();

        _world.Receive(client, Encoding.ASCII.GetBytes($"GET /derp HTTP/1.1\r\nHost: r\r\nAuthorization: Bearer x\r\n{field}Upgrade: DERP\r\n\r\n"));

        string answer = Encoding.UTF8.GetString(client.TakeGreeting()!);
        if (status == 0)
        {
            Assert.Equal(ConnectionPhase.Login, client.Phase);
            return;
        }

        Assert.StartsWith("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer", answer, StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nThe token 'x' is bad.\n", answer, StringComparison.Ordinal);
        Assert.Equal((ConnectionPhase.Closed, CloseReason.Refused), (client.Phase, client.CloseReason));
        Assert.Equal(1, _world.Counters.Refused(RefusalReason.TokenInvalid));
    }

    [Fact]
    public void A_client_in_quarantine_gets_in_with_a_token()
    {
        ClientConnection client = LogIn(Alice, AdmissionDecision.Refuse(RefusalReason.NotListed, "No."), extensions: 1);
        Assert.Equal([FrameType.ServerInfo, FrameType.Health], RelayWorld.Take(client).Select(frame => frame.Type));
        byte[] token = TokenFrame.Of("good");
        byte[] packet = RelayWorld.SendPacket(Alice.PublicKey, 1);

        Assert.Equal(token.Length, _world.Receive(client, [.. token, .. packet]));
        Assert.Equal(Grant, client.TakeLoginRequest()!.Token);
        client.Admit(AdmissionDecision.Open, _world.Now, _world.Woken);
        _world.Receive(client, packet);

        Assert.Equal([FrameType.ServerInfo, FrameType.RecvPacket], RelayWorld.Take(client).Select(frame => frame.Type));
        Assert.Equal(0, _world.Router.Quarantine.Count);
    }

    [Fact]
    public void A_token_shown_later_renews_an_admission_and_a_bad_one_takes_nothing()
    {
        ClientConnection client = LogIn(Alice, AdmissionDecision.Open with { Expires = _world.Now + TimeSpan.FromSeconds(10) }, extensions: 1);
        RelayWorld.Take(client);
        _world.Receive(client, TokenFrame.Of("bad"));
        client.Admit(AdmissionDecision.Refuse(RefusalReason.TokenInvalid, "It is bad."), _world.Now, _world.Woken);
        Assert.Equal("It is bad.", Encoding.UTF8.GetString(Assert.Single(RelayWorld.Take(client)).Body));
        Assert.Equal(_world.Now + TimeSpan.FromSeconds(10), client.Expires);

        _world.Receive(client, TokenFrame.Of("good"));
        client.Admit(AdmissionDecision.Open with { Expires = _world.Now + TimeSpan.FromSeconds(90), Tenant = "red" }, _world.Now, _world.Woken);
        Assert.Equal(_world.Now + TimeSpan.FromSeconds(10), client.Expires); // Who is in one tenant does not wander into another.

        client.Admit(AdmissionDecision.Open with { Expires = _world.Now + TimeSpan.FromSeconds(90) }, _world.Now, _world.Woken);
        Assert.Equal(_world.Now + TimeSpan.FromSeconds(90), client.Expires);
        Assert.Equal(ConnectionPhase.Open, client.Phase);
    }

    [Theory]
    [InlineData(0, 1, "extensions")]
    [InlineData(1, 4, "Too many")]
    public void Tokens_are_for_clients_of_ours_and_few(int extensions, int count, string complaint)
    {
        ClientConnection client = LogIn(Alice, AdmissionDecision.Open, extensions);

        for (int i = 0; i < count; i++) _world.Receive(client, TokenFrame.Of("good"));

        Assert.Equal((ConnectionPhase.Closed, CloseReason.ProtocolError), (client.Phase, client.CloseReason));
        Assert.Contains(complaint, client.Complaint, StringComparison.Ordinal);
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

    private static byte[] Login(NodeKeyPair keys, int extensions = 0) => new ClientInfo { Extensions = extensions }.ToFrame(keys, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]);

    private ClientConnection LogIn(NodeKeyPair keys, AdmissionDecision decision, int extensions = 0)
    {
        ClientConnection client = _world.Connect();
        _world.Receive(client, [.. RelayWorld.Upgrade, .. Login(keys, extensions)]);
        Assert.NotNull(client.TakeLoginRequest());
        client.Admit(decision, _world.Now, _world.Woken);
        return client;
    }
}
