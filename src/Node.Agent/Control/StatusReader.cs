using System.Text.Json;
using Addresses;
using Node.Traversal;
using Relay.Protocol;

namespace Node.Agent.Control;

/// <summary>Puts together what the node and the kernel know.</summary>
internal static class StatusReader
{
    /// <summary>The status while there is a node.</summary>
    /// <param name="interfaceName">WireGuard's interface.</param>
    /// <param name="node">The node.</param>
    /// <param name="mark">WireGuard's mark.</param>
    public static AgentStatus Read(string interfaceName, TraversalNode node, uint mark)
    {
        NodeStatus status = node.GetStatus();
        RelayRegionStatus? home = status.Self.HomeRelay is { } relay ? new RelayRegionStatus(relay.RegionId, relay.RegionCode) : null;
        return new AgentStatus(interfaceName, status.Self.PublicKey.ToBase64(), home, status.Self.UdpPort, [.. status.Peers.Select(ReadPeer)])
        {
            PortMapping = status.Self.PortMapping,
            RelayProblem = status.Self.RelayProblem,
            Nat = status.Self.Nat,
            NatIpv6 = status.Self.NatIpv6,
            CaptivePortal = status.Self.CaptivePortal,
            Candidates = [.. status.Self.Candidates.Select(candidate => new CandidateLine(candidate.Address.ToString(), Spell(candidate.Kind), candidate.IsUnconfirmed))],
            MtuAdvice = PathMtuWarnings.MtuOf(interfaceName) is { } mtu ? PathMtu.Advise(interfaceName, mtu, DirectPaths(status, mark)) : null,
        };
    }

    /// <summary>The status while a node is on its way: the same peers, none of them reached.</summary>
    public static AgentStatus WithoutNode(string interfaceName, NodeKey self, IEnumerable<NodeKey> peers, DateTimeOffset now)
    {
        VerdictStatus verdict = new(Spell(VerdictCode.Checking), "the node is being started");
        return new AgentStatus(interfaceName, self.ToBase64(), null, 0, [.. peers.Select(peer => new PeerStatusLine(peer.ToBase64(), Spell(PathKind.None), null, null, now, 0, 0, verdict))]);
    }

    private static PeerStatusLine ReadPeer(PeerStatus peer) => new(
        peer.PublicKey.ToBase64(),
        Spell(peer.Path),
        peer.Endpoint?.ToString(),
        peer.Rtt,
        peer.Since,
        peer.RxBytes,
        peer.TxBytes,
        peer.Verdict is { } verdict ? ReadVerdict(verdict) : null)
    {
        EndpointKind = peer.Endpoint is null ? null : peer.EndpointKind is { } kind ? Spell(kind) : "peer_reflexive",
        Relay = peer.Relay is { } relay ? new RelayRegionStatus(relay.RegionId, relay.RegionCode) : null,
        PathMtu = peer.PathMtu,
        PutBacks = peer.PutBacks,
        PutBackEndpoints = [.. peer.PutBackEndpoints.Select(endpoint => endpoint.ToString())],
    };

    private static VerdictStatus ReadVerdict(PathVerdict verdict) => new(Spell(verdict.Code), verdict.Text)
    {
        Stage = Spell(verdict.Stage),
        Remedy = Spell(verdict.Remedy),
        RemedyText = verdict.RemedyText,
        Tried = [.. Enum.GetValues<PathMethods>().Where(method => method != PathMethods.None && verdict.Tried.HasFlag(method)).Select(Spell)],
        Probability = verdict.Probability,
        NotAttempted = verdict.NotAttempted,
        Here = verdict.Here,
        There = verdict.There,
    };

    private static string Spell(PathKind path) => path switch
    {
        PathKind.Direct => "direct",
        PathKind.Relay => "relay",
        _ => "none",
    };

    private static string Spell<T>(T word)
        where T : struct, Enum =>
        JsonNamingPolicy.SnakeCaseLower.ConvertName(word.ToString());

    private static IEnumerable<(TransportAddress Remote, int Mtu)> DirectPaths(NodeStatus status, uint mark)
    {
        foreach (PeerStatus peer in status.Peers)
        {
            if (peer.Path != PathKind.Direct || peer.Endpoint is not { } remote) continue;
            if (PathMtu.Narrower(PathMtu.To(remote, mark), peer.PathMtu) is { } mtu) yield return (remote, mtu);
        }
    }
}
