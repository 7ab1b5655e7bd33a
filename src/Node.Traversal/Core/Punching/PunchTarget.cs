using Addresses;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>The two routers between which a hole is to be made, and where at the peer's to knock.</summary>
internal sealed class PunchTarget(NodeContext context, PeerSession peer)
{
    /// <summary>The public address of the peer's router; 0 = unknown.</summary>
    public UInt128 Router { get; private set; }

    /// <summary>How STUN sees the node's own port; not valid where it does not.</summary>
    public TransportAddress Own => Likeliest(context.Mapped);

    /// <summary>
    /// Says whether a strategy can be tried: both routers must be known, and two different ones where it takes many ports, for one would have to
    /// bear the mappings of both. A few fresh ones it can, which is what two customers of one carrier need whose old ports are spoilt.
    /// </summary>
    public bool Allows(PunchStrategy strategy) => Router != 0 && Own is { IsValid: true } own && (own.Bits != Router || !strategy.IsHardPunch);

    /// <summary>Says that the peer is seen at our own public address.</summary>
    public bool IsBehindOurRouter => Router != 0 && Own is { IsValid: true } own && own.Bits == Router;

    /// <summary>Takes the peer's candidates.</summary>
    /// <returns>True where they tell that the peer is behind another router than before.</returns>
    public bool HandleCandidates(ReadOnlySpan<TransportAddress> candidates)
    {
        UInt128 router = Likeliest(candidates.ToArray()).Bits;
        if (router == 0 || router == Router) return false;
        bool isMove = Router != 0;
        Router = router;
        return isMove;
    }

    /// <summary>Where the other end's packets come from, as its plan says: at an address that is among its candidates, or it could have us knock anywhere.</summary>
    public TransportAddress Of(PunchingPlan? plan) =>
        plan?.Addresses.FirstOrDefault(address => IsPublic(address) && address.Port >= NatProfile.LowestUsablePort && IsAnnounced(address)) ?? default;

    /// <summary>The first with the public address that most have: behind a hard NAT every port is one server's word, and so is a lie.</summary>
    private TransportAddress Likeliest(IReadOnlyList<TransportAddress> addresses) =>
        addresses.Where(IsPublic).GroupBy(address => address.Bits).MaxBy(ports => ports.Count())?.First() ?? default;

    private bool IsAnnounced(TransportAddress address) => peer.Candidates.Usable.Any(candidate => candidate.Address.Bits == address.Bits);

    private bool IsPublic(TransportAddress address) =>
        address.IsIpv4 && peer.IsUsable(address) && AddressScopes.ScopeOf(address) is AddressScope.Global or AddressScope.Loopback;
}
