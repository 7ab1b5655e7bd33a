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
}
