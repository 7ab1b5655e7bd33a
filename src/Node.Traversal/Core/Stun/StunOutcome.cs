using System.Net.Sockets;
using Addresses;
using Stun.Protocol;

namespace Node.Traversal.Core.Stun;

/// <summary>How a transaction ended.</summary>
internal enum StunOutcomeKind
{
    /// <summary>With a success response that holds an address.</summary>
    Answered,

    /// <summary>With an error response: see <see cref="StunOutcome.Error"/>. An alternate server (300) is reported and not followed.</summary>
    Refused,

    /// <summary>With an answer that says something we must understand and do not (RFC 8489 §6.3.3).</summary>
    NotUnderstood,

    /// <summary>The request cannot get there: see <see cref="StunOutcome.Problem"/>.</summary>
    Unreachable,

    /// <summary>Without an answer in time. <see cref="StunOutcome.Problem"/> holds what ICMP said meanwhile, if anything.</summary>
    TimedOut,
}

/// <summary>What came of one transaction.</summary>
/// <param name="Id">The transaction.</param>
/// <param name="Kind">How it ended.</param>
/// <param name="Transmissions">How often the request was sent.</param>
internal sealed record StunOutcome(TransactionId Id, StunOutcomeKind Kind, int Transmissions)
{
    /// <summary>The answer, where there is one.</summary>
    public StunAnswer? Answer { get; init; }

    /// <summary>Why the server refused, where it did.</summary>
    public StunErrorCode Error { get; init; }

    /// <summary>What the network said, where it said something.</summary>
    public SocketError Problem { get; init; }

    /// <summary>From request to answer; null where the request was sent more than once, because nobody can tell which one was answered.</summary>
    public TimeSpan? Rtt { get; init; }

    /// <summary>An address that answered though it was not to; the answer did not count.</summary>
    public TransportAddress Elsewhere { get; init; }
}

/// <summary>What a success response says.</summary>
/// <param name="Mapped">The address the request came from, as the server saw it.</param>
/// <param name="Other">The server's other address with its other port; not valid = it names none (RFC 5780 §7.4).</param>
/// <param name="Origin">Where the server says that it answers from; not valid = it does not say (RFC 5780 §7.3).</param>
/// <param name="Software">The server's own description, at most <see cref="StunAnswerReader.MaxSoftwareLength"/> printable characters; null = none.</param>
internal sealed record StunAnswer(TransportAddress Mapped, TransportAddress Other, TransportAddress Origin, string? Software);
