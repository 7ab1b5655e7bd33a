namespace Stun.Server.Core;

/// <summary>How a request came in.</summary>
internal enum StunTransport
{
    /// <summary>A datagram: its source may be forged.</summary>
    Udp,

    /// <summary>A connection in the clear.</summary>
    Tcp,

    /// <summary>A connection over TLS.</summary>
    Tls,
}
