using Addresses;
using Relay.Protocol.Frames;

namespace Relay.Protocol.Tests;

public class MeshFrameTests
{
    [Fact]
    public void PeerPresent_is_byte_exact()
    {
        Assert.True(TransportAddress.TryParse("192.0.2.1:41641", out TransportAddress address));
        byte[] frame = new byte[PeerPresentFrame.Length];

        PeerPresentFrame.Write(frame, Golden.Server.PublicKey, address, PeerPresentFlags.Regular);

        Assert.Equal("0900000033" + Golden.ServerKeyHex + "00000000000000000000ffffc0000201a2a901", Golden.Hex(frame));
    }

    [Theory]
    [InlineData(31, false, false, 0)]
    [InlineData(32, true, false, 0)]
    [InlineData(49, true, false, 0)]
    [InlineData(50, true, true, 0)]
    [InlineData(51, true, true, 9)]
    [InlineData(60, true, true, 9)]
    public void PeerPresent_is_read_in_the_forms_of_all_ages(int length, bool isRead, bool hasAddress, int flags)
    {
        byte[] frame = new byte[PeerPresentFrame.Length];
        PeerPresentFrame.Write(frame, Golden.Server.PublicKey, TransportAddress.FromIpv4(0xc0000201, 41641), PeerPresentFlags.Regular | PeerPresentFlags.NotIdeal);
        byte[] body = [.. frame.AsSpan(FrameHeader.Length), .. new byte[16]];

        Assert.Equal(isRead, PeerPresentFrame.TryRead(body.AsSpan(0, length), out NodeKey peer, out TransportAddress address, out PeerPresentFlags read));

        Assert.Equal(isRead ? Golden.Server.PublicKey : default, peer);
        Assert.Equal((hasAddress, (PeerPresentFlags)flags), (address.IsValid, read));
        if (hasAddress) Assert.Equal("192.0.2.1:41641", address.ToString());
    }

    [Fact]
    public void ForwardPacket_becomes_the_RecvPacket_at_its_own_end()
    {
        byte[] frame = new byte[ForwardPacketFrame.PrefixLength + 2];
        ForwardPacketFrame.WritePrefix(frame, Golden.Client.PublicKey, Golden.Server.PublicKey, packetLength: 2);
        "hi"u8.CopyTo(frame.AsSpan(ForwardPacketFrame.PrefixLength));
        Assert.Equal("0a00000042" + Golden.ClientKeyHex + Golden.ServerKeyHex + "6869", Golden.Hex(frame));

        Span<byte> received = ForwardPacketFrame.ToRecvPacket(frame, out NodeKey source, out NodeKey target);

        Assert.Equal("0500000022" + Golden.ClientKeyHex + "6869", Golden.Hex(received));
        Assert.Equal((Golden.Client.PublicKey, Golden.Server.PublicKey), (source, target));
    }

    [Fact]
    public void The_other_frames_are_byte_exact()
    {
        byte[] close = new byte[ClosePeerFrame.Length];
        ClosePeerFrame.Write(close, Golden.Server.PublicKey);
        byte[] restarting = new byte[RestartingFrame.Length];
        RestartingFrame.Write(restarting, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));

        Assert.Equal("1000000000", Golden.Hex(WatchConnsFrame.Bytes));
        Assert.Equal("1100000020" + Golden.ServerKeyHex, Golden.Hex(close));
        Assert.Equal("1500000008000003e800001388", Golden.Hex(restarting));
        Assert.Equal("14000000026869", Golden.Hex(HealthFrame.Of("hi")));
        Assert.Equal("1400000000", Golden.Hex(HealthFrame.Of("")));
        Assert.True(RestartingFrame.TryRead(restarting.AsSpan(FrameHeader.Length), out TimeSpan reconnectIn, out TimeSpan tryFor));
        Assert.Equal((TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)), (reconnectIn, tryFor));
    }

    [Fact]
    public void A_text_that_is_too_long_is_cut_between_characters()
    {
        byte[] frame = HealthFrame.Of(new string('x', HealthFrame.MaxTextLength - 1) + "é");

        Assert.Equal(FrameHeader.Length + HealthFrame.MaxTextLength - 1, frame.Length);
    }
}
