using Addresses;
using Stun.Protocol;

namespace Stun.Server.Core;

/// <summary>The four addresses that an answer can leave from, as one socket sees them: its own, and those that CHANGE-REQUEST names (RFC 5780 §6.1).</summary>
/// <param name="Own">The address of the socket itself.</param>
/// <param name="Other">The other address with the other port.</param>
internal sealed record AnswerOrigins(TransportAddress Own, TransportAddress Other)
{
    /// <summary>The address that an answer to such a request leaves from.</summary>
    public TransportAddress Of(ChangeRequest change) => (change.ChangeAddress ? Other : Own).WithPort(change.ChangePort ? Other.Port : Own.Port);
}
