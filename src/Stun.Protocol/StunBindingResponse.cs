using Addresses;

namespace Stun.Protocol;

/// <summary>The answer to a binding request: the address that the request came from.</summary>
public static class StunBindingResponse
{
    /// <summary>The longest answer that <see cref="Write"/> writes, in bytes: 44 for IPv6; 32 for IPv4.</summary>
    public const int MaxLength = StunHeader.Length + StunAttributeReader.HeaderLength + MappedAddress.Ipv6ValueLength;

    /// <summary>Writes a success response with XOR-MAPPED-ADDRESS and nothing else: the source may be forged, and gets no byte too many.</summary>
    /// <returns>The length in bytes.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The span is too short; <see cref="MaxLength"/> bytes always do.</exception>
    public static int Write(Span<byte> destination, TransactionId transactionId, TransportAddress mapped)
    {
        var writer = new StunMessageWriter(destination, StunMessageType.BindingSuccess, transactionId);
        XorMappedAddress.AddTo(ref writer, transactionId, mapped);
        return writer.Length;
    }

    /// <summary>
    /// Reads a success response of any server: XOR-MAPPED-ADDRESS, else its number in old drafts, else MAPPED-ADDRESS. Bytes behind the
    /// message, SOFTWARE and FINGERPRINT are passed over. Whether the transaction is ours, and the source the one asked, is for the caller.
    /// </summary>
    /// <returns>False when this is anything else, is damaged, or holds no address.</returns>
    public static bool TryRead(ReadOnlySpan<byte> datagram, out TransactionId transactionId, out TransportAddress mapped)
    {
        mapped = default;
        transactionId = default;
        if (!StunHeader.TryRead(datagram, out StunHeader header) || header.Type != StunMessageType.BindingSuccess) return false;

        TransportAddress xored = default;
        TransportAddress inTheClear = default;
        var attributes = new StunAttributeReader(datagram.Slice(StunHeader.Length, header.BodyLength));
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            // Of several the first counts (RFC 8489 §14).
            bool isXored = type is StunAttributeType.XorMappedAddress or StunAttributeType.XorMappedAddressOfDrafts;
            if (isXored && !xored.IsValid && !XorMappedAddress.TryRead(value, header.TransactionId, out xored)) return false;
            if (type == StunAttributeType.MappedAddress && !inTheClear.IsValid && !MappedAddress.TryRead(value, out inTheClear)) return false;
        }

        if (attributes.IsMalformed) return false;
        transactionId = header.TransactionId;
        mapped = xored.IsValid ? xored : inTheClear;
        return mapped.IsValid;
    }
}
