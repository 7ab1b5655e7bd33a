using System.Buffers.Binary;
using Addresses;

namespace Node.Traversal.Messages.NatPmp;

/// <summary>How a NAT-PMP gateway took a request (RFC 6886 §3.5).</summary>
internal enum NatPmpResult : ushort
{
    Success = 0,
    UnsupportedVersion = 1,
    NotAuthorized = 2,
    NetworkFailure = 3,
    OutOfResources = 4,
    UnsupportedOpcode = 5,
}

/// <summary>What is asked (RFC 6886 §3.2, §3.3).</summary>
internal enum NatPmpOpcode : byte
{
    ExternalAddress = 0,
    MapUdp = 1,
}

/// <summary>Writes NAT-PMP requests (RFC 6886 §3).</summary>
internal static class NatPmpRequest
{
    /// <summary>Version 0 (8 bits), opcode 0 (8): what is the external address?</summary>
    public static byte[] ExternalAddress() => [0, (byte)NatPmpOpcode.ExternalAddress];

    /// <summary>Version (8 bits), opcode (8), reserved (16), internal port (16), suggested external port (16), lifetime in seconds (32).</summary>
    /// <param name="internalPort">Ours.</param>
    /// <param name="suggestedPort">The external port that would suit; 0 = any, and always where it is deleted.</param>
    /// <param name="lifetimeSeconds">For how long; 0 = delete it.</param>
    public static byte[] MapUdp(ushort internalPort, ushort suggestedPort, uint lifetimeSeconds)
    {
        byte[] request = new byte[12];
        request[1] = (byte)NatPmpOpcode.MapUdp;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), suggestedPort);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(8), lifetimeSeconds);
        return request;
    }
}

/// <summary>
/// A NAT-PMP response: version 0 (8 bits), 128 + opcode (8), result (16), epoch in seconds (32); then the external address (32), or internal
/// port (16), external port (16) and lifetime in seconds (32).
/// </summary>
/// <param name="Opcode">What it answers.</param>
/// <param name="Result">How the request was taken.</param>
/// <param name="Epoch">Seconds since the gateway lost its state; 0 where an error was cut short before it.</param>
/// <param name="External">The external address; not valid in other answers.</param>
/// <param name="InternalPort">Ours; 0 in other answers.</param>
/// <param name="ExternalPort">The one assigned; 0 in other answers.</param>
/// <param name="LifetimeSeconds">How long the mapping holds.</param>
internal readonly record struct NatPmpResponse(
    NatPmpOpcode Opcode, NatPmpResult Result, uint Epoch, TransportAddress External, ushort InternalPort, ushort ExternalPort, uint LifetimeSeconds)
{
    private const int ResponseBit = 0x80;
    private const int ErrorLength = 8;
    private const int AddressLength = 12;
    private const int MapLength = 16;

    /// <summary>Reads one. False for what is none, or a success that is cut short.</summary>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out NatPmpResponse response)
    {
        response = default;
        if (datagram.Length < ErrorLength || datagram[0] != 0 || (datagram[1] & ResponseBit) == 0) return false;

        NatPmpOpcode opcode = (NatPmpOpcode)(datagram[1] & ~ResponseBit);
        NatPmpResult result = (NatPmpResult)BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        uint epoch = BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]);
        response = new NatPmpResponse(opcode, result, epoch, default, 0, 0, 0);
        if (result != NatPmpResult.Success) return true;
        switch (opcode)
        {
            case NatPmpOpcode.ExternalAddress when datagram.Length >= AddressLength:
                response = response with { External = TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(datagram[8..]), 0) };
                return true;
            case NatPmpOpcode.MapUdp when datagram.Length >= MapLength:
                response = response with
                {
                    InternalPort = BinaryPrimitives.ReadUInt16BigEndian(datagram[8..]),
                    ExternalPort = BinaryPrimitives.ReadUInt16BigEndian(datagram[10..]),
                    LifetimeSeconds = BinaryPrimitives.ReadUInt32BigEndian(datagram[12..]),
                };
                return true;
            default:
                return false;
        }
    }
}
