using Addresses;
using CsCheck;
using Node.Traversal.Messages.NatPmp;
using Node.Traversal.Messages.Pcp;
using static Node.Traversal.Tests.Core.CoreTesting;

namespace Node.Traversal.Tests.Messages;

/// <summary>PCP (RFC 6887) and NAT-PMP (RFC 6886), byte for byte.</summary>
public class PortMappingMessageTests
{
    private static readonly PcpNonce Nonce = new(0x0102030405060708, 0x090a0b0c);

    private static readonly byte[] MapResponse = Bytes("""
        02 81 00 00 00001c20 00000457 000000000000000000000000
        0102030405060708090a0b0c 11 000000 1388 9c40 00000000000000000000ffffc6336407
        """);

    [Fact]
    public void A_MAP_request_is_spelled_as_the_RFC_has_it() => Assert.Equal(
        Bytes("""
            02 01 0000 00001c20 00000000000000000000ffffc0a8010a
            0102030405060708090a0b0c 11 000000 1388 1389 00000000000000000000ffff00000000
            """),
        PcpRequest.Map(Address("192.168.1.10:5000"), Nonce, TransportAddress.FromIpv4(0, 5001), 7200));

    [Fact]
    public void A_deletion_names_no_external_address() => Assert.Equal(
        Bytes("""
            02 01 0000 00000000 00000000000000000000ffffc0a8010a
            0102030405060708090a0b0c 11 000000 1388 0000 00000000000000000000ffff00000000
            """),
        PcpRequest.Map(Address("192.168.1.10:5000"), Nonce, default, 0));

    [Fact]
    public void An_ANNOUNCE_is_a_header_alone() => Assert.Equal(Bytes("02 00 0000 00000000 00000000000000000000ffffc0a8010a"), PcpRequest.Announce(Address("192.168.1.10:5000")));

    [Fact]
    public void A_MAP_response_is_read_whole()
    {
        Assert.True(PcpResponse.TryRead(MapResponse, out PcpResponse response));
        Assert.Equal(new PcpResponse(PcpOpcode.Map, PcpResult.Success, 7200, 1111), response);
        Assert.True(PcpMapping.TryRead(MapResponse, out PcpMapping mapping));
        Assert.Equal(new PcpMapping(Nonce, PcpMapping.Udp, 5000, Address("198.51.100.7:40000")), mapping);
    }

    [Fact]
    public void A_request_is_no_response_and_half_a_response_is_none()
    {
        Assert.False(PcpResponse.TryRead(PcpRequest.Announce(Address("192.168.1.10:5000")), out _));
        for (int length = 0; length < PcpResponse.HeaderLength; length++) Assert.False(PcpResponse.TryRead(MapResponse.AsSpan(0, length), out _));
        for (int length = 0; length < MapResponse.Length; length++) Assert.False(PcpMapping.TryRead(MapResponse.AsSpan(0, length), out _));
        Assert.False(PcpResponse.TryRead([.. MapResponse, 0], out _)); // Not a multiple of four (§7).
        Assert.False(PcpResponse.TryRead([.. MapResponse, .. new byte[1100]], out _));
        Assert.True(PcpResponse.TryRead([.. MapResponse, .. new byte[8]], out _)); // Options are passed over.
    }

    [Fact]
    public void NAT_PMP_requests_are_spelled_as_the_RFC_has_them()
    {
        Assert.Equal(Bytes("0000"), NatPmpRequest.ExternalAddress());
        Assert.Equal(Bytes("00 01 0000 1388 1389 00001c20"), NatPmpRequest.MapUdp(5000, 5001, 7200));
    }

    [Fact]
    public void NAT_PMP_responses_are_read()
    {
        Assert.True(NatPmpResponse.TryRead(Bytes("00 80 0000 00000457 c6336407"), out NatPmpResponse address));
        Assert.Equal(new NatPmpResponse(NatPmpOpcode.ExternalAddress, NatPmpResult.Success, 1111, Address("198.51.100.7:0"), 0, 0, 0), address);
        Assert.True(NatPmpResponse.TryRead(Bytes("00 81 0000 00000457 1388 9c40 00001c20"), out NatPmpResponse map));
        Assert.Equal(new NatPmpResponse(NatPmpOpcode.MapUdp, NatPmpResult.Success, 1111, default, 5000, 40000, 7200), map);
        Assert.True(NatPmpResponse.TryRead(Bytes("00 81 0002 00000457"), out NatPmpResponse error)); // An error may end there (§3.5).
        Assert.Equal(NatPmpResult.NotAuthorized, error.Result);
        Assert.False(NatPmpResponse.TryRead(Bytes("00 81 0000 00000457 1388 9c40 0000"), out _));
        Assert.False(NatPmpResponse.TryRead(Bytes("00 80 0000 00000457 c63364"), out _));
        Assert.False(NatPmpResponse.TryRead(Bytes("00 01 0000 1388 1389 00001c20"), out _)); // A request.
    }

    [Fact]
    public void What_is_mapped_reads_as_it_was_asked() => Gen.Select(Gen.ULong, Gen.UInt, Gen.UShort, Gen.UInt).Sample((high, low, port, seconds) =>
    {
        byte[] message = PcpRequest.Map(TransportAddress.FromIpv4(low, port), new PcpNonce(high, low), TransportAddress.FromIpv4(low, port), seconds);
        message[1] |= 0x80; // Requests and responses have the nonce and the ports in the same places.
        return PcpResponse.TryRead(message, out PcpResponse response) && response.LifetimeSeconds == seconds
            && PcpMapping.TryRead(message, out PcpMapping mapping) && mapping.Nonce == new PcpNonce(high, low) && mapping.InternalPort == port && mapping.External == TransportAddress.FromIpv4(low, port);
    });

    [Fact]
    public void Random_bytes_never_throw() => Gen.Select(Gen.Bool, Gen.Byte, Gen.Byte.Array[0, 80]).Sample((isPcp, opcode, body) =>
    {
        byte[] message = [isPcp ? (byte)2 : (byte)0, (byte)(opcode | 0x80), .. body];
        PcpResponse.TryRead(message, out _);
        PcpMapping.TryRead(message, out _);
        NatPmpResponse.TryRead(message, out _);
        NatPmpResponse.TryRead(body, out _);
    });

    private static byte[] Bytes(string hexadecimal) => Convert.FromHexString(string.Concat(hexadecimal.Where(char.IsAsciiHexDigit)));
}
