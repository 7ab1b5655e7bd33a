using Addresses;
using Stun.Protocol;
using Timing;

namespace Stun.Server.Core;

/// <summary>
/// Decides on one message: a binding request becomes its answer, anything else is dropped and counted (RFC 8489 §6.3, RFC 5780 §6.1). A UDP
/// source is never verified here, so nobody gets more than one answer, with the least attributes. One thread at a time.
/// </summary>
/// <param name="forgedSources">What claims to come from there gets nothing.</param>
/// <param name="limiter">How much each prefix may ask.</param>
/// <param name="origins">From where answers can leave; null where behaviour discovery is not offered.</param>
/// <param name="counters">Counts requests, answers and drops.</param>
/// <param name="changesPort">Says that answers can leave from another port; always so where <paramref name="origins"/> are known.</param>
internal sealed class StunResponder(ForgedSources forgedSources, SourceRateLimiter limiter, AnswerOrigins? origins, StunCounters counters, bool changesPort = false)
{
    /// <summary>The buffer a request lies in has to be at least this long, in bytes, so that every answer fits.</summary>
    public const int MinBufferLength = 128;

    /// <summary>Ports below belong to services that were never asked (RFC 5780 §6.1 leaves the choice to the server).</summary>
    private const int LeastResponsePort = 1024;

    private readonly StunAttributeType[] _unknown = new StunAttributeType[StunRequest.MaxUnknownAttributes + 1]; // Of the message at hand; one more for a classic answer.
    private readonly bool _takesClassic = counters.Transport == StunTransport.Udp; // On a stream the cookie is what keeps the framing honest.

    /// <summary>Answers a message in its own place.</summary>
    /// <param name="buffer">Holds the message, and takes the answer; at least <see cref="MinBufferLength"/> bytes.</param>
    /// <param name="length">The length of the message in bytes.</param>
    /// <param name="source">Where it came from.</param>
    /// <param name="local">Where it was sent to; <c>default</c> where that is not known.</param>
    /// <param name="now">The present.</param>
    public StunAnswer Answer(Span<byte> buffer, int length, TransportAddress source, TransportAddress local, Instant now)
    {
        ReadOnlySpan<byte> message = buffer[..length];
        bool isClassic = !StunMessage.LooksLikeStun(message);
        if (isClassic && !MayBeClassicRequest(message)) return Drop(StunDropReason.NotStun);
        if (forgedSources.Contains(source, local)) return Drop(StunDropReason.ForgedSource);
        if (!StunHeader.TryReadClassic(message, out StunHeader header)) return Drop(StunDropReason.Malformed);
        if (StunHeader.Length + header.BodyLength != length) return Drop(StunDropReason.Malformed);
        if (header.Type.Class() != StunMessageClass.Request) return Drop(StunDropReason.NotARequest);
        if (header.Type != StunMessageType.BindingRequest) return Drop(StunDropReason.UnknownMethod);
        if (!limiter.TryTake(source, now)) return Drop(StunDropReason.RateLimited);

        Span<StunAttributeType> unknown = _unknown;
        bool isGood = StunRequest.TryRead(
            message, isClassic, OfferedDiscovery, unknown[..StunRequest.MaxUnknownAttributes], out StunRequest request, out StunDropReason reason);
        if (!isGood) return Drop(reason);

        counters.CountRequest(source.IsIpv4, KindOf(request, isClassic));
        if (MustRefuseUnknown(request, isClassic)) return RefuseUnknown(buffer, header, request, unknown, source);
        return IsContradictory(request) ? RefuseBad(buffer, header, source) : Succeed(buffer, header, request, source, now);
    }

    private DiscoveryOffer OfferedDiscovery => origins is not null ? DiscoveryOffer.Full : changesPort ? DiscoveryOffer.OtherPort : DiscoveryOffer.None;

    /// <summary>
    /// Without the cookie there is little to tell a request by, so all there is must fit: a binding request of exactly this length. The rest is
    /// another protocol.
    /// </summary>
    private bool MayBeClassicRequest(ReadOnlySpan<byte> message) =>
        _takesClassic
        && StunHeader.TryReadClassic(message, out StunHeader header)
        && header.Type == StunMessageType.BindingRequest
        && StunHeader.Length + header.BodyLength == message.Length;

    private static StunRequestKind KindOf(in StunRequest request, bool isClassic)
    {
        if (request.Change is { } change && change != default) return StunRequestKind.ChangeRequest;
        if (request.Port is not null) return StunRequestKind.ResponsePort;
        if (request.PaddingLength is not null) return StunRequestKind.Padding;
        return isClassic ? StunRequestKind.Classic : StunRequestKind.Binding;
    }

