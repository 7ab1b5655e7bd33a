using Addresses;
using Stun.Protocol;

namespace Fuzz;

/// <summary>Every reader of Stun.Protocol over one datagram.</summary>
public static class StunMessageTarget
{
    private static readonly byte[] Key = [1, 2, 3];

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        bool isResponse = StunBindingResponse.TryRead(input, out _, out TransportAddress mapped);
        FuzzException.Unless(isResponse == mapped.IsValid, "A response without an address, or an address without a response.");
        bool isClassic = StunHeader.TryReadClassic(input, out StunHeader header);
        FuzzException.Unless(StunHeader.TryRead(input, out StunHeader same) == (isClassic && !header.IsClassic), "The cookie alone tells a message from a classic one.");
        FuzzException.Unless(!isResponse || same.Type == StunMessageType.BindingSuccess, "A response that is none.");
        if (!isClassic) return;

        int bodyLength = header.BodyLength;
        FuzzException.Unless(bodyLength % 4 == 0 && StunHeader.Length + bodyLength <= input.Length, "A length that the datagram has not.");
        ReadAttributes(input[..(StunHeader.Length + bodyLength)], header.TransactionId);
    }

    private static void ReadAttributes(ReadOnlySpan<byte> message, TransactionId id)
    {
        Span<StunAttributeType> types = stackalloc StunAttributeType[4];
        var attributes = new StunAttributeReader(message[StunHeader.Length..]);
        int start = StunHeader.Length;
        int total = 0;
        while (attributes.TryRead(out _, out ReadOnlySpan<byte> value))
        {
            total += 4 + ((value.Length + 3) & ~3);
            FuzzException.Unless(attributes.Position == total, "Attributes that overlap or leave a gap.");

            // A value of any type may hold anything.
            if (MappedAddress.TryRead(value, out TransportAddress clear)) RoundTrip(clear, id);
            if (XorMappedAddress.TryRead(value, id, out TransportAddress xored)) RoundTrip(xored, id);
            StunErrorCode.TryRead(value, out _);
            UnknownAttributes.Read(value, types);
            ChangeRequest.TryRead(value, out _);
            ResponsePort.TryRead(value, out _);
            Fingerprint.Matches(message[..start], value);
            FuzzException.Unless(!MessageIntegrity.MatchesSha1(message[..start], Key, value), "An HMAC by chance.");
            FuzzException.Unless(!MessageIntegrity.MatchesSha256(message[..start], Key, value), "An HMAC by chance.");
            start = StunHeader.Length + attributes.Position;
        }

        FuzzException.Unless(attributes.IsMalformed || total == message.Length - StunHeader.Length, "Attributes that end too soon.");
    }

    private static void RoundTrip(TransportAddress address, TransactionId id)
    {
        Span<byte> buffer = stackalloc byte[StunBindingResponse.MaxLength];
        int length = StunBindingResponse.Write(buffer, id, address);
        FuzzException.Unless(StunBindingResponse.TryRead(buffer[..length], out _, out TransportAddress read) && read == address, $"{address} does not come back.");
    }
}
