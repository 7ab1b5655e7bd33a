using Relay.Protocol;
using Timing;

namespace Relay.Server.Core;

/// <summary>Looks at a token. It may not wait, and never throws: what a client writes is not to be trusted.</summary>
internal delegate TokenGrant TokenCheck(string token);

/// <summary>What a token says, once its signature is known to be good; or why it counts for nothing. The token itself is not kept.</summary>
internal sealed record TokenGrant
{
    /// <summary>Whose token it is.</summary>
    public NodeKey Key { get; init; }

    /// <summary>As <see cref="AdmissionDecision.Tenant"/>.</summary>
    public string Tenant { get; init; } = "";

    /// <summary>As <see cref="AdmissionDecision.Expires"/>.</summary>
    public Instant Expires { get; init; } = Instant.Never;

    /// <summary>As <see cref="AdmissionDecision.RateBytesPerSecond"/>.</summary>
    public int RateBytesPerSecond { get; init; }

    /// <summary>Its identifier (jti), by which it can be revoked.</summary>
    public string Id { get; init; } = "";

    /// <summary>The thumbprint of the key that has signed it.</summary>
    public string SignedBy { get; init; } = "";

    /// <summary>Why it counts for nothing.</summary>
    public RefusalReason Refusal { get; init; }

    /// <summary>The same in a sentence for its holder.</summary>
    public string Message { get; init; } = "";

    public bool IsValid => Refusal == RefusalReason.None;

    public static TokenGrant Refuse(RefusalReason reason, string message) => new() { Refusal = reason, Message = message };
}
