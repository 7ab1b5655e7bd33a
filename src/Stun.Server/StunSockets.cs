using Addresses;
using Datagrams;
using Stun.Protocol;
using Stun.Server.Core;

namespace Stun.Server;

/// <summary>The socket that one receiver serves, and those that it may have to answer from.</summary>
/// <param name="Own">The one it receives on.</param>
/// <param name="Discovery">The other three, where behaviour discovery is offered (RFC 5780), or the one with the other port; null where it is not.</param>
internal sealed record StunSockets(DatagramSocket Own, DiscoverySockets? Discovery = null)
{
    /// <summary>The addresses of the four; null where there is one.</summary>
    public AnswerOrigins? Origins { get; } = Discovery?.OtherBoth is { } both ? new AnswerOrigins(Own.LocalAddress, both.LocalAddress) : null;

    /// <summary>The socket that an answer to such a request leaves from.</summary>
    public DatagramSocket For(ChangeRequest change) => (Discovery, change) switch
    {
        (null, _) or (_, (false, false)) => Own,
        (_, (false, true)) => Discovery.OtherPort,
        (_, (true, false)) => Discovery.OtherAddress ?? Own,
        _ => Discovery.OtherBoth ?? Own,
    };

    /// <summary>Says whether a socket bound to this takes what comes for any address of the host.</summary>
    public static bool IsWildcard(TransportAddress address) => address.IsIpv4 ? address.Ipv4Bits == 0 : address.Bits == 0;
}

/// <summary>The sockets that CHANGE-REQUEST names, as another one sees them.</summary>
/// <param name="OtherPort">Its address with the other port.</param>
/// <param name="OtherAddress">The other address with its port; null where there is one address.</param>
/// <param name="OtherBoth">The other address with the other port; null likewise.</param>
internal sealed record DiscoverySockets(DatagramSocket OtherPort, DatagramSocket? OtherAddress, DatagramSocket? OtherBoth);
