using System.Net.Sockets;
using Addresses;

namespace Stun.Server;

/// <summary>What the STUN server logs: never a packet.</summary>
internal static partial class StunServerLog
{
    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "Answering STUN on udp://{Address}")]
    public static partial void Listening(ILogger logger, TransportAddress address);

    [LoggerMessage(EventId = 2, Level = LogLevel.Warning, Message = "Receiving on udp://{Address} failed: {Error}")]
    public static partial void ReceiveFailed(ILogger logger, TransportAddress address, SocketError error);

    [LoggerMessage(EventId = 3, Level = LogLevel.Information, Message = "Health and metrics on http://{Address}")]
    public static partial void AdminListening(ILogger logger, TransportAddress address);

    [LoggerMessage(EventId = 4, Level = LogLevel.Warning, Message = "Accepting connections on {Address} failed: {Error}")]
    public static partial void AcceptFailed(ILogger logger, TransportAddress address, SocketError error);

    [LoggerMessage(EventId = 5, Level = LogLevel.Error, Message = "A connection from {Source} failed")]
    public static partial void ConnectionFailed(ILogger logger, Exception exception, TransportAddress source);

    [LoggerMessage(EventId = 6, Level = LogLevel.Information, Message = "Answering STUN on {Url}")]
    public static partial void StreamListening(ILogger logger, string url);

    [LoggerMessage(EventId = 7, Level = LogLevel.Information, Message = "Limits are now {RequestsPerSecond} requests a second of a prefix and {Connections} connections")]
    public static partial void LimitsChanged(ILogger logger, int requestsPerSecond, int connections);

    [LoggerMessage(EventId = 8, Level = LogLevel.Warning, Message = "What was asked to be read again cannot be used, and nothing has changed: {Problem}")]
    public static partial void ReloadRefused(ILogger logger, string problem);

    [LoggerMessage(EventId = 10, Level = LogLevel.Information, Message = "The port behind udp://{Address} is taken: clients cannot learn here whether a filter looks at ports")]
    public static partial void NoNextPort(ILogger logger, TransportAddress address);

    [LoggerMessage(EventId = 9, Level = LogLevel.Information, Message = "The certificate was read again")]
    public static partial void CertificateReloaded(ILogger logger);
}
