using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

/// <summary>What clients may do to hurt others, and what it costs them alone.</summary>
public class AbuseTests
{
    private static readonly NodeKeyPair Alice = RelayWorld.Keys(1);

    private readonly RelayWorld _world = new();

    [Fact]
    public void A_client_over_its_rate_is_not_read_from_and_loses_nothing()
    {
        _world.Router.Limits = new ServerLimits { ClientBytes = new Rate(100_000, Rate.LeastBytesBurst) };
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(RelayWorld.Keys(2));
        Instant start = _world.Now;
        int received = 0;
        for (int i = 0; i < 1000; i++)
        {
            if (alice.ReadableAt > _world.Now) _world.Now = alice.ReadableAt;
            _world.Receive(alice, RelayWorld.SendPacket(bob.Key, new byte[968]));
            received += RelayWorld.Take(bob.Queue, _world.Now).Count(frame => frame.Type == FrameType.RecvPacket);
        }

        Assert.Equal(1000, received);
        Assert.InRange((_world.Now - start).TotalSeconds, (1_000_000 - Rate.LeastBytesBurst - 2000) / 100_000.0, 10);
        Assert.True(bob.ReadableAt <= _world.Now);
    }

    [Fact]
    public void Empty_frames_and_frames_nobody_knows_count_as_frames()
    {
        _world.Router.Limits = new ServerLimits { ClientFrames = new Rate(100, 100) };
        ClientConnection alice = _world.LogIn(Alice);
        byte[] unknown = [0x77, 0, 0, 0, 0];

        for (int i = 0; i < 300; i++) _world.Receive(alice, unknown);

        Assert.InRange((alice.ReadableAt - _world.Now).TotalSeconds, 1.9, 2.1);
    }

    [Fact]
    public void A_tenant_is_held_back_as_a_whole_and_others_are_not()
    {
        _world.Router.Limits = new ServerLimits { TenantBytes = new Rate(100_000, Rate.LeastBytesBurst) };
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(RelayWorld.Keys(2));

        for (int i = 0; i < 300; i++) _world.Receive(alice, RelayWorld.SendPacket(bob.Key, new byte[968]));

        Assert.True(bob.ReadableAt > _world.Now + TimeSpan.FromSeconds(2));
        Assert.True(_world.Connect().ReadableAt <= _world.Now);
    }

    [Fact]
    public void The_rate_is_told_to_the_client_where_there_is_one()
    {
        _world.Router.Limits = new ServerLimits { ClientBytes = new Rate(250_000, 300_000) };
        ClientConnection client = _world.Connect();
        _world.Receive(client, RelayWorld.Upgrade);
        _world.Receive(client, new ClientInfo().ToFrame(Alice, RelayWorld.ServerKeys.PublicKey, new byte[Box.NonceLength]));

        Assert.True(ServerInfo.TryOpen(Assert.Single(RelayWorld.Take(client)).Body, Alice, RelayWorld.ServerKeys.PublicKey, out ServerInfo? info));
        Assert.Equal((250_000, 300_000), (info!.TokenBucketBytesPerSecond, info.TokenBucketBytesBurst));
    }

    [Fact]
    public void A_fan_out_to_keys_that_are_not_here_leaves_nothing_behind()
    {
        ClientConnection alice = _world.LogIn(Alice);
        byte[] key = new byte[NodeKey.Length];
        for (int i = 0; i < 100_000; i++)
        {
            BitConverter.TryWriteBytes(key, i + 1);
            _world.Receive(alice, RelayWorld.SendPacket(new NodeKey(key), 1));
        }

        Assert.Equal(100_000, _world.Counters.Dropped(DropReason.UnknownDestination, PacketKind.Data));
        Assert.Equal(0, _world.Router.Departures.Remembered);
        Assert.Equal(1, _world.Router.KeyCount);
        Assert.True(alice.Queue.IsEmpty);
    }

    [Fact]
    public void Receivers_are_remembered_up_to_a_bound_for_each_key_and_for_all_and_forgotten_when_it_has_left()
    {
        Departures departures = new(_world.Counters);
        Tenant tenant = new("t");
        ClientSet[] receivers = Receivers(PeerGoneTracker.MaxReceivers + 100, tenant);
        PeerGoneTracker[] trackers = [.. Enumerable.Range(0, 60).Select(_ => new PeerGoneTracker())];
        foreach (PeerGoneTracker tracker in trackers)
        {
            foreach (ClientSet receiver in receivers) tracker.Note(receiver, departures);
        }

        Assert.InRange(trackers[0].Count, PeerGoneTracker.MaxReceivers * 9 / 10, PeerGoneTracker.MaxReceivers);
        Assert.All(trackers, tracker => Assert.InRange(tracker.Count, 1000, PeerGoneTracker.MaxReceivers)); // Who comes late has a share too.
        Assert.Equal(trackers.Sum(tracker => tracker.Count), departures.Remembered);
        Assert.True(departures.Remembered <= Departures.MaxRemembered);

        foreach (PeerGoneTracker tracker in trackers) tracker.Tell(KeyOf(1), tenant, departures, _world.Woken);
        while (!departures.IsEmpty) departures.Step(_world.Woken);
        Assert.Equal(0, departures.Remembered);
    }

