namespace Relay.Server.Hosting;

/// <summary>What whoever asks for web pages may use: they are small, and so are the questions.</summary>
internal static class WebLimits
{
    /// <summary>The longest body of a request, in bytes.</summary>
    public const int MaxBodyLength = 64 << 10;

    /// <summary>The longest head of a request, in bytes: a relay's own, and what proxies add to it.</summary>
    public const int MaxHeadLength = 16 << 10;

    /// <summary>The longest first line of a request, in bytes.</summary>
    public const int MaxLineLength = 8 << 10;

    /// <summary>How long a connection may be silent between two requests; probers ask twice in a row.</summary>
    public static readonly TimeSpan KeepAliveTimeout = TimeSpan.FromSeconds(30);
}
