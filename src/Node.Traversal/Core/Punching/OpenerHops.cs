using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>
/// How many hops openers go: beyond every NAT of their own side, and not to the peer's, where a packet that comes too early may take the very
/// port that is to be opened there. Neither distance is known, so what has failed is tried again with others.
/// </summary>
internal static class OpenerHops
{
    /// <summary>Beyond a home router behind a carrier's NAT, which takes two or three, and short of nearly every peer's router.</summary>
    public const byte Usual = 4;

    /// <summary>The most that is done at a peer's word: a router further away than that is never the own side's.</summary>
    public const byte Most = 8;

    /// <summary>Where the peer's router may stand three or four hops away: beyond one router of ours, and beyond two.</summary>
    private static readonly byte[] ByTurns = [Usual, 2, 3];

    /// <summary>The same where two NATs stand at one of the ends, and two hops would open but the inner one.</summary>
    private static readonly byte[] ByTurnsBeyondTwo = [Usual, 3];

    /// <summary>
    /// Where openers are all that one end sends: a carrier's NAT may stand further away than four hops, and then the deep ones open it. Few
    /// peers' routers are so near, and fewer remember what they let in to nobody.
    /// </summary>
    private static readonly byte[] ByTurnsAlone = [Usual, Most, 3, 2];

    /// <summary>The same where two NATs stand at one of the ends.</summary>
    private static readonly byte[] ByTurnsAloneBeyondTwo = [Usual, Most, 3];

    /// <summary>Attempts with each where an attempt costs routers many mappings, and may have failed by chance.</summary>
    private const int HardPunches = 2;

    /// <summary>The hops of a strategy's openers after so many failures.</summary>
    public static byte After(int failures, PunchStrategy strategy, NatProfile own, NatProfile peer)
    {
        bool areTwo = own.IsNested || peer.IsNested;
        if (strategy.Method == PunchingMethod.Birthday) return Turn(areTwo ? ByTurnsAloneBeyondTwo : ByTurnsAlone, failures);
        return Turn(areTwo ? ByTurnsBeyondTwo : ByTurns, strategy.IsHardPunch ? failures / HardPunches : failures);
    }

    private static byte Turn(byte[] turns, int number) => turns[number % turns.Length];

    /// <summary>The hops that a plan asks for; the usual where it says none, or more than are ever right.</summary>
    public static byte Of(PunchingPlan plan) => plan.OpenerHops is > 0 and <= Most ? (byte)plan.OpenerHops : Usual;
}
