using System.Globalization;
using Node.Traversal.Core.Peers;
using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// What is to be said of making a hole to a peer: the chance it has or had, and why it is not attempted where it is not. Only one of two ends
/// decides on an attempt, and both must be able to say this.
/// </summary>
/// <param name="Probability">How likely the attempt is, was or would be to succeed, 0 to 1; null where that cannot be said.</param>
/// <param name="WhyNot">Why there is none, in a phrase; null where one was made, is under way, or may yet be.</param>
internal readonly record struct PunchProspect(double? Probability, string? WhyNot)
{
    private const string OneMuteNat = "both ends are behind one NAT, which turns no packet back to its own side";

    private static readonly string NotWorthIt = string.Create(
        CultureInfo.InvariantCulture, $"guessed ports would hardly meet, and less than {PunchPlanner.LeastOdds:0%} is not worth the load on the routers");

    /// <summary>The prospect as the NATs are now.</summary>
    public static PunchProspect Of(NodeContext context, PeerSession peer)
    {
        if (Remedies.ShareMuteNat(context, peer)) return new PunchProspect(0, peer.Punch.Outcome.Result is PunchResult.Running or PunchResult.Failed ? null : OneMuteNat);
        if (peer.Punch.Outcome is { Result: PunchResult.Running or PunchResult.Failed } outcome) return new PunchProspect(outcome.Probability, null);
        if (!peer.TakesPlans) return new PunchProspect(null, "the peer's program knows nothing but mutual checks");

        PunchStrategy strategy = PunchPlanner.Choose(context.Nat, peer.Nat);
        PunchTarget target = new(context, peer);
        target.HandleCandidates([.. peer.Candidates.Usable.Select(candidate => candidate.Address)]);
        string? whyNot =
            strategy.Method == PunchingMethod.None ? NotWorthIt
            : !target.Own.IsValid ? "no STUN server shows this end's public IPv4 address"
            : target.Router == 0 ? "the peer tells no public IPv4 address"
            : !target.Allows(strategy) ? "both ends are behind one router, which would have to bear the mappings of both"
            : peer.Punch.Outcome.Result == PunchResult.Waiting ? "not yet: another attempt is going on at either end, its mappings are still alive at a router, or the peer has not answered"
            : null;
        return new PunchProspect(strategy.Probability, whyNot);
    }
}
