using Relay.Protocol.Disco;

namespace Node.Traversal.Core.Punching;

/// <summary>When the lines of one end's round are opened, and when packets go on them.</summary>
/// <param name="Stages">How many lines are open in each stage; a stage lasts as long as its new lines take at the pace of packets.</param>
internal sealed record PunchSchedule(IReadOnlyList<int> Stages)
{
    /// <summary>A peer's openers of a stage are out by then, if the two ends have started at the same moment.</summary>
    private static readonly TimeSpan PeerOpens = TimeSpan.FromMilliseconds(700);

    /// <summary>When packets begin to go, after the start.</summary>
    public TimeSpan PacketsFrom { get; init; }

    /// <summary>How many packets go on each line.</summary>
    public int Passes { get; init; } = 1;

    /// <summary>Says that the lines opened last get their packets first.</summary>
    public bool IsNewestFirst { get; init; }

    /// <summary>Lines in all.</summary>
    public int Total => Stages[^1];

    /// <summary>
    /// The end that tries ports: packets on each line in order, a moment after its opener. Whatever sockets the peer has open by then, it meets.
    /// </summary>
    public static PunchSchedule Trying(IReadOnlyList<int> stages) => new(stages) { PacketsFrom = PunchTiming.OpenerLead };

    /// <summary>
    /// The end that opens sockets. What the peer's packets have missed, its earlier ports with our later sockets, ours make up for; but only in
    /// the last stage: one that comes before the peer has opened that port can take it away there, for good.
    /// </summary>
    public static PunchSchedule Opening(IReadOnlyList<int> stages) => new(stages)
    {
        PacketsFrom = StartOf(stages, stages.Count - 1) + PeerOpens,
        IsNewestFirst = true,
    };

    /// <summary>Few lines, all at once, and packets again and again.</summary>
    public static PunchSchedule Few(int lines, int passes) => new([lines]) { PacketsFrom = PunchTiming.OpenerLead, Passes = passes };

    /// <summary>Many lines with one stage: packets go once all are open.</summary>
    public static PunchSchedule Many(int lines) => new([lines])
    {
        PacketsFrom = PunchTiming.OpenerLead + PunchTiming.PacketInterval * (lines / PunchTiming.OpenersAtOnce),
    };

    /// <summary>When a stage begins, after the start.</summary>
    public static TimeSpan StartOf(IReadOnlyList<int> stages, int stage) => stage == 0 ? TimeSpan.Zero : PunchTiming.PacketInterval * stages[stage - 1];

    /// <summary>The stage at that time after the start, from 0.</summary>
    public int StageAt(TimeSpan elapsed)
    {
        int stage = Stages.Count - 1;
        while (stage > 0 && elapsed < StartOf(Stages, stage)) stage--;
        return stage;
    }
}
