using Timing;

namespace Relay.Server.Core;

/// <summary>Why a login was refused.</summary>
internal enum RefusalReason
{
    /// <summary>It was not refused.</summary>
    None,

    /// <summary>No list names the client's key, and it showed no token.</summary>
    NotListed,

    /// <summary>The token is not one we can trust: its form, its signature, its issuer's key or its audience.</summary>
    TokenInvalid,

    /// <summary>The token is good, but another key's.</summary>
    TokenOfAnotherKey,

    /// <summary>The token's time is over, or has not come.</summary>
    TokenExpired,

    /// <summary>The token was revoked.</summary>
    TokenRevoked,

    /// <summary>The operator's service said no.</summary>
    CallbackDenied,

    /// <summary>The operator's service could not be asked.</summary>
    CallbackFailed,

    /// <summary>The operator has banned the key.</summary>
    Banned,

    /// <summary>A limit was reached.</summary>
    Limit,
}

/// <summary>What has let a client in.</summary>
internal enum AdmissionSource
{
    /// <summary>Nothing was asked: anybody may come in.</summary>
    Open,

    /// <summary>The mesh key: it is a relay of this region.</summary>
    MeshKey,

    /// <summary>Its key is on a list.</summary>
    List,

    /// <summary>It has shown a token.</summary>
    Token,

    /// <summary>The operator's service has said yes.</summary>
    Callback,
}

/// <summary>What an admission policy says of a login. It stays with the connection: what has let a client in may be taken back.</summary>
internal sealed record AdmissionDecision
{
    /// <summary>Anybody may come in, for as long as they like.</summary>
    public static readonly AdmissionDecision Open = new();

    /// <summary>Whose client it is; clients of different tenants cannot reach or see each other. Empty: the tenant of all who have none.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>When the client has to go; <see cref="Instant.Never"/> = it need not.</summary>
    public Instant Expires { get; init; } = Instant.Never;

    /// <summary>What the client may send, in bytes a second; 0 = no limit but the relay's own.</summary>
    public int RateBytesPerSecond { get; init; }

    /// <summary>What has let the client in.</summary>
    public AdmissionSource Source { get; init; }

    /// <summary>The identifier (jti) of the token that let the client in; null where none did.</summary>
    public string? TokenId { get; init; }

    /// <summary>The thumbprint of the key that has signed that token.</summary>
    public string? SignedBy { get; init; }

    /// <summary>Why it was refused.</summary>
    public RefusalReason Refusal { get; init; }

    /// <summary>What to tell the client, in a sentence; only where it was refused.</summary>
    public string Message { get; init; } = "";

    public bool IsAllowed => Refusal == RefusalReason.None;

    /// <summary>A relay of the region may come in, as one of the tenant that the region is for.</summary>
    public static AdmissionDecision OfMesh(string tenant) => new() { Source = AdmissionSource.MeshKey, Tenant = tenant };

    /// <summary>Refuses a login.</summary>
    public static AdmissionDecision Refuse(RefusalReason reason, string message) => new() { Refusal = reason, Message = message };
}
