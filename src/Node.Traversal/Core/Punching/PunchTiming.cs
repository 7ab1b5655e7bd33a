namespace Node.Traversal.Core.Punching;

/// <summary>The times and limits of punching that more than one part goes by.</summary>
internal static class PunchTiming
{
    /// <summary>From an opener to the first packet: by then the peer's opener is through its NAT too, however the starts were skewed.</summary>
    public static readonly TimeSpan OpenerLead = TimeSpan.FromMilliseconds(100);

    /// <summary>A peer whose start was agreed on but never came is checked all the same after this.</summary>
    public static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(1);

    /// <summary>From an offer to the answer: the peer samples a port first (1.5 s at most), and words go by relay.</summary>
    public static readonly TimeSpan AnswerPatience = TimeSpan.FromSeconds(3);

    /// <summary>From an answer to the start: the proposer may have a window to sample yet, and a start that is half a round trip away.</summary>
    public static readonly TimeSpan GoPatience = TimeSpan.FromSeconds(5);

    /// <summary>From packet to packet of one end: a hundred a second. Openers, which go no further than the own NAT, are not counted.</summary>
    public static readonly TimeSpan PacketInterval = TimeSpan.FromMilliseconds(10);

    /// <summary>Openers sent at once; the rest wait for the next interval, so that no router sees hundreds of new flows in one instant.</summary>
    public const int OpenersAtOnce = 8;
}
