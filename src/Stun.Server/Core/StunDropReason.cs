namespace Stun.Server.Core;

/// <summary>Why a datagram or a message got no answer. Each one is counted.</summary>
internal enum StunDropReason
{
    /// <summary>Another protocol.</summary>
    NotStun,

    /// <summary>Lengths that do not add up.</summary>
    Malformed,

    /// <summary>Longer than any request we take.</summary>
    TooLong,

    /// <summary>An indication or a response: never answered, so that two servers cannot talk to each other for ever.</summary>
    NotARequest,

    /// <summary>A request other than Binding.</summary>
    UnknownMethod,

    /// <summary>A FINGERPRINT that does not match, or is not the last attribute.</summary>
    WrongFingerprint,

    /// <summary>A source that no honest host has.</summary>
    ForgedSource,

    /// <summary>The source's prefix asks more than it may.</summary>
    RateLimited,

    /// <summary>The source's prefix asks for more answers from or to elsewhere than it may.</summary>
    MovedRateLimited,

    /// <summary>The answer found the send buffer full. The client asks again.</summary>
    SendBufferFull,

    /// <summary>The system refused the answer: no route back, or a packet filter.</summary>
    SendRefused,
}
