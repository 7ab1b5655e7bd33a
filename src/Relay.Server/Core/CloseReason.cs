namespace Relay.Server.Core;

/// <summary>Why a connection ended.</summary>
internal enum CloseReason
{
    /// <summary>The client closed it, or the network did.</summary>
    ClientLeft,

    /// <summary>The client broke the protocol.</summary>
    ProtocolError,

    /// <summary>The client did not finish its login in time.</summary>
    HandshakeTimeout,

    /// <summary>The client took nothing for longer than a write may take.</summary>
    WriteTimeout,

    /// <summary>The admission policy refused the client.</summary>
    Refused,

    /// <summary>The server is stopping.</summary>
    ServerStopping,
}
