namespace Relay.Server.Core;

/// <summary>Why a connection ended.</summary>
internal enum CloseReason
{
    /// <summary>The client closed it, or the network did.</summary>
    ClientLeft,

    /// <summary>The client broke the protocol.</summary>
    ProtocolError,

    /// <summary>A trusted proxy said whose connection it is in a form that cannot be read.</summary>
    BadProxyHeader,

    /// <summary>The client did not finish its login in time.</summary>
    HandshakeTimeout,

    /// <summary>The client took nothing for longer than a write may take.</summary>
    WriteTimeout,

    /// <summary>The admission policy refused the client.</summary>
    Refused,

    /// <summary>What had let the client in was taken back: its token expired or was revoked, or its key left the list.</summary>
    AdmissionEnded,

    /// <summary>Its key had more connections than it may, and this one had been silent longest.</summary>
    TooManyOfKey,

    /// <summary>A trusted proxy said whose connection it is, and of that address prefix there were as many as may be.</summary>
    TooManyOfPrefix,

    /// <summary>It had sent a long frame in part, and the memory for such was used up.</summary>
    MemoryFull,

    /// <summary>The operator disconnected the client.</summary>
    DisconnectedByOperator,

    /// <summary>Another relay of the region asked for it (ClosePeer).</summary>
    ClosedByMesh,

    /// <summary>The server is stopping.</summary>
    ServerStopping,

    /// <summary>Something in this server went wrong.</summary>
    ServerFault,
}
