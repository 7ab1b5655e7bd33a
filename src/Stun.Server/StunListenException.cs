using System.Net.Sockets;
using Settings;

namespace Stun.Server;

/// <summary>An address that cannot be listened on. Whoever knows the name of the option says that in front.</summary>
public sealed class StunListenException : Exception
{
    internal StunListenException(string where, SocketError error, Exception inner)
        : base($"cannot listen on {where}: {ListenProblem.ProblemOf(error)}; {ListenProblem.RemedyOf(error)}.", inner)
    {
        Problem = $"cannot listen on {where}: {ListenProblem.ProblemOf(error)}";
        Remedy = ListenProblem.RemedyOf(error);
    }

    /// <summary>What is wrong, without a full stop: <c>cannot listen on udp://127.0.0.1:3478: something listens there already</c>.</summary>
    public string Problem { get; }

    /// <summary>What would be right, without a full stop.</summary>
    public string Remedy { get; }
}
