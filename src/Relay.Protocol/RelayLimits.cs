namespace Relay.Protocol;

/// <summary>The limits of the relay protocol: those every DERP end keeps, and those ours adds.</summary>
public static class RelayLimits
{
    /// <summary>The longest packet a SendPacket or RecvPacket carries, in bytes, keys not counted.</summary>
    public const int MaxPacketLength = 64 << 10;

    /// <summary>The longest frame body a client accepts, in bytes. A longer one ends the connection.</summary>
    public const int MaxFrameLength = 1 << 20;

    /// <summary>The longest ClientInfo body a server accepts, in bytes.</summary>
    public const int MaxClientInfoLength = 256 << 10;

    /// <summary>The longest ServerInfo body a client accepts, in bytes: far above what any server sends.</summary>
    public const int MaxServerInfoLength = 64 << 10;

    /// <summary>The longest Ping body a server accepts, in bytes; only the first 8 count.</summary>
    public const int MaxPingLength = 1000;

    /// <summary>How often a server sends KeepAlive on a connection, at least.</summary>
    public static readonly TimeSpan KeepAliveInterval = TimeSpan.FromSeconds(60);

    /// <summary>The most a connection's keep-alives are shifted, so that a fleet's do not fall together.</summary>
    public static readonly TimeSpan KeepAliveJitter = TimeSpan.FromSeconds(5);

    /// <summary>How long a client waits for any frame before it takes the connection for dead.</summary>
    public static readonly TimeSpan ReceiveTimeout = TimeSpan.FromSeconds(120);
}
