namespace Stun.Server.Core;

/// <summary>Why a datagram got no answer. Each one is counted.</summary>
internal enum StunDropReason
{
    /// <summary>Another protocol, or a classic client without the magic cookie (RFC 3489).</summary>
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

    /// <summary>The answer found the send buffer full. The client asks again.</summary>
    SendBufferFull,

    /// <summary>The system refused the answer: no route back, or a packet filter.</summary>
    SendRefused,
}
