using System.Net.Sockets;

namespace Settings;

/// <summary>Says in a sentence why an address cannot be listened on, and what would help.</summary>
public static class ListenProblem
{
    /// <summary>The sentence as an error of the option that named the address.</summary>
    /// <param name="option">The option, as it was given: see <see cref="ParsedOptions.SourceOf"/>.</param>
    /// <param name="where">The address, as a URL: <c>udp://127.0.0.1:3478</c>.</param>
    /// <param name="error">What the system said.</param>
    public static OptionException Of(string option, string where, SocketError error) =>
        new(option, $"cannot listen on {where}: {ProblemOf(error)}", RemedyOf(error));

    /// <summary>What is wrong, without a full stop.</summary>
    public static string ProblemOf(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "something listens there already",
        SocketError.AddressNotAvailable => "this host does not have that address",
        SocketError.AccessDenied => "the system does not permit it",
        SocketError.AddressFamilyNotSupported => "this host does not have IPv6",
        SocketError.InvalidArgument => "a link-local address belongs to one link, and zones (%eth0) are not taken",
        _ => $"the system says {error}",
    };

    /// <summary>What would be right, without a full stop.</summary>
    public static string RemedyOf(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "stop what does, or give another port",
        SocketError.AddressNotAvailable => "give an address of this host, or 0.0.0.0 or [::] for all it has",
        SocketError.AccessDenied => "give a port from 1024 on, or grant CAP_NET_BIND_SERVICE",
        SocketError.AddressFamilyNotSupported => "give an IPv4 address",
        SocketError.InvalidArgument => "give an address that is not link-local, or [::] for all this host has",
        _ => "give another address",
    };
}
