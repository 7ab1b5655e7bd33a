using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Stun;
using Node.Traversal.Io.Stun;
using Timing;

namespace Node.Traversal;

/// <summary>
/// Asks a STUN server what NAT or firewall stands before this machine, in RFC 4787's words. Without a second address of the server
/// (OTHER-ADDRESS, RFC 5780) it tells the public address, how ports are chosen, and hairpinning; with one, mapping and filtering too.
/// </summary>
public static class NatBehaviorDiscovery
{
    /// <summary>Asks. Takes up to ten seconds: a filter shows by silence.</summary>
    /// <param name="servers">The server's addresses with its port, all of one family; the first that answers is asked everything. At most four are tried.</param>
    /// <param name="progress">Told what is being waited for; may be null.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>What was found out, also where nobody answered: then a note says why.</returns>
    /// <exception cref="ArgumentException">There is no server, or they are of both families.</exception>
    /// <exception cref="SocketException">The system gives no more sockets.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static Task<NatBehavior> RunAsync(IReadOnlyList<TransportAddress> servers, Action<DiscoveryStage>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(servers);
        if (servers.Count == 0 || servers.Any(server => server.IsIpv4 != servers[0].IsIpv4)) throw new ArgumentException("Give servers of one family.", nameof(servers));
        return RunAsync(servers, mark: 0, (stage, _) => progress?.Invoke(stage), cancellation);
    }

    /// <summary>Asks, with a firewall mark on all packets.</summary>
    /// <param name="servers">As for the other.</param>
    /// <param name="mark">The mark; 0 = none.</param>
    /// <param name="progress">Told what is being waited for, and what is known by then: that may be needed before the rest is.</param>
    /// <param name="cancellation">Ends the wait.</param>
    internal static async Task<NatBehavior> RunAsync(
        IReadOnlyList<TransportAddress> servers, uint mark, Action<DiscoveryStage, NatBehavior?> progress, CancellationToken cancellation)
    {
        IPAddress local;
        try
        {
            local = DiscoverySockets.LocalAddressFor(servers[0], mark);
        }
        catch (SocketException exception)
        {
            return new NatBehavior { Notes = [new NatNote(NatAspect.Server, $"there is no way to {servers[0]}: {exception.Message}")] };
        }

        NatDiscovery core = new(servers, RandomNumberGenerator.Fill);
        await DiscoveryRun.RunAsync(core, local, mark, TellProgress, cancellation);
        return core.Result!;

        void TellProgress()
        {
            while (core.TryDequeueEvent(out DiscoveryStage stage)) progress(stage, core.SoFar);
        }
    }
}
