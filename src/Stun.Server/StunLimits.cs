namespace Stun.Server;

/// <summary>What a STUN server takes at most; may change while it runs.</summary>
public sealed record StunLimits
{
    /// <summary>2000 requests a second: a whole /24 of clients, and no amplifier worth having.</summary>
    public const int DefaultRequestsPerSecond = 2000;

    /// <summary>1024 connections: some 10 MiB.</summary>
    public const int DefaultConnections = 1024;

    /// <summary>Requests a second that one prefix (/24 of IPv4, /56 of IPv6) gets answered, 1 to 10 000 000, and as many at once; 0 for no limit. Loopback is exempt.</summary>
    public int RequestsPerSecond { get; init; } = DefaultRequestsPerSecond;

    /// <summary>TCP and TLS connections there may be at once, 1 to 1 000 000. One prefix may have an eighth of them.</summary>
    public int Connections { get; init; } = DefaultConnections;
}
