using Node.Traversal.Core.Punching;
using Relay.Protocol.Disco;
using Timing;

namespace Node.Traversal.Core.Peers;

/// <summary>Says why a pair is not direct: the first reason that would have to go before any other matters, and what would make it go.</summary>
internal static class Verdicts
{
    /// <summary>Greetings that stay unanswered, though a relay takes them, before the peer counts as silent.</summary>
    private const int SilentAfterHellos = 3;

    private static readonly TimeSpan SilentAfter = TimeSpan.FromSeconds(3);

    /// <summary>The verdict; null where the pair is direct.</summary>
    public static PathVerdict? Judge(NodeContext context, PeerSession peer, Instant now)
    {
        if (peer.Finder.Selected is not null) return null;
        PathVerdict verdict = JudgeMeeting(context, peer, now) ?? JudgeData(peer, now) ?? JudgeNetwork(context, peer);
        bool isCaptive = context.CaptivePortal == true && verdict.Remedy is VerdictRemedy.ReachRelay or VerdictRemedy.AllowUdpHere;
        if (isCaptive) verdict = verdict with { Remedy = VerdictRemedy.PassPortal };
        PunchProspect punch = verdict.Code is VerdictCode.HardBoth or VerdictCode.HardHere or VerdictCode.HardThere or VerdictCode.MappingUnknown or VerdictCode.ChecksUnanswered
            || verdict.Stage == VerdictStage.Punching ? PunchProspect.Of(context, peer) : default;
        return verdict with
        {
            RemedyText = Remedies.TextOf(verdict.Remedy, context, peer),
            Tried = TriedMethods.Of(context, peer),
            Here = context.Nat,
            There = peer.Nat,
            Probability = punch.Probability,
            NotAttempted = punch.WhyNot,
        };
    }

    /// <summary>Counts the peers that are not direct, by why they are not.</summary>
    public static Dictionary<VerdictCode, int> Count(NodeContext context, IEnumerable<PeerSession> peers, Instant now)
    {
        Dictionary<VerdictCode, int> counts = [];
        foreach (PeerSession peer in peers)
        {
            if (Judge(context, peer, now) is { } verdict) counts[verdict.Code] = counts.GetValueOrDefault(verdict.Code) + 1;
        }

        return counts;
    }

    /// <summary>Says why the two do not even know each other; null where they do.</summary>
    private static PathVerdict? JudgeMeeting(NodeContext context, PeerSession peer, Instant now)
    {
        if (peer.Route.Choose(now) == 0)
        {
            string text = context.HasAnyRelay ? "no relay where the peer could be is connected" : "no relay can be reached from here";
            return new PathVerdict(VerdictCode.RelayUnreachable, text) { Stage = VerdictStage.Relay, Remedy = VerdictRemedy.ReachRelay };
        }

        if (peer.Route.IsGoneEverywhere(now))
        {
            return new PathVerdict(VerdictCode.PeerOffline, "the peer is not connected to its relay") { Stage = VerdictStage.Relay, Remedy = VerdictRemedy.StartPeer };
        }

        if (peer.IsConfirmed) return null;
        bool isSilent = peer.Hellos.Attempts >= SilentAfterHellos && peer.Hellos.FirstAttempt is { } first && now - first >= SilentAfter;
        return isSilent
            ? new PathVerdict(VerdictCode.PeerSilent, "the peer is connected but does not answer") { Stage = VerdictStage.Greeting, Remedy = VerdictRemedy.AddKeyThere }
            : new PathVerdict(VerdictCode.Checking, "greeting the peer") { Stage = VerdictStage.Greeting };
    }

    /// <summary>Says that a path whose checks are answered has not carried data; null where none was put back for it of late.</summary>
    private static PathVerdict? JudgeData(PeerSession peer, Instant now) => peer.Finder.HasBarred(now)
        ? new PathVerdict(VerdictCode.DataNotPassing, "checks pass directly, but the data sent there does not arrive; something between the ends drops it") { Stage = VerdictStage.Checks, Remedy = VerdictRemedy.AllowData }
        : null;

    private static PathVerdict JudgeNetwork(NodeContext context, PeerSession peer)
    {
        NatProfile own = context.Nat, other = peer.Nat;
        if (own.Udp == UdpReach.Blocked) return new PathVerdict(VerdictCode.UdpBlockedHere, "UDP is blocked at this end") { Stage = VerdictStage.Udp, Remedy = VerdictRemedy.AllowUdpHere };
        if (other.Udp == UdpReach.Blocked) return new PathVerdict(VerdictCode.UdpBlockedThere, "UDP is blocked at the peer's end") { Stage = VerdictStage.Udp, Remedy = VerdictRemedy.AllowUdpThere };
        if (peer.Candidates.SharesNoFamily) return new PathVerdict(VerdictCode.NoCommonFamily, "one end has IPv4 only and the other IPv6 only") { Stage = VerdictStage.Udp, Remedy = VerdictRemedy.AddFamily };
        if (peer.Finder.IsSearching) return new PathVerdict(VerdictCode.Checking, "trying the peer's addresses") { Stage = VerdictStage.Checks };
        if (peer.Punch.IsBusy) return new PathVerdict(VerdictCode.Checking, "making a hole together with the peer") { Stage = VerdictStage.Punching };

        bool isMute = Remedies.ShareMuteNat(context, peer);
        VerdictRemedy open = isMute ? VerdictRemedy.GetPublicAddress : Remedies.OpeningOf(own, other);
        (VerdictCode code, string text, VerdictRemedy remedy) = (own, other) switch
        {
            ({ IsHard: true }, { IsHard: true }) => (VerdictCode.HardBoth, "the NATs at both ends give every destination another port", open),
            ({ Mapping: NatMapping.Unknown }, _) => (VerdictCode.MappingUnknown, "how the NAT here maps ports is not known", VerdictRemedy.AddStunHere),
            (_, { Mapping: NatMapping.Unknown }) => (VerdictCode.MappingUnknown, "how the NAT at the peer's end maps ports is not known", VerdictRemedy.AddStunThere),
            ({ IsHard: true }, _) => (VerdictCode.HardHere, "the NAT here gives every destination another port, and the peer's lets in only ports it knows", open),
            (_, { IsHard: true }) => (VerdictCode.HardThere, "the NAT at the peer's end gives every destination another port, and ours lets in only ports it knows", open),
            _ when isMute => (VerdictCode.ChecksUnanswered, "both ends are behind one NAT, which turns no packet back to its own side (no hairpinning)", open),
            _ => (VerdictCode.ChecksUnanswered, "no check is answered on any address; something between the ends drops UDP", open),
        };
        VerdictStage stage = peer.Punch.Outcome.Result == PunchResult.Failed ? VerdictStage.Punching
            : code == VerdictCode.ChecksUnanswered ? VerdictStage.Checks
            : VerdictStage.Nat;
        return new PathVerdict(code, text) { Stage = stage, Remedy = remedy };
    }
}
