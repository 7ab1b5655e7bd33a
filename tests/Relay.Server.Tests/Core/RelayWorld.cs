using System.Text;
using Relay.Protocol;
using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;
using Relay.Server.Core;
using Timing;

namespace Relay.Server.Tests.Core;

/// <summary>A relay's core without a network: clients are keys, and what they would receive is read off their queues.</summary>
internal sealed class RelayWorld
{
    public static readonly NodeKeyPair ServerKeys = Keys(200);

    public RelayWorld(bool isOpenToAll = true, TrustedProxies? trustedProxies = null, TokenCheck? checkToken = null)
    {
        Router = new PacketRouter(Counters);
        Identity = new RelayIdentity(ServerKeys, destination => destination.Fill(7)) { IsOpenToAll = isOpenToAll, TrustedProxies = trustedProxies ?? TrustedProxies.None, CheckToken = checkToken, AreTokensRequired = checkToken is not null };
    }

    public RelayCounters Counters { get; } = new();

    public PacketRouter Router { get; }

    public RelayIdentity Identity { get; }

    public Instant Now { get; set; } = Instant.Origin + TimeSpan.FromSeconds(100);

    public HashSet<ClientConnection> Woken { get; } = [];

    public static byte[] Upgrade { get; } = Encoding.ASCII.GetBytes("GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n");

    public static NodeKeyPair Keys(byte seed)
    {
        byte[] secret = new byte[NodeKey.Length];
        Array.Fill(secret, seed);
        return NodeKeyPair.FromPrivateKey(secret);
    }

    public ClientConnection Connect() => new(Identity, Router, Now);

    public int Receive(ClientConnection client, params ReadOnlySpan<byte> input) => client.Receive(input.ToArray(), Now, Woken);

    /// <summary>A client that has logged in; its ServerInfo is taken off its queue.</summary>
    public ClientConnection LogIn(NodeKeyPair keys)
    {
        ClientConnection client = Connect();
        Receive(client, Upgrade);
        Receive(client, new ClientInfo().ToFrame(keys, ServerKeys.PublicKey, new byte[Box.NonceLength]));
        Assert.Equal(ConnectionPhase.Open, client.Phase);
        Assert.Equal(FrameType.ServerInfo, Assert.Single(Take(client)).Type);
        return client;
    }

    public static byte[] SendPacket(NodeKey to, params ReadOnlySpan<byte> packet)
    {
        byte[] frame = new byte[PacketFrame.PrefixLength + packet.Length];
        PacketFrame.WritePrefix(frame, FrameType.SendPacket, to, packet.Length);
        packet.CopyTo(frame.AsSpan(PacketFrame.PrefixLength));
        return frame;
    }

    public static byte[] Frame(FrameType type, params ReadOnlySpan<byte> body)
    {
        byte[] frame = new byte[FrameHeader.Length + body.Length];
        FrameHeader.Write(frame, type, body.Length);
        body.CopyTo(frame.AsSpan(FrameHeader.Length));
        return frame;
    }

    public static byte[] Disco(byte mark = 0) => [.. PacketKinds.DiscoMagic, .. new byte[80], mark];

    public static List<(FrameType Type, byte[] Body)> Take(ClientConnection client) => Take(client.Queue);

    public static List<(FrameType Type, byte[] Body)> Take(SendQueue queue, Instant now = default, int length = 1 << 20)
    {
        byte[] buffer = new byte[length];
        int taken = queue.Take(buffer, now);
        List<(FrameType, byte[])> frames = [];
        for (int at = 0; at < taken;)
        {
            Assert.True(FrameHeader.TryRead(buffer.AsSpan(at, taken - at), out FrameHeader header));
            frames.Add((header.Type, buffer.AsSpan(at + FrameHeader.Length, (int)header.BodyLength).ToArray()));
            at += FrameHeader.Length + (int)header.BodyLength;
        }

        return frames;
    }
}

/// <summary>Tells why a connection was ended; there is nothing to send for it.</summary>
internal sealed class RecordingShell(Action<CloseReason> ended) : IConnectionShell
{
    public void Wake()
    {
        // Tests look into the queue themselves.
    }

    public void End(CloseReason reason) => ended(reason);
}
