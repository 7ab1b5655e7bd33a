using Addresses;
using Node.Traversal.Core.Paths;
using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Peers;

/// <summary>Says which ways to a direct path were tried: those whose addresses were checked.</summary>
internal static class TriedMethods
{
    public static PathMethods Of(NodeContext context, PeerSession peer)
    {
        Dictionary<TransportAddress, CandidateKind> kinds = peer.Candidates.Usable.ToDictionary(candidate => candidate.Address, candidate => candidate.Kind);
        PathMethods tried = PunchingOf(peer.Punch.Outcome);
        foreach (CandidatePair pair in peer.Finder.Pairs.Where(pair => pair.LastCheck is not null))
        {
            TransportAddress remote = pair.Id.Remote;
            tried |= MethodOf(remote, kinds.GetValueOrDefault(remote, KindOf(pair.Origin)));
            tried |= remote.IsIpv6 ? PathMethods.Ipv6 : PathMethods.None;
        }

        bool isOpenHere = tried != PathMethods.None && context.Candidates.Any(candidate => candidate.Kind is CandidateKind.PortMapped or CandidateKind.Configured);
        return isOpenHere ? tried | PathMethods.OpenPort : tried;
    }

    private static PathMethods PunchingOf(PunchOutcome punch) => punch.Result is not (PunchResult.Running or PunchResult.Failed) ? PathMethods.None : punch.Method switch
    {
        PunchingMethod.FreshPorts => PathMethods.FreshPorts,
        PunchingMethod.Birthday => PathMethods.Birthday,
        PunchingMethod.Window or PunchingMethod.Sequence => PathMethods.Prediction,
        PunchingMethod.Blocks => PathMethods.SmallBlocks,
        _ => PathMethods.None,
    };

    private static PathMethods MethodOf(TransportAddress remote, CandidateKind kind) => kind switch
    {
        CandidateKind.PortMapped or CandidateKind.Configured => PathMethods.OpenPort,
        CandidateKind.LocalPort => PathMethods.LocalPort,
        CandidateKind.Host when AddressScopes.ScopeOf(remote) is AddressScope.Private or AddressScope.LinkLocal => PathMethods.Lan,
        _ => PathMethods.SimultaneousOpen,
    };

    private static CandidateKind KindOf(CandidateOrigin origin) => origin == CandidateOrigin.Configured ? CandidateKind.Configured : CandidateKind.Unknown;
}
