using System.Diagnostics;
using NatLab;

namespace Demo;

/// <summary>The story on the real kernel: namespaces, nftables, unmodified wireguard-go, and the programs as published.</summary>
internal sealed class KernelStory(Timeline timeline)
{
    /// <summary>What most homes and many carriers have: one random port for all destinations, and only answers come in.</summary>
    private const string OrdinaryNat = "eimr-apdf";

    /// <summary>Another random port for every destination, and only answers come in: neither side can tell the other where to send.</summary>
    private const string HardNat = "edm-apdf";

    public async Task<int> TellAsync()
    {
        long start = Stopwatch.GetTimestamp();
        timeline.Headline("Two machines, a and b, each behind a NAT of its own. Their WireGuard configurations name keys, and not one endpoint.");
        timeline.Say("Real kernel, real NATs (nftables in network namespaces), unmodified wireguard-go, a ping every 50 ms. All numbers are measured.", Tone.Quiet);

        await PlayAsync(1, "first packet", "The first packet goes at once, by relay; a moment later the tunnel is direct", OrdinaryNat, Scenes.FirstPacketAsync);
        await PlayAsync(2, "cut and healed", "Someone cuts UDP between the sites, and heals it", OrdinaryNat, Scenes.CutAndHealAsync);
        await PlayAsync(3, "no UDP at all", "A network that lets no UDP out at all", OrdinaryNat, Scenes.UdpBlockedAsync);
        await PlayAsync(4, "hard NATs", "Hard NATs at both ends", HardNat, Scenes.HardNatsAsync);
        await PlayAsync(5, "relay restarted", "The relay is killed, and started again", OrdinaryNat, Scenes.RelayRestartAsync);
        await PlayAsync(6, "full tunnel", "Everything through the tunnel", OrdinaryNat, Scenes.FullTunnelAsync, fullTunnelAtA: true);
        await PlayThroughputAsync();

        timeline.Summary(Stopwatch.GetElapsedTime(start));
        return timeline.IsGood ? 0 : 1;
    }

    private async Task PlayAsync(int number, string name, string title, string nat, Func<Scene, Task<string>> play, bool fullTunnelAtA = false)
    {
        timeline.Title(number, title);
        await ConcludeAsync(name, async () =>
        {
            await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = nat, NatOfB = nat, FullTunnelAtA = fullTunnelAtA });
            timeline.Say(number == 1 ? Sketch.Of(lab) : Sketch.InShort(lab), Tone.Quiet);
            try
            {
                return await play(new Scene(timeline, lab));
            }
            catch (Exception e) when (e is LabException or StoryException)
            {
                throw new StoryException($"{e.Message}\n{lab.Lab.Describe()}", e);
            }
        });
    }

    private async Task PlayThroughputAsync()
    {
        timeline.Title(7, "How much each path carries (TCP by iperf3; both ends, the network and the relay share this one machine)");
        await ConcludeAsync("throughput", async () =>
        {
            IReadOnlyList<(string Name, double MegabitsPerSecond)> bars = await ThroughputScene.MeasureAsync(OrdinaryNat);
            timeline.Bars(bars, "Mbit/s");
            return string.Join(", ", bars.Select(bar => $"{bar.Name} {bar.MegabitsPerSecond:0} Mbit/s ({bar.MegabitsPerSecond / bars[0].MegabitsPerSecond * 100:0} %)"));
        });
    }

    private async Task ConcludeAsync(string name, Func<Task<string>> play)
    {
        try
        {
            timeline.Conclude(name, passed: true, await play());
        }
        catch (Exception e) when (e is LabException or StoryException)
        {
            timeline.Conclude(name, passed: false, e.Message);
        }
    }
}