    private static bool MustRefuseUnknown(in StunRequest request, bool isClassic) => !request.Unknown.IsEmpty && !IsIdleChange(request, isClassic);

    /// <summary>Classic clients say in every request whether the answer should come from elsewhere, also where it should not.</summary>
    private static bool IsIdleChange(in StunRequest request, bool isClassic) =>
        isClassic && request.AsksForNoChange && request.Unknown.SequenceEqual([StunAttributeType.ChangeRequest]);

    private static bool IsContradictory(in StunRequest request)
    {
        if (request.HasBadValue || request.Port < LeastResponsePort) return true;
        return request.Port is not null && request.PaddingLength is not null; // A long answer to a port that never asked is no discovery.
    }

    private StunAnswer RefuseUnknown(Span<byte> buffer, StunHeader header, in StunRequest request, Span<StunAttributeType> unknown, TransportAddress source)
    {
        int count = request.Unknown.Length;
        // Classic STUN has no padding: an odd list repeats one of its types (RFC 3489 §11.2.10).
        if (header.IsClassic && (count & 1) != 0) unknown[count] = unknown[count++ - 1];

        counters.CountAnswer(source.IsIpv4, StunAnswerKind.UnknownAttribute);
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingError, header);
        StunErrorCode.UnknownAttribute.AddTo(ref writer);
        UnknownAttributes.AddTo(ref writer, unknown[..count]);
        return new StunAnswer(writer.Length);
    }

    private StunAnswer RefuseBad(Span<byte> buffer, StunHeader header, TransportAddress source)
    {
        counters.CountAnswer(source.IsIpv4, StunAnswerKind.BadRequest);
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingError, header);
        StunErrorCode.BadRequest.AddTo(ref writer);
        return new StunAnswer(writer.Length);
    }

    private StunAnswer Succeed(Span<byte> buffer, StunHeader header, in StunRequest request, TransportAddress source, Instant now)
    {
        ChangeRequest change = request.Change ?? default;
        ushort port = request.Port ?? 0;
        if (port == source.Port) port = 0;
        var answer = new StunAnswer(0, change, port);
        if (!answer.IsDirect)
        {
            if (port != 0 && forgedSources.IsOwn(source.WithPort(port))) return Drop(StunDropReason.ForgedSource);
            if (!limiter.TryTakeMoved(source, now)) return Drop(StunDropReason.MovedRateLimited);
        }

        counters.CountAnswer(source.IsIpv4, StunAnswerKind.Success);
        var writer = new StunMessageWriter(buffer, StunMessageType.BindingSuccess, header);
        if (header.IsClassic) MappedAddress.AddTo(ref writer, StunAttributeType.MappedAddress, source);
        else XorMappedAddress.AddTo(ref writer, header.TransactionId, source);
        if (origins is not null) AddOrigins(ref writer, header.IsClassic, source, change);
        if (request.PaddingLength is { } padding) AddPadding(ref writer, buffer.Length, padding);
        return answer with { Length = writer.Length };
    }

    /// <summary>What behaviour discovery wants besides: the address in the clear too, by which a gateway that rewrites payloads shows (RFC 5780 §6.1).</summary>
    private void AddOrigins(ref StunMessageWriter writer, bool isClassic, TransportAddress source, ChangeRequest change)
    {
        if (origins is null) return;
        if (!isClassic) MappedAddress.AddTo(ref writer, StunAttributeType.MappedAddress, source);
        MappedAddress.AddTo(ref writer, isClassic ? StunAttributeType.SourceAddress : StunAttributeType.ResponseOrigin, origins.Of(change));
        MappedAddress.AddTo(ref writer, isClassic ? StunAttributeType.ChangedAddress : StunAttributeType.OtherAddress, origins.Other);
    }

    /// <summary>As much as the request had, or as the buffer takes: never more than was sent to us, and whole words.</summary>
    private static void AddPadding(ref StunMessageWriter writer, int bufferLength, int padding)
    {
        const int AttributeHeaderLength = 4;
        int room = bufferLength - writer.Length - AttributeHeaderLength;
        int length = Math.Min(padding, room) & ~3;
        if (length >= 0) writer.Reserve(StunAttributeType.Padding, length);
    }

    private StunAnswer Drop(StunDropReason reason)
    {
        counters.CountDrop(reason);
        return default;
    }
}
