using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>Says why a pair is not direct: the first reason that would have to go before any other matters.</summary>
internal static class Verdicts
{
    /// <summary>Greetings that stay unanswered, though a relay takes them, before the peer counts as silent.</summary>
    private const int SilentAfterHellos = 3;

    private static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(3);

    /// <summary>The verdict; null where the pair is direct.</summary>
    public static PathVerdict? Judge(NodeContext context, PeerSession peer, Instant now)
    {
        if (peer.Finder.Selected is not null) return null;
        if (peer.Route.Choose(now) == 0)
        {
            return context.HasAnyRelay
                ? Verdict(VerdictCode.RelayUnreachable, "no relay where the peer could be is connected")
                : Verdict(VerdictCode.RelayUnreachable, "no relay can be reached from here");
        }

        if (peer.Route.IsGoneEverywhere(now)) return Verdict(VerdictCode.PeerOffline, "the peer is not connected to its relay");
        if (!peer.IsConfirmed) return JudgeSilence(peer, now);
        return JudgeNetwork(context.Nat, peer);
    }

    private static PathVerdict JudgeSilence(PeerSession peer, Instant now)
    {
        bool isSilent = peer.Hellos.Attempts >= SilentAfterHellos && peer.Hellos.FirstAttempt is { } first && now - first >= SilentAfter;
        return isSilent
            ? Verdict(VerdictCode.PeerSilent, "the peer is connected but does not answer; is our key in its configuration?")
            : Verdict(VerdictCode.Checking, "greeting the peer");
    }

    private static PathVerdict JudgeNetwork(NatProfile own, PeerSession peer)
    {
        NatProfile other = peer.Nat;
        if (own.Udp == UdpReach.Blocked) return Verdict(VerdictCode.UdpBlockedHere, "UDP is blocked at this end; open it outbound");
        if (other.Udp == UdpReach.Blocked) return Verdict(VerdictCode.UdpBlockedThere, "UDP is blocked at the peer's end; open it outbound there");
        if (peer.Finder.IsSearching) return Verdict(VerdictCode.Checking, "trying the peer's addresses");

        bool isHardHere = own.IsHard;
        bool isHardThere = other.IsHard;
        if (isHardHere && isHardThere) return Verdict(VerdictCode.HardBoth, "the NATs at both ends give every destination another port; forward a UDP port at either end");
        if (own.Mapping == NatMapping.Unknown) return Verdict(VerdictCode.MappingUnknown, "how the NAT here maps ports is not known; the relay map needs STUN on two addresses");
        if (other.Mapping == NatMapping.Unknown) return Verdict(VerdictCode.MappingUnknown, "how the NAT at the peer's end maps ports is not known; its relay map needs STUN on two addresses");
        if (isHardHere) return Verdict(VerdictCode.HardHere, "the NAT here gives every destination another port, and the peer's lets in only ports it knows; forward a UDP port at either end");
        if (isHardThere) return Verdict(VerdictCode.HardThere, "the NAT at the peer's end gives every destination another port, and ours lets in only ports it knows; forward a UDP port at either end");
        return Verdict(VerdictCode.ChecksUnanswered, "no check is answered on any address; something between the ends drops UDP");
    }

    private static PathVerdict Verdict(VerdictCode code, string text) => new(code, text);
}
