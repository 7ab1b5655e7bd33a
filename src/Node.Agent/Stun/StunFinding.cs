using Addresses;
using Node.Traversal;

namespace Node.Agent.Stun;

/// <summary>How to ask a STUN server.</summary>
internal enum StunTransport
{
    Udp,
    Tcp,
    Tls,
}

/// <summary>What UDP is worth here, as far as one server shows.</summary>
internal enum UdpFinding
{
    /// <summary>Not asked over UDP.</summary>
    NotAsked,

    /// <summary>Answered.</summary>
    Works,

    /// <summary>The server answers over TCP, but not over UDP: something between drops UDP.</summary>
    Blocked,

    /// <summary>The server's machine says that nobody listens there.</summary>
    NobodyListens,

    /// <summary>No answer, and no telling why.</summary>
    Silent,
}

/// <summary>What one address family of a server had to say.</summary>
/// <param name="Transport">How it was asked.</param>
/// <param name="Servers">Its addresses.</param>
internal sealed record StunFinding(StunTransport Transport, IReadOnlyList<TransportAddress> Servers)
{
    /// <summary>The address that answered, or the first one asked.</summary>
    public TransportAddress Server { get; init; } = Servers[0];

    public TransportAddress Local { get; init; }

    /// <summary>How the server sees us; not valid = it did not answer.</summary>
    public TransportAddress Mapped { get; init; }

    public TimeSpan? Rtt { get; init; }

    public string? Software { get; init; }

    public UdpFinding Udp { get; init; }

    /// <summary>The behaviour; only over UDP.</summary>
    public NatBehavior? Behavior { get; init; }

    /// <summary>Why there is no answer: sentences without full stops.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    public bool IsAnswered => Mapped.IsValid;

    public bool IsIpv4 => Server.IsIpv4;
}
