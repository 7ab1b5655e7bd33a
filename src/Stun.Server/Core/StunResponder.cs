using Addresses;
using Stun.Protocol;

namespace Stun.Server.Core;

/// <summary>
/// Decides on one datagram: a binding request becomes its answer, anything else is dropped and counted (RFC 8489 §6.3). A source is never
/// verified here, so nobody gets more than one answer, with the least attributes.
/// </summary>
/// <param name="ownAddresses">Where this server listens: what claims to come from there is forged.</param>
/// <param name="counters">Counts answers and drops.</param>
internal sealed class StunResponder(IReadOnlyList<TransportAddress> ownAddresses, StunCounters counters)
{
    /// <summary>The buffer a request lies in has to be at least this long, in bytes, so that every answer fits.</summary>
    public const int MinBufferLength = 128;

    /// <summary>We name at most 16 of the attributes that we do not know. Two bytes each, where each took four: no answer outgrows by this.</summary>
    private const int MaxUnknownAttributes = 16;

    private readonly TransportAddress[] _ownAddresses = [.. ownAddresses];

    /// <summary>Answers a datagram in its own place.</summary>
    /// <param name="buffer">Holds the datagram, and takes the answer; at least <see cref="MinBufferLength"/> bytes.</param>
    /// <param name="length">The length of the datagram in bytes.</param>
    /// <param name="source">Where it came from.</param>
    /// <returns>The length of the answer in bytes; 0 when there is none.</returns>
    public int Answer(Span<byte> buffer, int length, TransportAddress source)
    {
        ReadOnlySpan<byte> datagram = buffer[..length];
        if (!StunMessage.LooksLikeStun(datagram)) return Drop(StunDropReason.NotStun);
        if (IsForged(source)) return Drop(StunDropReason.ForgedSource);
        if (!StunHeader.TryRead(datagram, out StunHeader header)) return Drop(StunDropReason.Malformed);
        if (StunHeader.Length + header.BodyLength != length) return Drop(StunDropReason.Malformed);
        if (header.Type.Class() != StunMessageClass.Request) return Drop(StunDropReason.NotARequest);
        if (header.Type != StunMessageType.BindingRequest) return Drop(StunDropReason.UnknownMethod);

        Span<StunAttributeType> unknown = stackalloc StunAttributeType[MaxUnknownAttributes];
        if (!TryReadAttributes(datagram, unknown, out int unknownCount, out StunDropReason reason)) return Drop(reason);

        counters.CountAnswer(source.IsIpv4, isError: unknownCount > 0);
        return unknownCount == 0
            ? StunBindingResponse.Write(buffer, header.TransactionId, source)
            : WriteUnknownAttributes(buffer, header.TransactionId, unknown[..unknownCount]);
    }

    private static bool TryReadAttributes(
        ReadOnlySpan<byte> message, Span<StunAttributeType> unknown, out int unknownCount, out StunDropReason reason)
    {
        unknownCount = 0;
        reason = default;
        bool isBehindIntegrity = false;
        var attributes = new StunAttributeReader(message[StunHeader.Length..]);
        int start = StunHeader.Length;
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            if (type == StunAttributeType.Fingerprint)
            {
                reason = StunDropReason.WrongFingerprint;
                return attributes.IsAtEnd && Fingerprint.Matches(message[..start], value);
            }

            // Nothing vouches for what stands behind MESSAGE-INTEGRITY, so a server must not look at it (RFC 8489 §14.5).
            if (!isBehindIntegrity && IsUnknown(type) && unknownCount < unknown.Length) unknown[unknownCount++] = type;
            isBehindIntegrity |= type is StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256;
            start = StunHeader.Length + attributes.Position;
        }

        reason = StunDropReason.Malformed;
        return !attributes.IsMalformed;
    }

    /// <summary>
    /// Credentials are known and passed over: this service has none to check. What belongs into answers is known too, and means nothing here.
    /// </summary>
    private static bool IsUnknown(StunAttributeType type) => type.IsComprehensionRequired() && type is not (
        StunAttributeType.MappedAddress or StunAttributeType.XorMappedAddress or StunAttributeType.ErrorCode or StunAttributeType.UnknownAttributes
        or StunAttributeType.Username or StunAttributeType.UserHash or StunAttributeType.Realm or StunAttributeType.Nonce
        or StunAttributeType.PasswordAlgorithm or StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256);

    private static int WriteUnknownAttributes(Span<byte> buffer, TransactionId transactionId, ReadOnlySpan<StunAttributeType> unknown)
    {
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingError, transactionId);
        StunErrorCode.UnknownAttribute.AddTo(ref writer);
        UnknownAttributes.AddTo(ref writer, unknown);
        return writer.Length;
    }

    /// <summary>An answer to such a source would hit somebody who never asked, many at once, or ourselves.</summary>
    private bool IsForged(TransportAddress source)
    {
        if (!source.IsValid || source.Port == 0) return true;
        if (source.IsIpv4 ? IsForgedIpv4(source.Ipv4Bits) : IsForgedIpv6(source.Bits)) return true;
        foreach (TransportAddress own in _ownAddresses)
        {
            if (source == own) return true;
        }

        return false;
    }

    /// <summary>0.0.0.0/8 (this network), 224.0.0.0/4 (multicast), 255.255.255.255 (broadcast).</summary>
    private static bool IsForgedIpv4(uint address) => address >> 24 == 0 || address >> 28 == 0xe || address == uint.MaxValue;

    /// <summary>:: (unspecified), ff00::/8 (multicast).</summary>
    private static bool IsForgedIpv6(UInt128 address) => address == 0 || (byte)(address >> 120) == 0xff;

    private int Drop(StunDropReason reason)
    {
        counters.CountDrop(reason);
        return 0;
    }
}
