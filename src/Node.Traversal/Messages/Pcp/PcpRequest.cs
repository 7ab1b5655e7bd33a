using System.Buffers.Binary;
using Addresses;

namespace Node.Traversal.Messages.Pcp;

/// <summary>
/// Writes PCP requests (RFC 6887 §7.1): version (8 bits), opcode (8), reserved (16), lifetime in seconds (32), the client's address (128);
/// behind it, for MAP (§11.1), the nonce (96), protocol (8), reserved (24), internal port (16), external port (16), external address (128).
/// </summary>
internal static class PcpRequest
{
    public const byte Version = 2;
    public const int AnnounceLength = 24;
    public const int MapLength = 60;

    private const byte ProtocolUdp = 17;

    /// <summary>An ANNOUNCE: asks for nothing but the server's epoch (§14.1).</summary>
    public static byte[] Announce(TransportAddress client) => Begin(AnnounceLength, PcpOpcode.Announce, 0, client);

    /// <summary>A MAP of a UDP port, new or again.</summary>
    /// <param name="client">Our address on the LAN, with the internal port.</param>
    /// <param name="nonce">The mapping's nonce, the same as long as it lives.</param>
    /// <param name="suggested">The external address that would suit; not valid = any, with its port.</param>
    /// <param name="lifetimeSeconds">For how long; 0 = delete it.</param>
    public static byte[] Map(TransportAddress client, PcpNonce nonce, TransportAddress suggested, uint lifetimeSeconds)
    {
        byte[] request = Begin(MapLength, PcpOpcode.Map, lifetimeSeconds, client);
        Span<byte> map = request.AsSpan(AnnounceLength);
        nonce.Write(map);
        map[12] = ProtocolUdp;
        BinaryPrimitives.WriteUInt16BigEndian(map[16..], client.Port);
        BinaryPrimitives.WriteUInt16BigEndian(map[18..], suggested.Port);
        TransportAddress any = client.IsIpv4 ? TransportAddress.FromIpv4(0, 0) : TransportAddress.FromIpv6(0, 0); // All zeros, in the wanted family (§11.1).
        (suggested.IsValid ? suggested : any).WriteBytes16(map[20..]);
        return request;
    }

    private static byte[] Begin(int length, PcpOpcode opcode, uint lifetimeSeconds, TransportAddress client)
    {
        byte[] request = new byte[length];
        request[0] = Version;
        request[1] = (byte)opcode;
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(4), lifetimeSeconds);
        client.WriteBytes16(request.AsSpan(8));
        return request;
    }
}

/// <summary>What is asked (RFC 6887 §19.2).</summary>
internal enum PcpOpcode : byte
{
    Announce = 0,
    Map = 1,
}
