namespace Node.Traversal.Core.Stun;

/// <summary>
/// How patient a discovery is. Servers limit what they answer, CHANGE-REQUEST most of all, and a request that is dropped looks like one that
/// is filtered: so requests come one after the other, and again after calm pauses.
/// </summary>
internal static class DiscoverySchedules
{
    /// <summary>A discovery ends after this long, whatever is still open.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(9.5);

    /// <summary>The first request to a server: sent at 0, 0.5, 1.5 and 3.5 s, given up after 5.5 s.</summary>
    public static readonly StunRetransmission Contact = new() { Rc = 4, Rm = 4 };

    /// <summary>
    /// Further requests to a server that has answered before, when a shorter time-out is known to be enough: sent at 0, 0.4, 1.2 and 2.8 s, given
    /// up after 3.6 s.
    /// </summary>
    public static readonly StunRetransmission Further = new() { Rto = TimeSpan.FromMilliseconds(400), Rc = 4, Rm = 2 };

    /// <summary>
    /// Requests whose silence means something: sent at 0, 0.5, 1.5 and 3.5 s, given up after 4.5 s. Where a fifth of all packets is lost, one of
    /// sixty is silent by chance.
    /// </summary>
    public static readonly StunRetransmission Filtered = new() { Rc = 4, Rm = 2 };

    /// <summary>From the request to one server to that to the next, while none has answered.</summary>
    public static readonly TimeSpan BetweenServers = TimeSpan.FromMilliseconds(400);

    /// <summary>From one CHANGE-REQUEST to the other.</summary>
    public static readonly TimeSpan BetweenChanges = TimeSpan.FromMilliseconds(250);

    /// <summary>From the CHANGE-REQUESTs to the control, where they are not answered by then.</summary>
    public static readonly TimeSpan BeforeControl = TimeSpan.FromSeconds(1);

    /// <summary>From one mapping to the next; longer after each loss, up to <see cref="LongestPause"/>.</summary>
    public static readonly TimeSpan BetweenMappings = TimeSpan.FromMilliseconds(25);

    /// <summary>The longest pause between two mappings.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(400);

    /// <summary>From one attempt at a hairpin to the next, and from the last to giving up.</summary>
    public static readonly TimeSpan BetweenKnocks = TimeSpan.FromMilliseconds(300);
}
