using Addresses;

namespace Node.Traversal.Core.Stun;

/// <summary>The server that answered, and what it said to the first socket.</summary>
/// <param name="Socket">The socket that asked.</param>
/// <param name="Server">The address that was asked.</param>
/// <param name="Answer">The answer.</param>
internal sealed record DiscoveryContact(DiscoverySocket Socket, TransportAddress Server, StunAnswer Answer)
{
    public TransportAddress Mapped => Answer.Mapped;

    /// <summary>Says that the server sees the socket at its local address: there is no NAT.</summary>
    public bool IsUntranslated => Mapped == Socket.Local;

    /// <summary>The server's other address with its other port. Only where <see cref="HasOther"/>.</summary>
    public TransportAddress Other => Answer.Other;

    /// <summary>The server's other address with the port that was asked.</summary>
    public TransportAddress OtherAddressSamePort => Other.WithPort(Server.Port);

    /// <summary>The address that was asked with the server's other port.</summary>
    public TransportAddress SameAddressOtherPort => Server.WithPort(Other.Port);

    /// <summary>
    /// Says whether there is another address that can be asked. One of another kind than the server's own would send us, on a stranger's
    /// word, to where it has no business.
    /// </summary>
    public bool HasOther => Other.IsValid && Other.IsIpv4 == Server.IsIpv4 && Other.Port != 0 && Other.Port != Server.Port && Other.Bits != Server.Bits
        && AddressScopes.ScopeOf(Other) == AddressScopes.ScopeOf(Server);

    /// <summary>Says that the server names another address, if one of no use.</summary>
    public bool NamesOther => Other.IsValid;

    /// <summary>Why there is no other address.</summary>
    public string WhyNoOther => NamesOther
        ? $"the server names {Other} as its other address: to be of use it must differ in address and port and be as public as {Server}"
        : "the server names no second address (OTHER-ADDRESS, RFC 5780)";
}
