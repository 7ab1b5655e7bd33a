using Addresses;
using Stun.Protocol;
using Stun.Server.Core;

namespace Fuzz;

/// <summary>The server's decision on one datagram, with and without behaviour discovery, and as a message of a stream.</summary>
public static class StunResponderTarget
{
    private const int MaxPlainAnswer = 52; // Bytes: error 420 with 8 names. With more the request is longer; XOR-MAPPED-ADDRESS has 32.
    private const int MaxOriginsLength = 36; // Three addresses of IPv4.

    private static readonly TransportAddress Own = TransportAddress.FromIpv4(0xc6336401, 3478);
    private static readonly TransportAddress Other = TransportAddress.FromIpv4(0xc6336402, 3479);
    private static readonly TransportAddress Source = TransportAddress.FromIpv4(0xc0000201, 41641);
    private static readonly byte[] Buffer = new byte[StunFraming.MaxMessageLength];
    private static readonly Lock InUse = new();
    private static readonly StunResponder Plain = Responder(StunTransport.Udp, origins: null);
    private static readonly StunResponder Discovering = Responder(StunTransport.Udp, new AnswerOrigins(Own, Other));
    private static readonly StunResponder Streaming = Responder(StunTransport.Tcp, origins: null);

    public static void Fuzz(ReadOnlySpan<byte> input)
    {
        if (input.Length > StunFraming.MaxMessageLength) return; // Cut off by the socket, and dropped.
        lock (InUse)
        {
            StunAnswer answer = Check(Plain, input);
            FuzzException.Unless(answer.IsDirect && answer.Length <= Math.Max(MaxPlainAnswer, input.Length), "An answer that is too much.");
            FuzzException.Unless(answer.Length <= 2 * input.Length, "An answer that amplifies.");

            StunAnswer streamed = Check(Streaming, input);
            FuzzException.Unless(streamed.Length == 0 || streamed == answer, "A stream answers as a datagram, or not at all.");

            answer = Check(Discovering, input);
            FuzzException.Unless(answer.Length <= Math.Max(MaxPlainAnswer, input.Length + 36 + MaxOriginsLength), "An answer that is too much.");
            FuzzException.Unless(answer.Port is 0 or >= 1024, "An answer to a service.");
        }
    }

    private static StunAnswer Check(StunResponder responder, ReadOnlySpan<byte> input)
    {
        Buffer.AsSpan().Fill(0xee);
        input.CopyTo(Buffer);
        StunAnswer answer = responder.Answer(Buffer, input.Length, Source, Own, default);
        if (answer.Length == 0) return answer;

        ReadOnlySpan<byte> message = Buffer.AsSpan(0, answer.Length);
        FuzzException.Unless(StunHeader.TryReadClassic(message, out StunHeader header), "An answer that is no message.");
        FuzzException.Unless(header.Type is StunMessageType.BindingSuccess or StunMessageType.BindingError, "An answer that is a request.");
        FuzzException.Unless(message[4..20].SequenceEqual(input[4..20]), "Another transaction id.");
        FuzzException.Unless(StunHeader.Length + header.BodyLength == answer.Length, "A length that the answer has not.");
        var attributes = new StunAttributeReader(message[StunHeader.Length..]);
        while (attributes.TryRead(out _, out ReadOnlySpan<byte> value)) FuzzException.Unless(!value.Contains((byte)0xee) || input.Contains((byte)0xee), "What lay in the buffer before.");
        FuzzException.Unless(!attributes.IsMalformed, "An answer that is damaged.");
        return answer;
    }

    private static StunResponder Responder(StunTransport transport, AnswerOrigins? origins) =>
        new(new ForgedSources([Own, Other]), new SourceRateLimiter(requestsPerSecond: 0, seed: 1), origins, new StunCounters(transport));
}
