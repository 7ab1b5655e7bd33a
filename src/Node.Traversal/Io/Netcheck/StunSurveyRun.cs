using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;
using Node.Traversal.Io.Stun;
using Timing;

namespace Node.Traversal.Io.Netcheck;

/// <summary>Carries out a <see cref="StunSurvey"/> from one socket, so that the answers can be compared.</summary>
internal static class StunSurveyRun
{
    /// <summary>Asks every region of the map in one family: those of a large map in several rounds, each of which takes up to a second and a half.</summary>
    /// <exception cref="SocketException">The system gives no more sockets.</exception>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task<StunSurveyResult> RunAsync(RelayMap map, IReadOnlyList<StunServerAddress> servers, AddressFamily family, MonotonicClock clock, CancellationToken cancellation)
    {
        if (servers.Count == 0) return new StunSurveyResult(UdpState.NotAsked, []);
        bool isIpv4 = family == AddressFamily.InterNetwork;
        if (!isIpv4 && !Socket.OSSupportsIPv6) return new StunSurveyResult(UdpState.NoWay, []);

        ProbeKnowledge known = new(servers) { MayBeHome = region => map.Find(region)?.MayBeHome ?? true };
        await using DiscoverySockets sockets = new(isIpv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
        sockets.Open(isIpv4 ? SocketId.Ipv4 : SocketId.Ipv6);
        bool hasSent = false;
        List<StunSurveyAnswer> answers = [];
        for (int turn = 0; turn < ProbePlan.FullCyclesFor(known); turn++)
        {
            StunSurvey survey = new(ProbePlan.Full(known with { FullTurn = turn }), RandomNumberGenerator.Fill, clock.Now);
            hasSent |= await AskAsync(survey, sockets, clock, cancellation);
            answers.AddRange(survey.Answers.Where(answer => !answers.Exists(earlier => earlier.Server == answer.Server)));
            if (answers.Count == 0) break; // Silence of so many is the network's.
        }

        UdpState udp = answers.Count > 0 ? UdpState.Works : hasSent ? UdpState.Silent : UdpState.NoWay;
        return new StunSurveyResult(udp, answers);
    }

    /// <summary>Carries out one survey.</summary>
    /// <returns>Whether anything could be sent.</returns>
    private static async Task<bool> AskAsync(StunSurvey survey, DiscoverySockets sockets, MonotonicClock clock, CancellationToken cancellation)
    {
        bool hasSent = false;
        while (!survey.IsOver(clock.Now))
        {
            survey.HandleTimeout(clock.Now);
            while (survey.TryDequeueTransmit(out Transmit transmit)) hasSent |= sockets.Send(transmit) == SocketError.Success;
            await sockets.WaitAsync(survey.NextTimeout - clock.Now, cancellation);
            while (sockets.Arrived.TryRead(out DiscoveryInput input))
            {
                if (input.Datagram is { } datagram) survey.HandleDatagram(input.Source, datagram, clock.Now); // A report is silence to us: the plan goes on.
            }
        }

        return hasSent;
    }
}
