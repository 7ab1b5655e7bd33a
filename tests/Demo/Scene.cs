using NatLab;

namespace Demo;

/// <summary>What a scene has at hand: the lab, the timeline, and a clock that begins when the scene says so.</summary>
internal sealed class Scene(Timeline timeline, TunnelLab lab)
{
    /// <summary>How long anything may take before the scene has failed. What it really takes is printed.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(50);
    private DateTimeOffset _start = DateTimeOffset.UtcNow;

    public TunnelLab Lab => lab;
    public TunnelNode A => lab.A;
    public TunnelNode B => lab.B;

    public TimeSpan Now => DateTimeOffset.UtcNow - _start;

    /// <summary>Starts both agents and, when they are ready, the clock and the pings from a to b.</summary>
    public async Task<PingStream> BeginAsync()
    {
        await lab.StartAgentsAsync();
        RestartClock();
        return PingStream.Start(A.Host, B.TunnelAddress, PingInterval);
    }

    /// <summary>Waits until the tunnel is direct at both ends.</summary>
    /// <returns>When the later of them changed, on this scene's clock.</returns>
    public async Task<TimeSpan> WaitForDirectAsync()
    {
        PeerReport atA = await A.WaitForDirectAsync(B, Patience);
        PeerReport atB = await B.WaitForDirectAsync(A, Patience);
        return SinceStart(atA.Since > atB.Since ? atA.Since : atB.Since);
    }

    /// <summary>Waits for another second of answered pings, so that a loss by the last change is seen.</summary>
    public static async Task SettleAsync(PingStream pings) => await pings.WaitForReplyAsync(pings.Mark() + (int)(TimeSpan.FromSeconds(1) / PingInterval), Patience);

    public TimeSpan SinceStart(DateTimeOffset time) => time - _start;

    public void RestartClock() => _start = DateTimeOffset.UtcNow;

    public void Tell(string text, Tone tone = Tone.Plain) => timeline.Event(Now, text, tone);

    public void TellAt(TimeSpan at, string text, Tone tone = Tone.Plain) => timeline.Event(at, text, tone);

    /// <exception cref="StoryException"><paramref name="condition"/> does not hold.</exception>
    public static void Expect(bool condition, string otherwise)
    {
        if (!condition) throw new StoryException(otherwise);
    }

    /// <summary>The relevant line of <c>relay-node status</c>, as a person sees it.</summary>
    public static async Task<string> StatusLineAsync(TunnelNode node) =>
        string.Join('\n', (await node.StatusTextAsync()).TrimEnd().Split('\n').Select(line => line.TrimEnd()));
}
