namespace Stun.Server.Core;

/// <summary>Why a connection ended. Each end is counted.</summary>
internal enum ConnectionEnd
{
    /// <summary>The client closed it.</summary>
    ClosedByClient,

    /// <summary>Nothing came for too long.</summary>
    Idle,

    /// <summary>A message, a TLS handshake or the taking of an answer took too long.</summary>
    Slow,

    /// <summary>What came was not STUN, or damaged: where the next message begins can no longer be told.</summary>
    BadFraming,

    /// <summary>The prefix asked more than it may.</summary>
    RateLimited,

    /// <summary>The TLS handshake failed.</summary>
    TlsFailed,

    /// <summary>There were too many connections, of all or of the prefix.</summary>
    TooMany,

    /// <summary>The network broke it.</summary>
    Broken,

    /// <summary>The server stops.</summary>
    Stopping,
}
