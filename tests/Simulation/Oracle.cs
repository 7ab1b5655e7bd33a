using Node.Traversal;

namespace Simulation;

/// <summary>
/// Says from how two sites are built, and from nothing a node believes, whether a direct path can exist without luck, and which verdicts
/// are right where it cannot.
/// </summary>
public static class Oracle
{
    /// <summary>Says whether two nodes can reach each other directly, given that both try.</summary>
    public static bool CanBeDirect(SimSite left, SimSite right)
    {
        if (left == right) return true; // One LAN.
        NatKind? a = left.Nat?.Kind;
        NatKind? b = right.Nat?.Kind;
        if (a is { BlocksUdp: true } || b is { BlocksUdp: true }) return false;
        if (IsOpen(a) || IsOpen(b)) return true; // The other one starts, and is answered where it is seen.
        if (!a!.IsHard && !b!.IsHard) return true; // Each sends to where the other comes from.
        return CanBeMetBy(a, b!) || CanBeMetBy(b!, a);
    }

    /// <summary>The verdicts that are right for <paramref name="here"/> where it cannot.</summary>
    public static IReadOnlyList<VerdictCode> RightVerdicts(SimSite here, SimSite there)
    {
        NatKind? a = here.Nat?.Kind;
        NatKind? b = there.Nat?.Kind;
        if (a is { BlocksUdp: true }) return [VerdictCode.UdpBlockedHere];
        if (b is { BlocksUdp: true }) return [VerdictCode.UdpBlockedThere];
        if (a is { IsHard: true } && b is { IsHard: true }) return [VerdictCode.HardBoth];
        return a is { IsHard: true } ? [VerdictCode.HardHere] : [VerdictCode.HardThere];
    }

    /// <summary>Says whether anybody's packets get in at an address that is known.</summary>
    private static bool IsOpen(NatKind? kind) => kind is null || kind.Filtering == Filtering.EndpointIndependent;

    /// <summary>Says whether a hard NAT's packets, from a port that nobody knows beforehand, get in at an easy one.</summary>
    private static bool CanBeMetBy(NatKind easy, NatKind hard) => !easy.IsHard && hard.IsHard && easy.Filtering == Filtering.AddressDependent;
}
