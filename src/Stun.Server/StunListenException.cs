using System.Net.Sockets;

namespace Stun.Server;

/// <summary>An address that cannot be listened on. Whoever knows the name of the option says that in front.</summary>
public sealed class StunListenException : Exception
{
    internal StunListenException(string where, SocketError error, Exception inner)
        : base($"cannot listen on {where}: {ProblemOf(error)}; {RemedyOf(error)}.", inner)
    {
        Problem = $"cannot listen on {where}: {ProblemOf(error)}";
        Remedy = RemedyOf(error);
    }

    /// <summary>What is wrong, without a full stop: <c>cannot listen on udp://127.0.0.1:3478: another program does</c>.</summary>
    public string Problem { get; }

    /// <summary>What would be right, without a full stop.</summary>
    public string Remedy { get; }

    private static string ProblemOf(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "another program does",
        SocketError.AddressNotAvailable => "this host does not have that address",
        SocketError.AccessDenied => "the system does not permit it",
        SocketError.AddressFamilyNotSupported => "this host does not have IPv6",
        _ => $"the system says {error}",
    };

    private static string RemedyOf(SocketError error) => error switch
    {
        SocketError.AddressAlreadyInUse => "stop that program, or give another port",
        SocketError.AddressNotAvailable => "give an address of this host, or 0.0.0.0 or [::] for all it has",
        SocketError.AccessDenied => "give a port from 1024 on, or grant CAP_NET_BIND_SERVICE",
        SocketError.AddressFamilyNotSupported => "give an IPv4 address",
        _ => "give another address",
    };
}
