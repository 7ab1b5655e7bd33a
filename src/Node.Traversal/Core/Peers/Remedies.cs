using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Peers;

/// <summary>Says what would make a pair direct.</summary>
internal static class Remedies
{
    /// <summary>Where a port could be opened: behind a provider's NAT, a router of one's own cannot.</summary>
    public static VerdictRemedy OpeningOf(NatProfile here, NatProfile there) => (CanOpen(here), CanOpen(there)) switch
    {
        (true, true) => VerdictRemedy.OpenPortEither,
        (true, false) => VerdictRemedy.OpenPortHere,
        (false, true) => VerdictRemedy.OpenPortThere,
        _ => VerdictRemedy.GetPublicAddress,
    };

    /// <summary>
    /// Says that both ends are behind one NAT that turns no packet back: neither can reach a port of the other's there, opened by hand or not. One
    /// end may have found it out before the other.
    /// </summary>
    public static bool ShareMuteNat(NodeContext context, PeerSession peer) => peer.Punch.IsBehindOurRouter && context.Nat.Hairpins == false && peer.Nat.Hairpins != true;

    /// <summary>The remedy in words, with the ports that it takes; null where there is nothing to do.</summary>
    public static string? TextOf(VerdictRemedy remedy, NodeContext context, PeerSession peer)
    {
        string here = OpenPort(context.Options.UdpPort, context.Nat, "here");
        string there = OpenPort(PortOf(peer), peer.Nat, "at the peer's end");
        return remedy switch
        {
            VerdictRemedy.ReachRelay => "let TCP 443 out to a relay of the map",
            VerdictRemedy.StartPeer => "start the peer, with a relay map that has a region in common",
            VerdictRemedy.AddKeyThere => "see that this node's public key is in its configuration",
            VerdictRemedy.AllowUdpHere => $"let UDP out at this end, from port {context.Options.UdpPort}",
            VerdictRemedy.AllowUdpThere => $"let UDP out at the peer's end{(PortOf(peer) is > 0 and ushort port ? $", from port {port}" : "")}",
            VerdictRemedy.AddStunHere => "the relay map needs STUN on two addresses",
            VerdictRemedy.AddStunThere => "the peer's relay map needs STUN on two addresses",
            VerdictRemedy.OpenPortHere => here,
            VerdictRemedy.OpenPortThere => there,
            VerdictRemedy.OpenPortEither => $"{here}, or {there}",
            VerdictRemedy.AddFamily => "give either of them an address of the other family",
            VerdictRemedy.AllowData => "let WireGuard's packets through the firewalls and routers between, as the checks are",
            VerdictRemedy.PassPortal => "a captive portal stands before the network here: open a web page to get past it",
            VerdictRemedy.GetPublicAddress when ShareMuteNat(context, peer) =>
                "both stand behind one NAT: use IPv6, let their networks reach each other, have it turn packets back (hairpinning), or ask for a public address at either end",
            VerdictRemedy.GetPublicAddress => "both stand behind a provider's NAT: use IPv6, or ask for a public address at either end",
            _ => null,
        };
    }

    private static bool CanOpen(NatProfile profile) => profile is { IsCarrierGrade: false, IsNested: false };

    private static string OpenPort(ushort port, NatProfile profile, string where)
    {
        string opening = port == 0 ? $"open its UDP port {where}" : $"open UDP {port} {where}";
        return profile.OffersPortMapping ? opening : $"{opening} (or enable PCP, NAT-PMP or UPnP on the router)";
    }

    /// <summary>The peer's UDP port, as its interfaces have it; 0 = it has told none.</summary>
    private static ushort PortOf(PeerSession peer) => peer.Candidates.Usable.FirstOrDefault(candidate => candidate.Kind == CandidateKind.Host).Address.Port;
}
