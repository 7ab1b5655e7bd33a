using System.Buffers.Binary;
using Addresses;

namespace Node.Traversal.Messages.Pcp;

/// <summary>
/// A PCP response's header (RFC 6887 §7.2): version (8 bits), R and opcode (8), reserved (8), result (8), lifetime in seconds (32), epoch in
/// seconds (32), reserved (96).
/// </summary>
/// <param name="Opcode">What it answers.</param>
/// <param name="Result">How the request was taken.</param>
/// <param name="LifetimeSeconds">How long the mapping holds; of an error, how long the error does.</param>
/// <param name="Epoch">Seconds since the server lost its state.</param>
internal readonly record struct PcpResponse(PcpOpcode Opcode, PcpResult Result, uint LifetimeSeconds, uint Epoch)
{
    public const int HeaderLength = 24;

    /// <summary>The longest message there is (§7).</summary>
    public const int MaxLength = 1100;

    private const int ResponseBit = 0x80;

    /// <summary>Reads the header. False for what is no response of version 2.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out PcpResponse response)
    {
        response = default;
        bool isWhole = datagram.Length is >= HeaderLength and <= MaxLength && datagram.Length % 4 == 0;
        if (!isWhole || datagram[0] != PcpRequest.Version || (datagram[1] & ResponseBit) == 0) return false;
        response = new PcpResponse(
            (PcpOpcode)(datagram[1] & ~ResponseBit),
            (PcpResult)datagram[3],
            BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]),
            BinaryPrimitives.ReadUInt32BigEndian(datagram[8..]));
        return true;
    }
}

/// <summary>
/// What a MAP response says of the mapping (RFC 6887 §11.1): nonce (96 bits), protocol (8), reserved (24), internal port (16), assigned
/// external port (16), assigned external address (128). Options behind it are passed over: we ask for none.
/// </summary>
/// <param name="Nonce">The request's.</param>
/// <param name="Protocol">17 = UDP.</param>
/// <param name="InternalPort">Ours.</param>
/// <param name="External">Where the world reaches it.</param>
internal readonly record struct PcpMapping(PcpNonce Nonce, byte Protocol, ushort InternalPort, TransportAddress External)
{
    public const byte Udp = 17;

    private const int Length = 36;

    /// <summary>Reads it off a response whose header was read. False where it is cut short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out PcpMapping mapping)
    {
        mapping = default;
        if (datagram.Length < PcpResponse.HeaderLength + Length) return false;
        ReadOnlySpan<byte> map = datagram[PcpResponse.HeaderLength..];
        ushort external = BinaryPrimitives.ReadUInt16BigEndian(map[18..]);
        mapping = new PcpMapping(PcpNonce.Read(map), map[12], BinaryPrimitives.ReadUInt16BigEndian(map[16..]), TransportAddress.FromBytes16(map.Slice(20, 16), external));
        return true;
    }
}
