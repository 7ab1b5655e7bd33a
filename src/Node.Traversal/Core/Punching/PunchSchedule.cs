namespace Node.Traversal.Core.Punching;

/// <summary>When the lines of one end's round are opened, and when packets go on them.</summary>
/// <param name="Stages">How many lines are open in each stage; a stage lasts as long as its new lines take at the pace of packets.</param>
internal sealed record PunchSchedule(IReadOnlyList<int> Stages)
{
    /// <summary>By how much the two ends' starts may differ, and an opener's way to its NAT.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMilliseconds(100);

    /// <summary>What an end that opens grants the other beyond its packets: timers that come late put these off.</summary>
    private static readonly TimeSpan PeerLateness = TimeSpan.FromSeconds(2);

    /// <summary>When packets begin to go, after the start.</summary>
    public TimeSpan PacketsFrom { get; private init; } = PunchTiming.OpenerLead;

    /// <summary>Packets in all: line after line, and again from the first.</summary>
    public int Packets { get; private init; }

    /// <summary>How long it lasts at least, whatever there is to send.</summary>
    public TimeSpan Lasts { get; private init; }

    /// <summary>Lines in all.</summary>
    public int Total => Stages[^1];

    /// <summary>
    /// The end that tries ports: packets on each line in order, a moment after its opener; and once more on those that went before the peer had
    /// opened its last socket, for they have missed some. That makes no mapping anew.
    /// </summary>
    /// <param name="stages">Ports tried, stage by stage.</param>
    /// <param name="opened">The peer's sockets, stage by stage.</param>
    public static PunchSchedule Trying(IReadOnlyList<int> stages, IReadOnlyList<int> opened)
    {
        int before = opened.Count > 1 ? opened[^2] : 0;
        TimeSpan allOpen = StartOf(opened, opened.Count - 1) + TimeToOpen(opened[^1] - before) + Skew;
        int early = (int)((allOpen - PunchTiming.OpenerLead) / PunchTiming.PacketInterval);
        return new PunchSchedule(stages) { Packets = stages[^1] + Math.Clamp(early, 0, stages[^1]) };
    }

    /// <summary>
    /// The end that opens sockets sends no packet beyond its openers: the peer's router may be one that remembers each packet, as it remembers each port
    /// tried, and would have to bear both.
    /// </summary>
    /// <param name="stages">Sockets, stage by stage.</param>
    /// <param name="tried">The ports that the peer tries, stage by stage.</param>
    public static PunchSchedule Opening(IReadOnlyList<int> stages, IReadOnlyList<int> tried)
    {
        PunchSchedule peer = Trying(tried, stages);
        return new PunchSchedule(stages) { Lasts = peer.PacketsFrom + PunchTiming.PacketInterval * peer.Packets + PeerLateness };
    }

    /// <summary>Few lines, all at once, and packets again and again.</summary>
    public static PunchSchedule Few(int lines, int passes) => new([lines]) { Packets = lines * passes };

    /// <summary>Many lines with one stage: packets go once all are open.</summary>
    public static PunchSchedule Many(int lines) => new([lines]) { PacketsFrom = PunchTiming.OpenerLead + TimeToOpen(lines), Packets = lines };

    /// <summary>When a stage begins, after the start.</summary>
    public static TimeSpan StartOf(IReadOnlyList<int> stages, int stage) => stage == 0 ? TimeSpan.Zero : PunchTiming.PacketInterval * stages[stage - 1];

    /// <summary>The stage at that time after the start, from 0.</summary>
    public int StageAt(TimeSpan elapsed)
    {
        int stage = Stages.Count - 1;
        while (stage > 0 && elapsed < StartOf(Stages, stage)) stage--;
        return stage;
    }

    private static TimeSpan TimeToOpen(int lines) => PunchTiming.PacketInterval * (lines / PunchTiming.OpenersAtOnce);
}
