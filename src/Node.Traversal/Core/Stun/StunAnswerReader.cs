using System.Text;
using Addresses;
using Stun.Protocol;

namespace Node.Traversal.Core.Stun;

/// <summary>What an answer turned out to be.</summary>
internal enum StunAnswerKind
{
    /// <summary>Damaged, or without what it must have: as if it had not come.</summary>
    Damaged,

    /// <summary>A success response.</summary>
    Success,

    /// <summary>An error response.</summary>
    Error,

    /// <summary>A success response with an attribute that must be understood and is not.</summary>
    NotUnderstood,
}

/// <summary>Reads the answers of servers of every age: RFC 8489, RFC 5780, the drafts before, and classic STUN (RFC 3489).</summary>
internal static class StunAnswerReader
{
    /// <summary>The longest description of a server that is kept, in characters.</summary>
    public const int MaxSoftwareLength = 128;

    /// <summary>Reads what follows the header of a response.</summary>
    public static StunAnswerKind Read(ReadOnlySpan<byte> datagram, StunHeader header, out StunAnswer? answer, out StunErrorCode error)
    {
        answer = null;
        error = default;
        Found found = default;
        int start = StunHeader.Length;
        var attributes = new StunAttributeReader(datagram.Slice(StunHeader.Length, header.BodyLength));
        while (attributes.TryRead(out StunAttributeType type, out ReadOnlySpan<byte> value))
        {
            if (type == StunAttributeType.Fingerprint)
            {
                if (!Fingerprint.Matches(datagram[..start], value)) return StunAnswerKind.Damaged;
                break; // Nothing vouches for what stands behind it.
            }

            if (!found.TryTake(type, value, header.TransactionId)) return StunAnswerKind.Damaged;
            start = StunHeader.Length + attributes.Position;
        }

        if (attributes.IsMalformed) return StunAnswerKind.Damaged;
        error = found.Error;
        if (header.Type.Class() == StunMessageClass.Error) return error == default ? StunAnswerKind.Damaged : StunAnswerKind.Error;
        if (found.HasUnknown) return StunAnswerKind.NotUnderstood;

        TransportAddress mapped = found.XorMapped.IsValid ? found.XorMapped : found.Mapped;
        if (!mapped.IsValid || mapped.Port == 0) return StunAnswerKind.Damaged;
        answer = new StunAnswer(mapped, found.Other.IsValid ? found.Other : found.Changed, found.Origin.IsValid ? found.Origin : found.SourceAddress, found.Software);
        return StunAnswerKind.Success;
    }

    /// <summary>The attributes of one answer. Of several of a kind the first counts (RFC 8489 §14).</summary>
    private ref struct Found
    {
        public TransportAddress XorMapped;
        public TransportAddress Mapped;
        public TransportAddress Other;
        public TransportAddress Changed;
        public TransportAddress Origin;
        public TransportAddress SourceAddress;
        public StunErrorCode Error;
        public string? Software;
        public bool HasUnknown;

        public bool TryTake(StunAttributeType type, ReadOnlySpan<byte> value, TransactionId id)
        {
            switch (type)
            {
                case StunAttributeType.XorMappedAddress or StunAttributeType.XorMappedAddressOfDrafts:
                    return XorMapped.IsValid || XorMappedAddress.TryRead(value, id, out XorMapped);
                case StunAttributeType.MappedAddress:
                    return Mapped.IsValid || MappedAddress.TryRead(value, out Mapped);
                case StunAttributeType.OtherAddress:
                    return Other.IsValid || MappedAddress.TryRead(value, out Other);
                case StunAttributeType.ChangedAddress:
                    return Changed.IsValid || MappedAddress.TryRead(value, out Changed);
                case StunAttributeType.ResponseOrigin:
                    return Origin.IsValid || MappedAddress.TryRead(value, out Origin);
                case StunAttributeType.SourceAddress:
                    return SourceAddress.IsValid || MappedAddress.TryRead(value, out SourceAddress);
                case StunAttributeType.ErrorCode:
                    return Error != default || StunErrorCode.TryRead(value, out Error);
                case StunAttributeType.Software:
                    Software ??= Printable(value);
                    return true;
                default:
                    HasUnknown |= type.IsComprehensionRequired() && !IsHarmless(type);
                    return true;
            }
        }

        /// <summary>Credentials that we never asked for, and what classic servers add, change nothing about the address.</summary>
        private static bool IsHarmless(StunAttributeType type) => type is
            StunAttributeType.Username or StunAttributeType.Realm or StunAttributeType.Nonce or StunAttributeType.UnknownAttributes
            or StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256 or StunAttributeType.Padding or StunAttributeType.ReflectedFrom;

        /// <summary>A stranger's bytes are shown at a terminal: what is not printable becomes a question mark.</summary>
        private static string? Printable(ReadOnlySpan<byte> value)
        {
            string text = Encoding.UTF8.GetString(value[..Math.Min(value.Length, MaxSoftwareLength)]).TrimEnd('\0', ' ');
            return text.Length == 0 ? null : string.Concat(text.Select(letter => char.IsControl(letter) || letter == '\ufffd' ? '?' : letter));
        }
    }
}
