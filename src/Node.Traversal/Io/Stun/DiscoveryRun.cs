using System.Net;
using System.Net.Sockets;
using Addresses;
using Node.Traversal.Core;
using Node.Traversal.Core.Stun;
using Timing;

namespace Node.Traversal.Io.Stun;

/// <summary>Drives a core that finds out by sockets of its own, until it has ended.</summary>
internal static class DiscoveryRun
{
    /// <summary>Runs it.</summary>
    /// <param name="core">What finds out.</param>
    /// <param name="local">The local address that packets to the server carry.</param>
    /// <param name="mark">The firewall mark of all packets; 0 = none.</param>
    /// <param name="progressed">Called when something may have happened; may be null.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="SocketException">The system gives no more sockets.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task RunAsync(IDiscoveryCore core, IPAddress local, uint mark, Action? progressed, CancellationToken cancellation)
    {
        await using DiscoverySockets sockets = new(local, mark);
        MonotonicClock clock = MonotonicClock.System;
        core.Start(clock.Now);
        while (true)
        {
            Drain(core, sockets, clock);
            progressed?.Invoke();
            if (core.IsDone) return;

            await sockets.WaitAsync((core.NextTimeout ?? clock.Now) - clock.Now, cancellation);
            while (sockets.Arrived.TryRead(out DiscoveryInput input)) Handle(core, input, clock.Now);
            core.HandleTimeout(clock.Now);
        }
    }

    private static void Drain(IDiscoveryCore core, DiscoverySockets sockets, MonotonicClock clock)
    {
        bool isBusy = true;
        while (isBusy)
        {
            isBusy = false;
            while (core.TryDequeueSocket(out SocketId wanted))
            {
                core.HandleSocket(wanted, sockets.Open(wanted), clock.Now);
                isBusy = true;
            }

            while (core.TryDequeueTransmit(out Transmit transmit))
            {
                SocketError error = sockets.Send(transmit);
                // What has no way or is not permitted stays so; a full buffer is a lost datagram, and the request is sent again.
                bool isFinal = error is not (SocketError.WouldBlock or SocketError.NoBufferSpaceAvailable);
                if (error != SocketError.Success) core.HandleProblem(transmit.Socket, transmit.Destination, error, isFinal, clock.Now);
                isBusy = true;
            }
        }
    }

    private static void Handle(IDiscoveryCore core, DiscoveryInput input, Instant now)
    {
        if (input.Datagram is { } datagram) core.HandleDatagram(input.Socket, input.Source, datagram, now);
        else core.HandleProblem(input.Socket, input.Source, input.Report.Problem, input.Report.IsFinal, now);
    }
}
