using Simulation;

namespace Demo;

/// <summary>The same story without root: the decisions of real nodes, in a simulated network and virtual time.</summary>
internal static class SimulatedStory
{
    private const int Seed = 1;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(10);

    /// <param name="timeline">Where it is told.</param>
    /// <param name="reason">Why it is not told on the real kernel; null if it was asked for.</param>
    public static int Tell(Timeline timeline, string? reason)
    {
        if (reason is not null) timeline.Say($"Not in network namespaces: {reason}.", Tone.Relayed);
        timeline.Headline("Two machines behind NATs, in a simulated network. Times are virtual, and the same in every run.");
        timeline.Say("The decisions are those of real nodes: the simulation drives the very same core. There are no sockets, no WireGuard and no kernel;", Tone.Quiet);
        timeline.Say("for those, run this on Linux as root. 10 ms between the sites, 10 ms and 25 ms to the relays.", Tone.Quiet);

        FirstPacket(new Chapter(timeline, 1, "first packet", "The first packet goes at once, by relay; a moment later the path is direct"));
        CutAndHeal(new Chapter(timeline, 2, "cut and healed", "Someone cuts UDP between the sites, and heals it"));
        Stay(new Chapter(timeline, 3, "no UDP at all", "A network that lets no UDP out at all"), NatKind.Blocked, NatKind.Easy);
        Stay(new Chapter(timeline, 4, "hard NATs", "Hard NATs at both ends"), NatKind.Hard, NatKind.Hard);
        RelayRestart(new Chapter(timeline, 5, "relay restarted", "The relays are killed, and started again"));
        timeline.Title(6, "Everything through the tunnel");
        timeline.Say("Routing tables and marks belong to a kernel: this one is told as root only.", Tone.Quiet);
        return timeline.IsGood ? 0 : 1;
    }

    private static void FirstPacket(Chapter chapter)
    {
        SimLab lab = new SimLab(Seed, NatKind.Easy, NatKind.Easy).Start();
        chapter.Begin(lab);
        chapter.Tell("both nodes start; a pings b every 10 ms");
        chapter.PingUntil(() => lab.Pings.Answered > 0, Patience);
        chapter.Tell($"answered, {PathOf(lab)}", Tone.Relayed);
        chapter.PingUntil(() => lab.IsDirect, Patience);
        TimeSpan direct = chapter.Now;
        chapter.Tell("direct at both ends", Tone.Direct);
        PingOn(lab, TimeSpan.FromSeconds(1));
        chapter.Conclude(lab.IsDirect && lab.Lost == 0, $"direct after {direct.TotalMilliseconds:0} ms, {lab.Lost} of {lab.Pings.Sent} pings lost");
    }

    private static void CutAndHeal(Chapter chapter)
    {
        SimLab lab = new SimLab(Seed, NatKind.Easy, NatKind.Easy).Settle();
        chapter.Begin(lab);
        lab.World.IsCut = (source, destination) => IsSite(source) && IsSite(destination);
        chapter.Tell("the path is direct; UDP between the sites is cut");
        chapter.PingUntil(() => lab.IsRelayed, Patience);
        PingOn(lab, TimeSpan.FromSeconds(1));
        int lost = lab.Lost;
        chapter.Tell($"the relay carries on; {lost} of {lab.Pings.Sent} pings lost", Tone.Relayed);
        lab.Forget();
        lab.World.IsCut = (_, _) => false;
        TimeSpan healed = chapter.Now;
        chapter.Tell("UDP passes again");
        chapter.PingUntil(() => lab.IsDirect, Patience);
        TimeSpan back = chapter.Now - healed;
        chapter.Tell("direct again", Tone.Direct);
        PingOn(lab, TimeSpan.FromSeconds(1));
        chapter.Conclude(lab.IsDirect && lab.Lost == 0, $"{lost} lost at the cut; direct again {back.TotalMilliseconds:0} ms after the healing, {lab.Lost} lost");
    }

    private static void Stay(Chapter chapter, NatKind left, NatKind right)
    {
        SimLab lab = new SimLab(Seed, left, right).Settle();
        chapter.Begin(lab);
        chapter.PingUntil(() => lab.Left.VerdictOn(lab.Right) is { } verdict && verdict.Code != Node.Traversal.VerdictCode.Checking, Patience);
        PingOn(lab, TimeSpan.FromSeconds(2));
        chapter.Tell($"{PathOf(lab)}: a says {lab.Left.VerdictOn(lab.Right)?.Text}", Tone.Relayed);
        chapter.Conclude(lab.IsRelayed && lab.Lost == 0, $"stays relayed and knows why, {lab.Lost} of {lab.Pings.Sent} pings lost");
    }

    private static void RelayRestart(Chapter chapter)
    {
        SimLab lab = new SimLab(Seed, NatKind.Easy, NatKind.Easy).Settle();
        chapter.Begin(lab);
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Stop();
        chapter.Tell("the path is direct; every relay is killed");
        PingOn(lab, TimeSpan.FromSeconds(5));
        bool stayed = lab.IsDirect;
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Start();
        chapter.Tell("the relays are back");
        PingOn(lab, TimeSpan.FromSeconds(5));
        chapter.Conclude(stayed && lab.IsDirect && lab.Lost == 0, $"the direct path never noticed: {lab.Lost} of {lab.Pings.Sent} pings lost");
    }

    /// <summary>Pings for that long, and lets the last answers arrive, so that whatever has none is lost.</summary>
    private static void PingOn(SimLab lab, TimeSpan time)
    {
        lab.Ping(time, PingInterval);
        lab.World.Run(TimeSpan.FromMilliseconds(200));
    }

    private static bool IsSite(Addresses.TransportAddress address) => address.Ipv4Bits >> 16 == 0xc612; // 198.18.0.0/16; servers are in 198.19.0.0/16.

    private static string PathOf(SimLab lab) => lab.IsDirect ? "directly" : "by relay";

    /// <summary>A scene with its virtual clock.</summary>
    private sealed class Chapter
    {
        private readonly Timeline _timeline;
        private readonly string _name;
        private SimLab? _lab;
        private Timing.Instant _start;

        public Chapter(Timeline timeline, int number, string name, string title)
        {
            _timeline = timeline;
            _name = name;
            timeline.Title(number, title);
        }

        public TimeSpan Now => _lab is null ? TimeSpan.Zero : _lab.World.Now - _start;

        public void Begin(SimLab lab)
        {
            _lab = lab;
            _start = lab.World.Now;
        }

        public void PingUntil(Func<bool> isSo, TimeSpan limit)
        {
            for (TimeSpan passed = TimeSpan.Zero; passed < limit && !isSo(); passed += PingInterval) _lab?.Ping(PingInterval, PingInterval);
        }

        public void Tell(string text, Tone tone = Tone.Plain) => _timeline.Event(Now, text, tone);

        public void Conclude(bool passed, string result) => _timeline.Conclude(_name, passed, result);
    }
}
