using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using Addresses;
using Relay.Protocol;

namespace Relay.Server.Core;

/// <summary>
/// The PROXY protocol's header, versions 1 and 2: what a proxy that carries bytes writes in front of a connection, before TLS, to say whose
/// it is. Anybody can write one, so it is looked for only on connections from a proxy that is trusted; elsewhere it is not HTTP and not TLS.
/// </summary>
/// <remarks>
/// How a shell uses it: where <see cref="TrustedProxies.Contains"/> says so of the accepted address, it hands all bytes that have arrived, before
/// anything else looks at them, to <see cref="TryRead"/>; while that returns false it reads more, within the time a handshake may take; once it
/// returns true it drops <see cref="Length"/> bytes (0 = there was no header), and takes <see cref="Source"/>, where that is valid, for the
/// connection's address. An exception closes the connection, counted as <see cref="CloseReason.BadProxyHeader"/>.
/// </remarks>
/// <param name="Source">The client's address; not valid where the proxy speaks for itself (LOCAL, UNKNOWN) or of no IP address.</param>
/// <param name="Length">The header's length in bytes; 0 = there is none.</param>
internal readonly record struct ProxyHeader(TransportAddress Source, int Length)
{
    /// <summary>The longest header of version 1, in bytes, its CR LF counted.</summary>
    public const int MaxTextLength = 107;

    /// <summary>The longest header of version 2 that is read, in bytes: addresses take 36 at most, the rest is what proxies add.</summary>
    public const int MaxLength = 4096;

    // Version 2: signature (12 bytes), version and command (4 bits each), family and protocol (4 bits each), length (16 bits).
    private const int BinaryPrefixLength = 16;
    private const int Ipv4Length = 12;
    private const int Ipv6Length = 36;
    private const byte ChecksumType = 0x03;

    private static ReadOnlySpan<byte> TextSignature => "PROXY "u8;

    private static ReadOnlySpan<byte> BinarySignature => [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];

    /// <summary>Reads the header at the front of a connection; false until enough has arrived to say.</summary>
    /// <exception cref="RelayProtocolException">A header has begun, but is malformed.</exception>
    public static bool TryRead(ReadOnlySpan<byte> input, out ProxyHeader header)
    {
        header = default;
        if (Begins(input, TextSignature)) return input.Length >= TextSignature.Length && TryReadText(input, out header);
        if (Begins(input, BinarySignature)) return input.Length >= BinaryPrefixLength && TryReadBinary(input, out header);
        return true; // None.
    }

    /// <summary>Says whether the input begins like the signature, as far as either goes.</summary>
    private static bool Begins(ReadOnlySpan<byte> input, ReadOnlySpan<byte> signature)
    {
        int length = Math.Min(input.Length, signature.Length);
        return input[..length].SequenceEqual(signature[..length]);
    }

    /// <summary>Version 1: <c>PROXY TCP4 source destination sourcePort destinationPort</c>, CR LF.</summary>
    private static bool TryReadText(ReadOnlySpan<byte> input, out ProxyHeader header)
    {
        header = default;
        int end = input[..Math.Min(input.Length, MaxTextLength)].IndexOf("\r\n"u8);
        if (end < 0 && input.Length < MaxTextLength) return false;
        if (end < 0) throw Malformed($"its line is over {MaxTextLength} bytes");

        string[] words = Encoding.Latin1.GetString(input[..end]).Split(' ');
        int length = end + 2;
        if (words[1] == "UNKNOWN")
        {
            header = new ProxyHeader(default, length);
            return true;
        }

        bool isIpv4 = words[1] == "TCP4";
        if (words.Length != 6 || (!isIpv4 && words[1] != "TCP6")) throw Malformed("its line has not the six words of TCP4 or TCP6");
        TransportAddress source = ReadText(words[2], words[4], isIpv4);
        ReadText(words[3], words[5], isIpv4);
        header = new ProxyHeader(source, length);
        return true;
    }

    private static TransportAddress ReadText(string address, string port, bool isIpv4)
    {
        // The port without sign or leading zeroes, as the protocol asks.
        bool isPort = port.Length > 0 && port.All(char.IsAsciiDigit) && (port[0] != '0' || port.Length == 1);
        bool isOne = TransportAddress.TryParse(isIpv4 ? $"{address}:{port}" : $"[{address}]:{port}", out TransportAddress read);
        return isPort && isOne && !address.Contains('%') ? read : throw Malformed("an address or port of its line is none");
    }

    private static bool TryReadBinary(ReadOnlySpan<byte> input, out ProxyHeader header)
    {
        header = default;
        int length = BinaryPrefixLength + BinaryPrimitives.ReadUInt16BigEndian(input[14..]);
        if (input[12] >> 4 != 2) throw Malformed($"its version is {input[12] >> 4}");
        bool isLocal = (input[12] & 0xf) == 0;
        if (!isLocal && (input[12] & 0xf) != 1) throw Malformed($"its command is {input[12] & 0xf}");
        if (length > MaxLength) throw Malformed($"it is {length} bytes long, over {MaxLength}");
        if (input.Length < length) return false;

        ReadOnlySpan<byte> whole = input[..length];
        ReadOnlySpan<byte> addresses = whole[BinaryPrefixLength..];
        if (isLocal)
        {
            header = new ProxyHeader(default, length); // The proxy's own connection, a health check for one: the rest is to be ignored.
            return true;
        }

        (int addressesLength, TransportAddress source) = ReadBinary(whole[13], addresses);
        CheckExtras(whole, BinaryPrefixLength + addressesLength);
        header = new ProxyHeader(source, length);
        return true;
    }

    /// <summary>Source address, destination address, source port, destination port: twice 4 bytes or twice 16, then twice 2.</summary>
    private static (int Length, TransportAddress Source) ReadBinary(byte familyAndProtocol, ReadOnlySpan<byte> addresses)
    {
        if ((familyAndProtocol & 0xf) > 2) throw Malformed($"its protocol is {familyAndProtocol & 0xf}");
        switch (familyAndProtocol >> 4)
        {
            case 0:
                return (addresses.Length, default); // Unspecified: what follows is not for us.
            case 1 when addresses.Length >= Ipv4Length:
                return (Ipv4Length, TransportAddress.FromIpv4(BinaryPrimitives.ReadUInt32BigEndian(addresses), BinaryPrimitives.ReadUInt16BigEndian(addresses[8..])));
            case 2 when addresses.Length >= Ipv6Length:
                return (Ipv6Length, TransportAddress.FromBytes16(addresses, BinaryPrimitives.ReadUInt16BigEndian(addresses[32..])));
            case 3:
                return (addresses.Length, default); // A Unix socket: no address of ours.
            default:
                throw Malformed($"its addresses are of family {familyAndProtocol >> 4} and take {addresses.Length} bytes");
        }
    }

    /// <summary>Walks what proxies add: type (8 bits), length (16 bits), value. Nothing is taken from it; a checksum must be right.</summary>
    private static void CheckExtras(ReadOnlySpan<byte> header, int at)
    {
        while (at < header.Length)
        {
            if (header.Length - at < 3) throw Malformed("its last extra is cut off");
            int length = BinaryPrimitives.ReadUInt16BigEndian(header[(at + 1)..]);
            int value = at + 3;
            if (header.Length - value < length) throw Malformed("its last extra is cut off");
            if (header[at] == ChecksumType && (length != sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(header[value..]) != Checksum(header, value))) throw Malformed("its checksum is wrong");
            at = value + length;
        }
    }

    /// <summary>CRC-32C of the header with the checksum itself taken as zero.</summary>
    private static uint Checksum(ReadOnlySpan<byte> header, int checksumAt)
    {
        uint crc = uint.MaxValue;
        for (int i = 0; i < header.Length; i++)
        {
            bool isChecksum = i >= checksumAt && i < checksumAt + sizeof(uint);
            crc = BitOperations.Crc32C(crc, isChecksum ? (byte)0 : header[i]);
        }

        return ~crc;
    }

    private static RelayProtocolException Malformed(string problem) => new($"The PROXY header is malformed: {problem}.");
}
