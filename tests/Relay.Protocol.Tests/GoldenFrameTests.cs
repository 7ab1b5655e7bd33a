using Relay.Protocol.Frames;
using Relay.Protocol.Handshake;

namespace Relay.Protocol.Tests;

public class GoldenFrameTests
{
    private const string ClientInfoHex = "020000006807a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c000102030405060708090a0b0c0d0e0f10111213141516179394576c8429009db3d29decb4f921a2d7cf04739c4950960d7220c58b39dca81acb34e8d3369e9911a5790a0c8d848e";
    private const string ServerInfoHex = "030000003518191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f831ae85ab50593393575753c212f3b07a253d5a3bd969b0ddbb9d5e69d";

    [Fact]
    public void Private_keys_give_the_public_keys_of_the_vectors()
    {
        Assert.Equal(Golden.ClientKeyHex, Golden.Client.PublicKey.ToHex());
        Assert.Equal(Golden.ServerKeyHex, Golden.Server.PublicKey.ToHex());
    }

    [Fact]
    public void ServerKey_is_byte_exact()
    {
        byte[] frame = new byte[ServerKeyFrame.Length];

        ServerKeyFrame.Write(frame, Golden.Server.PublicKey);

        Assert.Equal("010000002844455250f09f9491" + Golden.ServerKeyHex, Golden.Hex(frame));
        Assert.True(ServerKeyFrame.TryRead(frame.AsSpan(5), out NodeKey key));
        Assert.Equal(Golden.Server.PublicKey, key);
    }

    [Fact]
    public void ClientInfo_is_byte_exact_and_opens_again()
    {
        byte[] frame = new ClientInfo().ToFrame(Golden.Client, Golden.Server.PublicKey, Golden.FirstNonce);

        Assert.Equal(ClientInfoHex, Golden.Hex(frame));
        Assert.True(ClientInfo.TryOpen(frame.AsSpan(5), Golden.Server, out NodeKey key, out ClientInfo? info));
        Assert.Equal(Golden.Client.PublicKey, key);
        Assert.Equal(new ClientInfo(), info);
    }

    [Fact]
    public void ServerInfo_is_byte_exact_and_opens_again()
    {
        byte[] frame = new ServerInfo().ToFrame(Golden.Server, Golden.Client.PublicKey, Golden.SecondNonce);

        Assert.Equal(ServerInfoHex, Golden.Hex(frame));
        Assert.True(ServerInfo.TryOpen(frame.AsSpan(5), Golden.Client, Golden.Server.PublicKey, out ServerInfo? info));
        Assert.Equal(new ServerInfo(), info);
    }

    [Theory]
    [InlineData(FrameType.SendPacket, Golden.ServerKeyHex, "0400000022" + Golden.ServerKeyHex + "6869")]
    [InlineData(FrameType.RecvPacket, Golden.ClientKeyHex, "0500000022" + Golden.ClientKeyHex + "6869")]
    public void Packet_frames_are_byte_exact(FrameType type, string keyHex, string expected)
    {
        Assert.True(NodeKey.TryParseHex(keyHex, out NodeKey key));
        byte[] frame = new byte[PacketFrame.PrefixLength + 2];

        PacketFrame.WritePrefix(frame, type, key, packetLength: 2);
        "hi"u8.CopyTo(frame.AsSpan(PacketFrame.PrefixLength));

        Assert.Equal(expected, Golden.Hex(frame));
        Assert.True(PacketFrame.TryRead(frame.AsSpan(FrameHeader.Length), out NodeKey read, out ReadOnlySpan<byte> packet));
        Assert.Equal(key, read);
        Assert.Equal("hi"u8, packet);
    }

    [Fact]
    public void Control_frames_are_byte_exact()
    {
        byte[] preferred = new byte[NotePreferredFrame.Length];
        NotePreferredFrame.Write(preferred, isHome: true);
        byte[] gone = new byte[PeerGoneFrame.Length];
        PeerGoneFrame.Write(gone, Golden.Server.PublicKey, PeerGoneReason.NotHere);
        byte[] ping = new byte[PingFrame.Length];
        PingFrame.Write(ping, FrameType.Ping, [0, 1, 2, 3, 4, 5, 6, 7]);
        byte[] pong = new byte[PingFrame.Length];
        PingFrame.Write(pong, FrameType.Pong, [0, 1, 2, 3, 4, 5, 6, 7]);

        Assert.Equal("0600000000", Golden.Hex(KeepAliveFrame.Bytes));
        Assert.Equal("070000000101", Golden.Hex(preferred));
        Assert.Equal("0800000021" + Golden.ServerKeyHex + "01", Golden.Hex(gone));
        Assert.Equal("12000000080001020304050607", Golden.Hex(ping));
        Assert.Equal("13000000080001020304050607", Golden.Hex(pong));
    }
}
