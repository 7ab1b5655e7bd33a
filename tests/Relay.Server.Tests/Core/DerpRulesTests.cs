using System.Text;
using Addresses;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Relay.Server.Hosting;

namespace Relay.Server.Tests.Core;

/// <summary>What stock clients and relays expect of a relay and trip over where it is otherwise.</summary>
public class DerpRulesTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);
    private static readonly NodeKeyPair Bob = RelayWorld.Keys(2);

    private readonly RelayWorld _world = new();

    [Fact]
    public void A_client_that_says_nothing_for_an_hour_is_kept_alive_and_kept()
    {
        ClientConnection alice = _world.LogIn(Alice);
        int keepAlives = 0;
        for (int second = 0; second < 3600; second++)
        {
            _world.Now += TimeSpan.FromSeconds(1);
            alice.HandleTimeout(_world.Now, _world.Woken);
            keepAlives += RelayWorld.Take(alice).Count(frame => frame.Type == FrameType.KeepAlive);
        }

        Assert.Equal(ConnectionPhase.Open, alice.Phase);
        Assert.InRange(keepAlives, 3600 / 66, 3600 / 60); // Every 60 to 65 s, noticed at whole seconds here.
    }

    [Fact]
    public void A_client_that_only_receives_and_one_that_only_sends_are_kept_alive_too()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(Bob);
        HashSet<FrameType> seen = [];
        for (int second = 0; second < 70; second++)
        {
            _world.Now += TimeSpan.FromSeconds(1);
            _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, 1));
            foreach (ClientConnection client in (ClientConnection[])[alice, bob]) client.HandleTimeout(_world.Now, _world.Woken);
            seen.UnionWith(RelayWorld.Take(alice).Select(frame => frame.Type));
            Assert.Contains(RelayWorld.Take(bob), frame => frame.Type == FrameType.RecvPacket);
        }

        Assert.Equal([FrameType.KeepAlive], seen);
    }

    [Theory]
    [InlineData(FrameType.KeepAlive, 0)]
    [InlineData(FrameType.Pong, 8)]
    [InlineData((FrameType)0x77, 100)]
    public void Any_frame_makes_its_connection_the_active_one_of_its_key(FrameType type, int length)
    {
        ClientConnection bob = _world.LogIn(Bob);
        ClientConnection first = _world.LogIn(Alice);
        ClientConnection second = _world.LogIn(Alice);

        _world.Receive(first, RelayWorld.Frame(type, new byte[length]));
        _world.Receive(bob, RelayWorld.SendPacket(Alice.PublicKey, 1));

        Assert.Single(RelayWorld.Take(first));
        Assert.Empty(RelayWorld.Take(second));
    }

    [Theory]
    [InlineData("{}", 0, false, false)]
    [InlineData("""{"Version":2,"canackpings":true,"ISPROBER":true,"MeshKey":"","AppName":"x","Later":[{}]}""", 2, true, true)]
    [InlineData("""{"meshKey":null,"version":2}""", 2, false, false)]
    public void A_ClientInfo_is_read_in_any_case_of_its_names(string json, int version, bool canAckPings, bool isProber)
    {
        ClientConnection client = LogIn(json);

        Assert.Equal(ConnectionPhase.Open, client.Phase);
        Assert.Equal((version, canAckPings, isProber, (string?)null), (client.Info!.Version, client.Info.CanAckPings, client.Info.IsProber, client.Info.MeshKey));
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"version":"2"}""")]
    [InlineData("""{"CanAckPings":1}""")]
    [InlineData("""{"meshKey":"abc"}""")]
    [InlineData("""{"meshKey":"zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"}""")]
    [InlineData("""{"meshKey":5}""")]
    public void A_ClientInfo_that_says_nonsense_ends_the_connection(string json) => Assert.Equal(CloseReason.ProtocolError, LogIn(json).CloseReason);

    [Theory]
    [InlineData(61, false)]
    [InlineData(62, true)]
    public void Disco_is_what_begins_like_it_and_is_long_enough(int length, bool isDisco)
    {
        byte[] packet = new byte[length];
        PacketKinds.DiscoMagic.CopyTo(packet);
        ClientConnection alice = _world.LogIn(Alice);

        _world.Receive(alice, RelayWorld.SendPacket(Bob.PublicKey, packet));

        Assert.Equal(isDisco ? 1 : 0, RelayWorld.Take(alice).Count); // Only disco is told that nobody is here.
    }

    [Fact]
    public void What_a_client_says_of_its_home_is_counted_and_so_are_those_who_would_rather_be_elsewhere()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.Connect();
        _world.Receive(bob, "GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nIdeal-Node: 900a\r\n\r\n"u8);
        _world.Receive(bob, new ClientInfo { IsProber = true }.ToFrame(Bob, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]));
        _world.LogIn(Alice);
        _world.Receive(alice, RelayWorld.Frame(FrameType.NotePreferred, [1]));

        Assert.Equal(new ClientCensus { All = 3, Home = 1, NotIdeal = 1, Probers = 1, Duplicates = 2 }, ClientCensus.Of(_world.Router));
        Assert.Equal(PeerPresentFlags.NotIdeal | PeerPresentFlags.Prober, bob.Flags);

        _world.Receive(alice, RelayWorld.Frame(FrameType.NotePreferred, [0]));
        Assert.Equal(0, ClientCensus.Of(_world.Router).Home);
        Assert.Equal((1, 1), _world.Counters.HomeChanges);

        _world.Receive(bob, RelayWorld.Frame(FrameType.NotePreferred, [0])); // It never was.
        Assert.Equal((1, 1), _world.Counters.HomeChanges);
    }

    [Fact]
    public void Every_node_of_the_map_names_its_region_which_is_one_of_an_operators_own()
    {
        Assert.True(TransportAddress.TryParse("192.0.2.1:443", out TransportAddress tls));
        Assert.True(TransportAddress.TryParse("192.0.2.2:3478", out TransportAddress stun));

        string map = RelayMapPage.Write([tls], [], [stun], certificate: null);

        Assert.Equal(3, map.Split("\"RegionID\": 900").Length - 1); // The region and two nodes.
        Assert.Contains("\"IPv4\": \"192.0.2.1\"", map, StringComparison.Ordinal);
    }

    private ClientConnection LogIn(string json)
    {
        byte[] text = Encoding.UTF8.GetBytes(json);
        byte[] body = new byte[NodeKey.Length + Box.NonceLength + Box.Overhead + text.Length];
        Alice.PublicKey.CopyTo(body);
        new Box(Alice, RelayWorld.ServerKeys.PublicKey).Seal(text, new byte[Box.NonceLength], body.AsSpan(NodeKey.Length + Box.NonceLength));
        ClientConnection client = _world.Connect();
        _world.Receive(client, RelayWorld.Upgrade);
        _world.Receive(client, RelayWorld.Frame(FrameType.ClientInfo, body));
        return client;
    }
}
