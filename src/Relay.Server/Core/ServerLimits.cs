namespace Relay.Server.Core;

/// <summary>What an operator bounds. Another value takes effect at once where it is read: only what is there already stays.</summary>
internal sealed record ServerLimits
{
    /// <summary>Connections in all: a bound on memory, far above what one process serves well.</summary>
    public int MaxConnections { get; init; } = 100_000;

    /// <summary>Connections of one address prefix: a large site, or an operator that puts many behind one address, stays under it; one network alone cannot take all there are.</summary>
    public int MaxConnectionsPerPrefix { get; init; } = 16_384;

    /// <summary>Connections of one key: more than a client that comes back by other ways leaves behind. The one silent longest makes room.</summary>
    public int MaxConnectionsPerKey { get; init; } = 16;

    /// <summary>Connections that have not logged in, those that want web pages among them: a flood of these must not crowd out clients.</summary>
    public int MaxHandshakes { get; init; } = 4096;

    /// <summary>The same of one address prefix.</summary>
    public int MaxHandshakesPerPrefix { get; init; } = 1024;

    /// <summary>How long TLS with the head of the request may take, then the login, and then the answer to it.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest head of a request in bytes; the protocol reads no longer one than <see cref="Relay.Protocol.Handshake.UpgradeRequest.MaxLength"/>.</summary>
    public int MaxHeadBytes { get; init; } = 8 << 10;

    /// <summary>Connections accepted: more a second than TLS can be opened for, so that only a flood meets it.</summary>
    public Rate Accepts { get; init; } = new(5000, 10_000);

    /// <summary>Bytes that one client may send.</summary>
    public Rate ClientBytes { get; init; }

    /// <summary>Frames that one client may send.</summary>
    public Rate ClientFrames { get; init; }

    /// <summary>Bytes that all clients of one tenant together may send.</summary>
    public Rate TenantBytes { get; init; }

    /// <summary>Frames that all clients of one tenant together may send.</summary>
    public Rate TenantFrames { get; init; }
}