    [Fact]
    public void A_key_that_has_sent_to_many_leaves_in_steps()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection[] receivers = [.. Enumerable.Range(2, 190).Select(seed => _world.LogIn(RelayWorld.Keys((byte)seed)))];
        ClientSet set = _world.Router.Tenants.All[0].Find(Alice.PublicKey)!;
        foreach (ClientSet other in Receivers(3000, set.Tenant)) set.Receivers.Note(other, _world.Router.Departures);
        foreach (ClientConnection receiver in receivers)
        {
            _world.Receive(alice, RelayWorld.SendPacket(receiver.Key, 1));
            RelayWorld.Take(receiver);
        }

        _world.Woken.Clear();
        alice.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.True(_world.Woken.Count < receivers.Length);
        int steps = 0;
        for (; !_world.Router.Departures.IsEmpty; steps++) _world.Router.Departures.Step(_world.Woken);

        Assert.InRange(steps, 5, 8);
        Assert.Equal(receivers.Length + 1, _world.Woken.Count); // The others are all one connection.
        Assert.All(receivers, receiver => Assert.Equal(FrameType.PeerGone, Assert.Single(RelayWorld.Take(receiver)).Type));
    }

    [Fact]
    public void Nobody_is_told_that_a_key_has_left_that_is_back()
    {
        ClientConnection alice = _world.LogIn(Alice);
        ClientConnection bob = _world.LogIn(RelayWorld.Keys(2));
        ClientSet set = _world.Router.Tenants.All[0].Find(Alice.PublicKey)!;
        foreach (ClientSet other in Receivers(3000, set.Tenant)) set.Receivers.Note(other, _world.Router.Departures);
        _world.Receive(alice, RelayWorld.SendPacket(bob.Key, 1));
        RelayWorld.Take(bob);

        alice.Close(CloseReason.ClientLeft, _world.Woken);
        _world.LogIn(Alice);
        while (!_world.Router.Departures.IsEmpty) _world.Router.Departures.Step(_world.Woken);

        Assert.Empty(RelayWorld.Take(bob));
        Assert.Equal(0, _world.Router.Departures.Remembered);
    }

    [Fact]
    public void Of_more_connections_with_one_key_than_may_be_the_one_silent_longest_goes()
    {
        _world.Router.Limits = new ServerLimits { MaxConnectionsPerKey = 3 };
        List<(int Index, CloseReason Reason)> ended = [];
        List<ClientConnection> connections = [];
        for (int i = 0; i < 5; i++)
        {
            int index = i;
            ClientConnection connection = _world.LogIn(Alice);
            connection.Shell = new RecordingShell(reason => ended.Add((index, reason)));
            connections.Add(connection);
            if (i == 2) _world.Receive(connections[0], [(byte)FrameType.NotePreferred, 0, 0, 0, 1, 1]);
        }

        Assert.Equal([(1, CloseReason.TooManyOfKey), (2, CloseReason.TooManyOfKey)], ended);
        foreach (ClientConnection connection in connections) connection.Close(CloseReason.ClientLeft, _world.Woken);
        Assert.Equal(0, _world.Router.KeyCount);
    }

    [Theory]
    [InlineData(512)]
    [InlineData(8192)]
    public void A_head_that_goes_on_and_on_ends_its_connection(int maxHeadBytes)
    {
        _world.Router.Limits = new ServerLimits { MaxHeadBytes = maxHeadBytes };
        ClientConnection client = _world.Connect();
        byte[] head = [.. "GET /derp HTTP/1.1\r\n"u8, .. Enumerable.Repeat((byte)'a', 9000)];
        int length = 0;
        while (client.Phase == ConnectionPhase.Head) client.Receive(head.AsSpan(0, ++length), _world.Now, _world.Woken);

        Assert.Equal(CloseReason.ProtocolError, client.CloseReason);
        Assert.InRange(length, maxHeadBytes, maxHeadBytes + 1);
    }

    /// <summary>So many receivers of different keys, all of one connection.</summary>
    private ClientSet[] Receivers(int count, Tenant tenant)
    {
        ClientConnection connection = _world.Connect();
        ClientSet[] receivers = [.. Enumerable.Range(0, count).Select(i => new ClientSet(KeyOf(i), tenant))];
        foreach (ClientSet receiver in receivers) receiver.TryAdd(connection);
        return receivers;
    }

    private static NodeKey KeyOf(int number)
    {
        byte[] key = new byte[NodeKey.Length];
        BitConverter.TryWriteBytes(key, number);
        key[^1] = 9;
        return new NodeKey(key);
    }
}
