using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;

namespace Relay.Server.Tests.Core;

/// <summary>What another relay of the region may ask of us, and what we learn from it.</summary>
public class MeshTests
{
    private const string Secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);
    private static readonly NodeKeyPair Bob = RelayWorld.Keys(2);
    private static readonly NodeKeyPair Carol = RelayWorld.Keys(3);
    private static readonly NodeKeyPair Neighbour = RelayWorld.Keys(100);

    private readonly RelayWorld _world = new();

    public MeshTests()
    {
        Assert.True(MeshSecret.TryParse(Secret + "\n", out MeshSecret? secret));
        _world.Identity.MeshSecret = secret;
    }

    [Fact]
    public void A_watcher_hears_who_is_here_and_who_comes_and_who_goes()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:41641");
        LogIn(Bob, new ClientInfo { IsProber = true }, "[2001:db8::1]:5");
        ClientConnection watcher = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        _world.Receive(watcher, WatchConnsFrame.Bytes);

        Dictionary<NodeKey, (TransportAddress Address, PeerPresentFlags Flags)> present = Present(watcher);
        Assert.Equal(3, present.Count);
        Assert.Equal(("192.0.2.1:41641", PeerPresentFlags.Regular), (present[Alice.PublicKey].Address.ToString(), present[Alice.PublicKey].Flags));
        Assert.Equal(("[2001:db8::1]:5", PeerPresentFlags.Prober), (present[Bob.PublicKey].Address.ToString(), present[Bob.PublicKey].Flags));
        Assert.Equal(PeerPresentFlags.MeshPeer, present[Neighbour.PublicKey].Flags);

        ClientConnection carol = LogIn(Carol, new ClientInfo(), "192.0.2.3:1", notIdeal: true);
        Assert.Contains(watcher, _world.Woken);
        Assert.Equal(PeerPresentFlags.NotIdeal, Assert.Single(Present(watcher)).Value.Flags);

        ClientConnection again = LogIn(Alice, new ClientInfo(), "192.0.2.9:9"); // Each connection of a key is announced, its leaving only with the last.
        Assert.Equal("192.0.2.9:9", Assert.Single(Present(watcher)).Value.Address.ToString());
        again.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Empty(RelayWorld.Take(watcher));
        alice.Close(CloseReason.ClientLeft, _world.Woken);
        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(watcher));
        Assert.Equal((FrameType.PeerGone, Alice.PublicKey, 0), (type, new NodeKey(body.AsSpan(0, 32)), body[32]));

        watcher.Close(CloseReason.ClientLeft, _world.Woken);
        carol.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Equal(0, Tenant.WatcherCount);
    }

    [Fact]
    public void A_flood_of_thousands_arrives_whole()
    {
        for (int i = 0; i < 2000; i++) LogIn(Many(i), new ClientInfo(), "192.0.2.1:1");
        ClientConnection watcher = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        _world.Receive(watcher, WatchConnsFrame.Bytes);

        Assert.Equal(2001, Present(watcher).Count);
    }

    [Fact]
    public void A_relay_that_reaches_itself_watches_nothing()
    {
        LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        ClientConnection self = LogIn(RelayWorld.ServerKeys, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        _world.Receive(self, WatchConnsFrame.Bytes);

        Assert.Equal(ConnectionPhase.Open, self.Phase);
        Assert.Empty(RelayWorld.Take(self));
    }

    [Fact]
    public void A_wrong_secret_makes_an_ordinary_client()
    {
        ClientConnection mallory = LogIn(Carol, new ClientInfo { MeshKey = new string('1', 64) }, "192.0.2.1:1");
        Assert.False(mallory.IsMeshPeer);

        _world.Receive(mallory, WatchConnsFrame.Bytes);

        Assert.Equal(CloseReason.ProtocolError, mallory.CloseReason);
    }

    [Fact]
    public void The_secret_lets_a_relay_in_past_every_policy()
    {
        RelayWorld closed = new(isOpenToAll: false);
        closed.Identity.MeshSecret = _world.Identity.MeshSecret;
        ClientConnection neighbour = closed.Connect();
        closed.Receive(neighbour, RelayWorld.Upgrade);

        closed.Receive(neighbour, new ClientInfo { MeshKey = Secret.ToUpperInvariant() }.ToFrame(Neighbour, RelayWorld.ServerKeys.PublicKey, new byte[24]));

        Assert.Equal((ConnectionPhase.Open, true), (neighbour.Phase, neighbour.IsMeshPeer));
    }

    [Fact]
    public void A_forwarded_packet_reaches_a_local_client_under_its_senders_key_and_goes_no_further()
    {
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");
        MeshLink other = new(_world.Identity, _world.Router, Tenant);
        other.Receive(Present(Carol.PublicKey), _world.Woken);

        _world.Receive(neighbour, Forward(Alice.PublicKey, Bob.PublicKey, [1, 2, 3]));
        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(bob));
        Assert.Equal((FrameType.RecvPacket, Alice.PublicKey), (type, new NodeKey(body.AsSpan(0, 32))));
        Assert.Equal([1, 2, 3], body[32..]);
        Assert.Equal((1, 3), _world.Counters.ForwardedIn);

        // Carol is at a third relay: two hops are none of ours.
        _world.Receive(neighbour, Forward(Alice.PublicKey, Carol.PublicKey, RelayWorld.Disco()));
        Assert.Equal(1, _world.Counters.Dropped(DropReason.UnknownDestinationOnForward, PacketKind.Disco));
        Assert.Empty(RelayWorld.Take(other.Queue));
        (type, body) = Assert.Single(RelayWorld.Take(neighbour)); // To the link, not to the sender.
        Assert.Equal((FrameType.PeerGone, Carol.PublicKey, 1), (type, new NodeKey(body.AsSpan(0, 32)), body[32]));
    }

    [Theory]
    [InlineData(FrameType.ForwardPacket, 63)]
    [InlineData(FrameType.ForwardPacket, 64 + 65537)]
    [InlineData(FrameType.WatchConns, 1)]
    [InlineData(FrameType.ClosePeer, 31)]
    [InlineData(FrameType.ClosePeer, 33)]
    public void A_mesh_frame_of_a_wrong_length_ends_the_connection(FrameType type, int length)
    {
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        _world.Receive(neighbour, RelayWorld.Frame(type, new byte[length]));

        Assert.Equal(CloseReason.ProtocolError, neighbour.CloseReason);
    }

    [Fact]
    public void Another_relay_may_be_busy_for_longer_than_a_client()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        Assert.Equal((TimeSpan.FromSeconds(2), TimeSpan.FromSeconds(30)), (alice.WriteTimeout, neighbour.WriteTimeout));
    }

    [Fact]
    public void A_forwarded_packet_of_full_length_passes()
    {
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");
        byte[] frame = Forward(Alice.PublicKey, Bob.PublicKey, new byte[65536]);
        Assert.Equal(ClientConnection.MaxInputLength, frame.Length);

        Assert.Equal(frame.Length, _world.Receive(neighbour, frame));

        Assert.Equal(65568, Assert.Single(RelayWorld.Take(bob)).Body.Length);
    }

    [Fact]
    public void What_one_client_may_send_does_not_bound_a_relay()
    {
        _world.Router.Limits = new ServerLimits { ClientBytes = new Rate(100_000, Rate.LeastBytesBurst), ClientFrames = new Rate(10, 10) };
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.2:1");
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");

        for (int i = 0; i < 50; i++) _world.Receive(neighbour, Forward(Bob.PublicKey, Alice.PublicKey, new byte[60000]));
        for (int i = 0; i < 50; i++) _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, new byte[60000]));

        Assert.False(neighbour.ReadableAt > _world.Now);
        Assert.True(alice.ReadableAt > _world.Now);
    }

    [Fact]
    public void ClosePeer_ends_all_connections_of_a_key()
    {
        ClientConnection[] alices = [LogIn(Alice, new ClientInfo(), "192.0.2.1:1"), LogIn(Alice, new ClientInfo(), "192.0.2.1:2")];
        List<CloseReason> ended = [];
        foreach (ClientConnection alice in alices) alice.Shell = new RecordingShell(ended.Add);
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");
        byte[] close = new byte[ClosePeerFrame.Length];
        ClosePeerFrame.Write(close, Alice.PublicKey);

        _world.Receive(neighbour, close);

        Assert.Equal([CloseReason.ClosedByMesh, CloseReason.ClosedByMesh], ended);
    }

    [Fact]
    public void A_packet_for_a_client_of_another_relay_is_forwarded_to_the_first_that_has_it()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        MeshLink first = new(_world.Identity, _world.Router, Tenant);
        MeshLink second = new(_world.Identity, _world.Router, Tenant);
        first.Receive(Present(Bob.PublicKey), _world.Woken);
        second.Receive([.. Present(Bob.PublicKey), .. Present(RelayWorld.ServerKeys.PublicKey)], _world.Woken);
        Assert.Equal(1, Tenant.RemoteKeyCount); // Our own key there is our own link.

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 7));
        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(first.Queue));
        Assert.Equal((FrameType.ForwardPacket, Alice.PublicKey, Bob.PublicKey), (type, new NodeKey(body.AsSpan(0, 32)), new NodeKey(body.AsSpan(32, 32))));
        Assert.Equal([7], body[64..]);
        Assert.Empty(RelayWorld.Take(second.Queue));

        first.Close(_world.Woken);
        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 8));
        Assert.Single(RelayWorld.Take(second.Queue));
        Assert.Equal(2, _world.Counters.ForwardedOut);

        second.Receive(Gone(Bob.PublicKey), _world.Woken);
        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 9));
        Assert.Equal(1, _world.Counters.Dropped(DropReason.UnknownDestination, PacketKind.Data));
    }

    [Fact]
    public void A_local_client_goes_before_a_remote_one()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        MeshLink link = new(_world.Identity, _world.Router, Tenant);
        link.Receive(Present(Bob.PublicKey), _world.Woken);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 7));

        Assert.Single(RelayWorld.Take(bob));
        Assert.Empty(RelayWorld.Take(link.Queue));
    }

    [Fact]
    public void Who_has_left_one_relay_but_is_at_another_has_not_left_the_region()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        MeshLink link = new(_world.Identity, _world.Router, Tenant);
        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 1));
        RelayWorld.Take(bob);
        link.Receive(Present(Alice.PublicKey), _world.Woken);

        alice.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Empty(RelayWorld.Take(bob));

        link.Close(_world.Woken); // Now it has.
        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(bob));
        Assert.Equal((FrameType.PeerGone, Alice.PublicKey, 0), (type, new NodeKey(body.AsSpan(0, 32)), body[32]));
    }

    [Fact]
    public void Whom_a_remote_client_has_sent_to_hears_once_that_it_has_left()
    {
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        ClientConnection neighbour = LogIn(Neighbour, new ClientInfo { MeshKey = Secret }, "192.0.2.100:443");
        MeshLink link = new(_world.Identity, _world.Router, Tenant);
        link.Receive(Present(Alice.PublicKey), _world.Woken);
        _world.Receive(neighbour, [.. Forward(Alice.PublicKey, Bob.PublicKey, [1]), .. Forward(Alice.PublicKey, Bob.PublicKey, [2])]);
        RelayWorld.Take(bob);

        link.Receive(Gone(Alice.PublicKey), _world.Woken);
        link.Receive([.. Present(Alice.PublicKey), .. Gone(Alice.PublicKey)], _world.Woken);

        Assert.Equal(FrameType.PeerGone, Assert.Single(RelayWorld.Take(bob)).Type);
    }

    [Fact]
    public void Who_comes_again_after_leaving_is_told_nothing_of_those_who_sent_to_it_before()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        ClientConnection bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");
        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 1));
        bob.Close(CloseReason.ClientLeft, _world.Woken);
        bob = LogIn(Bob, new ClientInfo(), "192.0.2.2:1");

        alice.Close(CloseReason.ClientLeft, _world.Woken);

        Assert.Empty(RelayWorld.Take(bob));
    }

    [Fact]
    public void What_is_remembered_of_a_fan_out_is_bounded_by_who_is_here()
    {
        ClientConnection alice = LogIn(Alice, new ClientInfo(), "192.0.2.1:1");
        for (int i = 0; i < 1000; i++)
        {
            NodeKeyPair keys = Many(i);
            ClientConnection receiver = LogIn(keys, new ClientInfo(), "192.0.2.2:1");
            _world.Receive(alice, RelayWorld.SendPacket(keys.PublicKey, 1));
            receiver.Close(CloseReason.ClientLeft, _world.Woken);
        }

        Assert.InRange(Tenant.Find(Alice.PublicKey)!.Receivers.Count, 0, 64);
    }

    [Fact]
    public void A_link_skips_what_it_does_not_know_answers_pings_and_never_throws_but_a_protocol_error()
    {
        MeshLink link = new(_world.Identity, _world.Router, Tenant);
        byte[] input = [.. RelayWorld.Frame((FrameType)0x77, new byte[5000]), .. RelayWorld.Frame(FrameType.KeepAlive), .. RelayWorld.Frame(FrameType.PeerGone, new byte[3]), .. RelayWorld.Frame(FrameType.Ping, [1, 2, 3, 4, 5, 6, 7, 8])];
        byte[] held = [];
        foreach (byte one in input)
        {
            held = [.. held, one];
            held = held[link.Receive(held, _world.Woken)..];
        }

        Assert.Empty(held);
        Assert.Equal(FrameType.Pong, Assert.Single(RelayWorld.Take(link.Queue)).Type);
        Assert.Throws<RelayProtocolException>(() => link.Receive([0x77, 0x00, 0x10, 0x00, 0x01], _world.Woken));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0011")]
    [InlineData(Secret + "00")]
    [InlineData("zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    public void A_file_with_anything_else_is_no_secret(string text) => Assert.False(MeshSecret.TryParse(text, out _));

    private Tenant Tenant => _world.Router.Tenants.TryEnter("", out Tenant? tenant) ? tenant : throw new InvalidOperationException();

    private ClientConnection LogIn(NodeKeyPair keys, ClientInfo info, string address, bool notIdeal = false)
    {
        ClientConnection client = _world.Connect();
        client.Remote = TransportAddress.TryParse(address, out TransportAddress remote) ? remote : throw new FormatException(address);
        client.BeginWithoutHead(token: null, notIdeal, _world.Now);
        _world.Receive(client, info.ToFrame(keys, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]));
        Assert.Equal(FrameType.ServerInfo, Assert.Single(RelayWorld.Take(client)).Type);
        return client;
    }

    private static NodeKeyPair Many(int number)
    {
        byte[] secret = new byte[NodeKey.Length];
        BitConverter.TryWriteBytes(secret.AsSpan(4), number + 1);
        return NodeKeyPair.FromPrivateKey(secret);
    }

    private static byte[] Present(NodeKey key)
    {
        byte[] frame = new byte[PeerPresentFrame.Length];
        PeerPresentFrame.Write(frame, key, default, PeerPresentFlags.Regular);
        return frame;
    }

    private static byte[] Gone(NodeKey key)
    {
        byte[] frame = new byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(frame, key, PeerGoneReason.Disconnected);
        return frame;
    }

    private static byte[] Forward(NodeKey source, NodeKey target, byte[] packet)
    {
        byte[] frame = new byte[ForwardPacketFrame.PrefixLength + packet.Length];
        ForwardPacketFrame.WritePrefix(frame, source, target, packet.Length);
        packet.CopyTo(frame, ForwardPacketFrame.PrefixLength);
        return frame;
    }

    private static Dictionary<NodeKey, (TransportAddress Address, PeerPresentFlags Flags)> Present(ClientConnection watcher) => RelayWorld.Take(watcher).ToDictionary(
        frame => new NodeKey(frame.Body.AsSpan(0, 32)),
        frame =>
        {
            Assert.Equal((FrameType.PeerPresent, 51), (frame.Type, frame.Body.Length));
            Assert.True(PeerPresentFrame.TryRead(frame.Body, out _, out TransportAddress address, out PeerPresentFlags flags));
            return (address, flags);
        });
}
