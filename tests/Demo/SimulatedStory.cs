using Node.Traversal;
using Simulation;

namespace Demo;

/// <summary>The same story where the kernel may not be asked: the very core of the real node, in a simulated network and in virtual time.</summary>
internal sealed class SimulatedStory(Timeline timeline)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public void Tell()
    {
        Timeline.Say("\n  Two nodes, two relay regions with STUN, and NATs, all simulated. Times are virtual; what decides is the code that runs in relay-node.");
        TellEasy();
        TellPair("3. No UDP at all at a: the relay alone", NatKind.Blocked, NatKind.Easy, VerdictCode.UdpBlockedHere);
        TellPair("4. Hard NATs on both sides", NatKind.Hard, NatKind.Hard, VerdictCode.HardBoth);
        Timeline.Say("\n6. A full tunnel needs routes of a real kernel: run this as root to see it.");
    }

    private void TellEasy()
    {
        SimLab lab = Begin("1. Two home routers", NatKind.Easy, NatKind.Easy);
        TimeSpan? relayed = lab.World.RunUntil(() => lab.IsRelayed || lab.IsDirect, Patience);
        timeline.Check(relayed is not null, $"the tunnel is up by relay after {relayed?.TotalMilliseconds:0} ms");
        TimeSpan? direct = lab.World.RunUntil(() => lab.IsDirect, Patience);
        timeline.Check(direct is not null, $"direct to {lab.Left.RemoteOf(lab.Right)} {direct?.TotalMilliseconds:0} ms later");
        lab.Ping(TimeSpan.FromSeconds(5));
        timeline.Check(lab.Lost == 0, $"{lab.Lost} of {lab.Pings.Sent} pings lost");

        timeline.Chapter("2. UDP between the sites is cut, and heals");
        lab.Forget();
        lab.World.IsCut = (_, _) => true;
        timeline.Note("cut");
        lab.Ping(TimeSpan.FromSeconds(6));
        timeline.Check(lab.IsRelayed && lab.Lost <= 1, $"the tunnel goes on by relay: {lab.Lost} of {lab.Pings.Sent} pings lost");
        lab.Forget();
        lab.World.IsCut = (_, _) => false;
        timeline.Note("healed");
        lab.Ping(TimeSpan.FromSeconds(3));
        timeline.Check(lab.IsDirect && lab.Lost == 0, $"direct again within 3 s: {lab.Lost} of {lab.Pings.Sent} pings lost");

        timeline.Chapter("5. The relays are killed, and started again");
        lab.Forget();
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Stop();
        timeline.Note("killed");
        lab.Ping(TimeSpan.FromSeconds(10));
        foreach (SimRelay relay in lab.World.Relays.Values) relay.Start();
        timeline.Note("started");
        lab.Ping(TimeSpan.FromSeconds(5));
        timeline.Check(lab.IsDirect && lab.Lost == 0, $"the direct tunnel never noticed: {lab.Lost} of {lab.Pings.Sent} pings lost");
    }

    private void TellPair(string title, NatKind left, NatKind right, VerdictCode expected)
    {
        SimLab lab = Begin(title, left, right);
        lab.Ping(TimeSpan.FromSeconds(10));
        PathVerdict? verdict = lab.Left.VerdictOn(lab.Right);
        timeline.Check(lab.IsRelayed && lab.Lost == 0, $"it stays relayed: {lab.Lost} of {lab.Pings.Sent} pings lost");
        timeline.Check(verdict?.Code == expected, $"and says why: {verdict?.Text}");
    }

    private SimLab Begin(string title, NatKind left, NatKind right)
    {
        timeline.Chapter(title);
        SimLab lab = new(seed: 1, left, right);
        Timing.Instant start = lab.World.Now;
        timeline.Time = () => lab.World.Now - start;
        timeline.Note("both nodes start; they know each other's keys and the relay map");
        return lab.Start();
    }
}
