using System.Runtime.InteropServices;
using Stun.Protocol;

namespace Stun.Server.Core;

/// <summary>What the attributes of one binding request ask for. Of an attribute that comes twice the first counts (RFC 8489 §14).</summary>
internal ref struct StunRequest
{
    /// <summary>
    /// As many as the longest message has room for, so that all are named (RFC 8489 §6.3.1). Two bytes each, where each took four: no answer
    /// outgrows its request by this.
    /// </summary>
    public const int MaxUnknownAttributes = (StunFraming.MaxMessageLength - StunHeader.Length) / 4;

    private readonly Span<StunAttributeType> _unknown;
    private int _unknownCount;

    private StunRequest(Span<StunAttributeType> unknown) => _unknown = unknown;

    /// <summary>From where the answer should come; null where nothing is said.</summary>
    public ChangeRequest? Change { get; private set; }

    /// <summary>Says whether a CHANGE-REQUEST, understood or not, asks for nothing.</summary>
    public bool AsksForNoChange { get; private set; }

    /// <summary>Where the answer should go; null where nothing is said.</summary>
    public ushort? Port { get; private set; }

    /// <summary>How many bytes of PADDING the request has; null where it has none.</summary>
    public int? PaddingLength { get; private set; }

    /// <summary>Says whether an attribute has a value that its type cannot have.</summary>
    public bool HasBadValue { get; private set; }

    /// <summary>The attributes that must be understood and are not, each once.</summary>
    public readonly ReadOnlySpan<StunAttributeType> Unknown => _unknown[.._unknownCount];

    /// <summary>Reads the attributes of a message whose header is known to be good.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="isClassic">Whether it is of classic STUN, where FINGERPRINT means nothing.</param>
    /// <param name="offer">Which attributes of RFC 5780 are understood.</param>
    /// <param name="unknown">Room for <see cref="MaxUnknownAttributes"/>.</param>
    /// <param name="request">What was read.</param>
    /// <param name="reason">Why it is to be dropped, where it is.</param>
    /// <returns>False where nothing in it can be believed.</returns>
    public static bool TryRead(
        ReadOnlySpan<byte> message, bool isClassic, DiscoveryOffer offer, Span<StunAttributeType> unknown, out StunRequest request, out StunDropReason reason)
    {
        request = new StunRequest(unknown);
        reason = default;
        bool isBehindIntegrity = false;
        var attributes = new StunAttributeReader(message[StunHeader.Length..]);
        int start = StunHeader.Length;
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            if (type == StunAttributeType.Fingerprint && !isClassic)
            {
                reason = StunDropReason.WrongFingerprint;
                return attributes.IsAtEnd && Fingerprint.Matches(message[..start], value);
            }

            // Nothing vouches for what stands behind MESSAGE-INTEGRITY, so a server must not look at it (RFC 8489 §14.5).
            if (!isBehindIntegrity) request.Take(type, value, offer);
            isBehindIntegrity |= type is StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256;
            start = StunHeader.Length + attributes.Position;
        }

        reason = StunDropReason.Malformed;
        return !attributes.IsMalformed;
    }

    private void Take(StunAttributeType type, ReadOnlySpan<byte> value, DiscoveryOffer offer)
    {
        if (!type.IsComprehensionRequired()) return;
        if (type == StunAttributeType.ChangeRequest) AsksForNoChange = ChangeRequest.TryRead(value, out ChangeRequest asked) && asked == default;
        switch (type)
        {
            case StunAttributeType.ChangeRequest when offer == DiscoveryOffer.OtherPort && Change is null && ChangeRequest.TryRead(value, out ChangeRequest wanted) && wanted.ChangeAddress:
                AddUnknown(type); // There is no other address: as if nobody here knew of such a thing.
                break;
            case StunAttributeType.ChangeRequest when offer != DiscoveryOffer.None:
                if (Change is null && ChangeRequest.TryRead(value, out ChangeRequest change)) Change = change;
                HasBadValue |= Change is null;
                break;
            case StunAttributeType.ResponsePort when offer != DiscoveryOffer.None:
                if (Port is null && ResponsePort.TryRead(value, out ushort port)) Port = port;
                HasBadValue |= Port is null;
                break;
            case StunAttributeType.Padding when offer != DiscoveryOffer.None:
                PaddingLength ??= value.Length;
                break;
            default:
                if (!IsPassedOver(type)) AddUnknown(type);
                break;
        }
    }

    /// <summary>
    /// Credentials are known and passed over: this service has none to check. What belongs into answers is known too, and means nothing here.
    /// </summary>
    private static bool IsPassedOver(StunAttributeType type) => type is
        StunAttributeType.MappedAddress or StunAttributeType.XorMappedAddress or StunAttributeType.ErrorCode or StunAttributeType.UnknownAttributes
        or StunAttributeType.Username or StunAttributeType.UserHash or StunAttributeType.Realm or StunAttributeType.Nonce
        or StunAttributeType.PasswordAlgorithm or StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256;

    private void AddUnknown(StunAttributeType type)
    {
        // As plain numbers the search compares many at once: a message full of names costs a few microseconds.
        bool isKnown = MemoryMarshal.Cast<StunAttributeType, ushort>(Unknown).Contains((ushort)type);
        if (_unknownCount < _unknown.Length && !isKnown) _unknown[_unknownCount++] = type;
    }
}
