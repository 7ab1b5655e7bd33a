namespace Node.Traversal.Core.Stun;

/// <summary>When a request over UDP is sent again, and when it is given up (RFC 8489 §6.2.1). The names are the RFC's.</summary>
internal sealed record StunRetransmission
{
    /// <summary>The RFC's defaults: sent at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s, given up after 39.5 s.</summary>
    public static StunRetransmission Standard { get; } = new();

    /// <summary>The retransmission time-out: from the first request to the second. Each further pause is twice the one before.</summary>
    public TimeSpan Rto { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How often the request is sent at most; at least 1.</summary>
    public int Rc { get; init; } = 7;

    /// <summary>How many <see cref="Rto"/> an answer to the last request may take.</summary>
    public int Rm { get; init; } = 16;

    /// <summary>From the first request to the one that gives up waiting.</summary>
    public TimeSpan GiveUpAfter => OffsetOf(Rc - 1) + (Rto * Rm);

    /// <summary>From the first request to the one numbered <paramref name="transmission"/>, counted from 0.</summary>
    public TimeSpan OffsetOf(int transmission) => Rto * ((1L << transmission) - 1);

    /// <summary>What happens next to a request that was sent <paramref name="transmissions"/> times: it is sent again, or given up.</summary>
    public TimeSpan NextAfter(int transmissions) => transmissions < Rc ? OffsetOf(transmissions) : GiveUpAfter;
}
