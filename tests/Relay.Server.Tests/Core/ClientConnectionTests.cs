using System.Buffers.Binary;
using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;

namespace Relay.Server.Tests.Core;

public class ClientConnectionTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);
    private static readonly NodeKeyPair Bob = RelayWorld.Keys(2);

    private readonly RelayWorld _world = new();

    [Fact]
    public void The_upgrade_is_answered_byte_for_byte_with_the_server_key_behind_it()
    {
        ClientConnection client = _world.Connect();
        string key = RelayWorld.ServerKeys.PublicKey.ToHex();

        Assert.Equal(RelayWorld.Upgrade.Length, _world.Receive(client, RelayWorld.Upgrade));

        byte[] greeting = client.TakeGreeting()!;
        string expected = $"HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\nDerp-Public-Key: {key}\r\n\r\n";
        Assert.StartsWith(expected, Encoding.Latin1.GetString(greeting), StringComparison.Ordinal);
        Assert.Equal("010000002844455250f09f9491" + key, Convert.ToHexStringLower(greeting.AsSpan(expected.Length)));
        Assert.Null(client.TakeGreeting());
    }

    [Fact]
    public void A_fast_start_gets_the_server_key_alone_and_its_login_may_lie_right_behind_the_head()
    {
        ClientConnection client = _world.Connect();
        byte[] head = Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: r\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Fast-Start: 1\r\n\r\n");
        byte[] login = new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[24]);

        Assert.Equal(head.Length + login.Length, _world.Receive(client, [.. head, .. login]));

        Assert.Equal(ServerKeyFrame.Length, client.TakeGreeting()!.Length);
        Assert.Equal(ConnectionPhase.Open, client.Phase);
    }

    [Fact]
    public void Everything_may_come_a_byte_at_a_time()
    {
        ClientConnection bob = _world.LogIn(Bob);
        ClientConnection client = _world.Connect();
        byte[] all = [.. RelayWorld.Upgrade, .. new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[24]), .. RelayWorld.SendPacket(Bob.PublicKey, 1, 2, 3)];
        byte[] held = [];
        foreach (byte one in all)
        {
            held = [.. held, one];
            byte[] input = held.ToArray();
            int consumed = client.Receive(input, _world.Now, _world.Woken);
            held = input[consumed..];
        }

        Assert.Empty(held);
        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(bob));
        Assert.Equal(FrameType.RecvPacket, type);
        Assert.Equal(Alice.PublicKey, new NodeKey(body.AsSpan(0, 32)));
        Assert.Equal([1, 2, 3], body[32..]);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: r\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nHost: r\r\n\r\n")]
    [InlineData("GET /derp HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: derp\r\n\r\n")]
    [InlineData("GET /other HTTP/1.1\r\nUpgrade: DERP\r\n\r\n")]
    public void What_is_no_upgrade_is_left_to_the_web_server_whole(string head)
    {
        ClientConnection client = _world.Connect();

        Assert.Equal(0, _world.Receive(client, Encoding.ASCII.GetBytes(head)));

        Assert.Equal(ConnectionPhase.OtherHttp, client.Phase);
    }

    [Fact]
    public void An_old_client_may_ask_for_a_websocket_and_speak_DERP()
    {
        ClientConnection client = _world.Connect();

        _world.Receive(client, "GET /derp HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n"u8);

        Assert.Equal(ConnectionPhase.Login, client.Phase);
    }

    [Fact]
    public void A_packet_to_oneself_and_an_empty_one_pass()
    {
        ClientConnection alice = _world.LogIn(Alice);

        _world.Receive(alice, [.. RelayWorld.SendPacket(Alice.PublicKey, 9), .. RelayWorld.SendPacket(Alice.PublicKey)]);

        Assert.Equal([33, 32], RelayWorld.Take(alice).Select(frame => frame.Body.Length));
    }

    [Fact]
    public void A_packet_of_full_length_passes_and_a_longer_one_ends_the_connection()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(Bob);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, new byte[65536]));
        Assert.Equal(65536 + 32, Assert.Single(RelayWorld.Take(bob)).Body.Length);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, new byte[65537]));
        Assert.Equal(ConnectionPhase.Closed, alice.Phase);
        Assert.Equal(CloseReason.ProtocolError, alice.CloseReason);
        Assert.Equal(ConnectionPhase.Open, bob.Phase);
    }

    [Fact]
    public void Data_to_nobody_is_dropped_and_counted_and_disco_is_answered_three_times_then_once_a_second()
    {
        ClientConnection alice = _world.LogIn(Alice);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 1));
        Assert.Empty(RelayWorld.Take(alice));
        Assert.Equal(1, _world.Counters.Dropped(DropReason.UnknownDestination, PacketKind.Data));

        for (int i = 0; i < 10; i++) _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, RelayWorld.Disco()));
        List<(FrameType Type, byte[] Body)> gone = RelayWorld.Take(alice);
        Assert.Equal(3, gone.Count);
        Assert.All(gone, frame => Assert.Equal((FrameType.PeerGone, (byte)PeerGoneReason.NotHere), (frame.Type, frame.Body[32])));

        _world.Now += TimeSpan.FromSeconds(1.01);
        for (int i = 0; i < 10; i++) _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, RelayWorld.Disco()));
        Assert.Single(RelayWorld.Take(alice));
    }

    [Fact]
    public void Those_it_has_sent_to_hear_once_that_a_client_has_left()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(Bob);
        ClientConnection carol = _world.LogIn(RelayWorld.Keys(3));
        _world.Receive(alice, [.. RelayWorld.SendPacket(Bob.PublicKey, 1), .. RelayWorld.SendPacket(Bob.PublicKey, 2)]);
        RelayWorld.Take(bob);

        alice.Close(CloseReason.ClientLeft, _world.Woken);

        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(bob));
        Assert.Equal((FrameType.PeerGone, (byte)PeerGoneReason.Disconnected), (type, body[32]));
        Assert.Empty(RelayWorld.Take(carol));
        Assert.Contains(bob, _world.Woken);
    }

    [Fact]
    public void Of_two_connections_with_one_key_the_last_to_speak_receives_and_the_other_takes_over()
    {
        ClientConnection bob = _world.LogIn(Bob);
        ClientConnection first = _world.LogIn(Alice);
        ClientConnection second = _world.LogIn(Alice);
        byte[] packet = RelayWorld.SendPacket(Alice.PublicKey, 1);

        _world.Receive(bob, packet.ToArray());
        Assert.Empty(RelayWorld.Take(first));
        Assert.Single(RelayWorld.Take(second));

        _world.Receive(first, NotePreferred(1));
        _world.Receive(bob, packet.ToArray());
        Assert.Single(RelayWorld.Take(first));

        _world.Receive(first, RelayWorld.SendPacket(Bob.PublicKey, 5));
        RelayWorld.Take(bob);
        first.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Empty(RelayWorld.Take(bob)); // The key is still here.
        _world.Receive(bob, packet.ToArray());
        Assert.Single(RelayWorld.Take(second));

        second.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Equal(FrameType.PeerGone, Assert.Single(RelayWorld.Take(bob)).Type);
        Assert.Equal(1, _world.Router.KeyCount);
    }

    [Fact]
    public void Ping_is_answered_with_its_first_eight_bytes_and_one_answer_waits_at_most()
    {
        ClientConnection alice = _world.LogIn(Alice);

        _world.Receive(alice, [.. RelayWorld.Frame(FrameType.Ping, [1, 2, 3, 4, 5, 6, 7, 8]), .. RelayWorld.Frame(FrameType.Ping, new byte[1000])]);

        (FrameType type, byte[] body) = Assert.Single(RelayWorld.Take(alice));
        Assert.Equal(FrameType.Pong, type);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], body);
        Assert.Equal(2, _world.Counters.Pings);
    }

    [Theory]
    [InlineData(FrameType.Ping, 7)]
    [InlineData(FrameType.Ping, 1001)]
    [InlineData(FrameType.NotePreferred, 0)]
    [InlineData(FrameType.NotePreferred, 2)]
    [InlineData(FrameType.SendPacket, 31)]
    [InlineData(FrameType.ForwardPacket, 64)]
    [InlineData(FrameType.WatchConns, 0)]
    [InlineData(FrameType.ClosePeer, 32)]
    public void A_frame_of_a_length_or_kind_that_may_not_be_ends_its_connection_only(FrameType type, int length)
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(Bob);

        _world.Receive(alice, RelayWorld.Frame(type, new byte[length]));

        Assert.Equal(CloseReason.ProtocolError, alice.CloseReason);
        Assert.NotNull(alice.Complaint);
        Assert.Equal(ConnectionPhase.Open, bob.Phase);
        Assert.Equal(1, _world.Counters.Closed(CloseReason.ProtocolError));
    }

    [Fact]
    public void Frames_nobody_knows_are_skipped_by_their_length_however_they_are_cut()
    {
        ClientConnection alice = _world.LogIn(Alice);
        byte[] unknown = RelayWorld.Frame((FrameType)0x77, new byte[5000]);

        Assert.Equal(100, _world.Receive(alice, unknown.AsSpan(0, 100)));
        Assert.Equal(4905, _world.Receive(alice, unknown.AsSpan(100)));
        _world.Receive(alice, RelayWorld.Frame(FrameType.Ping, new byte[8]));

        Assert.Single(RelayWorld.Take(alice));
        byte[] huge = new byte[FrameHeader.Length];
        huge[0] = 0x77;
        BinaryPrimitives.WriteUInt32BigEndian(huge.AsSpan(1), (1 << 20) + 1);
        _world.Receive(alice, huge);
        Assert.Equal(CloseReason.ProtocolError, alice.CloseReason);
    }

    [Fact]
    public void Logins_that_are_none_are_refused()
    {
        byte[] damaged = new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[24]);
        damaged[^1] ^= 1;
        byte[][] logins = [damaged, RelayWorld.Frame(FrameType.SendPacket, new byte[40]), RelayWorld.Frame(FrameType.ClientInfo, new byte[10]), [2, 0xff, 0xff, 0xff, 0xff]];
        foreach (byte[] login in logins)
        {
            ClientConnection client = _world.Connect();
            _world.Receive(client, RelayWorld.Upgrade);

            _world.Receive(client, login);

            Assert.Equal(CloseReason.ProtocolError, client.CloseReason);
            Assert.Equal(0, _world.Router.KeyCount);
        }
    }

    [Fact]
    public void A_login_takes_ten_seconds_at_most_and_an_idle_client_is_kept_alive_every_minute()
    {
        ClientConnection slow = _world.Connect();
        ClientConnection alice = _world.LogIn(Alice);

        _world.Now += TimeSpan.FromSeconds(10);
        slow.HandleTimeout(_world.Now, _world.Woken);
        alice.HandleTimeout(_world.Now, _world.Woken);
        Assert.Equal(CloseReason.HandshakeTimeout, slow.CloseReason);
        Assert.Empty(RelayWorld.Take(alice));

        _world.Now += TimeSpan.FromSeconds(55);
        alice.HandleTimeout(_world.Now, _world.Woken);
        Assert.Equal(FrameType.KeepAlive, Assert.Single(RelayWorld.Take(alice)).Type);
    }

    [Fact]
    public void Random_and_damaged_input_never_throws()
    {
        Random random = new(3);
        byte[] session = [.. RelayWorld.Upgrade, .. new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[24]), .. RelayWorld.SendPacket(Bob.PublicKey, new byte[50]), .. NotePreferred(1), .. RelayWorld.Frame(FrameType.Ping, new byte[8])];
        for (int i = 0; i < 5000; i++)
        {
            byte[] damaged = session.ToArray();
            for (int j = random.Next(0, 4); j > 0; j--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            ClientConnection client = _world.Connect();
            int consumed = 0;
            while (consumed < damaged.Length && client.Phase is not (ConnectionPhase.Closed or ConnectionPhase.OtherHttp))
            {
                int step = client.Receive(damaged.AsSpan(consumed), _world.Now, _world.Woken);
                if (step == 0) break;
                consumed += step;
            }

            client.Close(CloseReason.ClientLeft, _world.Woken);
        }

        Assert.Equal(0, _world.Router.KeyCount);
    }

    [Fact]
    public void A_relayed_packet_allocates_nothing()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(Bob);
        byte[] template = [.. Enumerable.Range(0, 16).SelectMany(_ => RelayWorld.SendPacket(Bob.PublicKey, new byte[1400]))];
        byte[] input = new byte[template.Length];
        byte[] output = new byte[128 << 10];
        void Relay()
        {
            template.CopyTo(input, 0);
            alice.Receive(input, _world.Now, _world.Woken);
            _world.Woken.Clear();
            while (bob.Queue.Take(output, _world.Now) > 0) { }
        }

        Assert.Equal(0, Allocated.AtBestBy(() =>
        {
            for (int i = 0; i < 500; i++) Relay();
        }));
    }

    private static byte[] NotePreferred(byte value) => RelayWorld.Frame(FrameType.NotePreferred, [value]);
}
