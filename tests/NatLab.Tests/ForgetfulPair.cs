using System.Globalization;

namespace NatLab.Tests;

/// <summary>What two nodes found out of NATs that soon forget, and what became of their path meanwhile.</summary>
/// <param name="AtA">The lifetime that a found.</param>
/// <param name="AtB">The lifetime that b found.</param>
/// <param name="WhileMeasured">What became of the pings on the direct path while the lifetimes were measured.</param>
/// <param name="IsKept">Whether a's router knew the path's mapping, each time that it was looked at while nothing but the nodes' own packets passed.</param>
/// <param name="Before">The path before that silence.</param>
/// <param name="After">The path after it.</param>
internal sealed record ForgetfulPair(int AtA, int AtB, PingLoss WhileMeasured, IReadOnlyList<bool> IsKept, PeerReport Before, PeerReport After)
{
    /// <summary>
    /// How long the routers keep an idle mapping. A node tries ten seconds first and then five: this is as far from the one as from the other, so that
    /// a busy machine may be late.
    /// </summary>
    public const int KeptSeconds = 8;

    public const string Program = "conntrack";

    private static readonly TimeSpan PingInterval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>Discovery comes first, and then ten seconds of silence, five of asking in vain, and five of silence.</summary>
    private static readonly TimeSpan MeasuredWithin = TimeSpan.FromSeconds(90);

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>Lets the nodes find out, with pings on their path; then leaves the path alone for half as long again as the routers would keep it.</summary>
    public static async Task<ForgetfulPair> RunAsync()
    {
        await using TunnelLab lab = await TunnelLab.CreateAsync(new TunnelLabOptions { NatOfA = "eim-apdf", NatOfB = "eim-apdf", TellsNatBehavior = true });
        Site siteOfA = lab.A.Host.Site!;
        Site siteOfB = lab.B.Host.Site!;
        foreach (Site site in new[] { siteOfA, siteOfB }) ForgetSoon(site.Router);
        await lab.StartAgentsAsync();
        PingStream pings = PingStream.Start(lab.A.Host, lab.B.TunnelAddress, PingInterval);
        await lab.A.WaitForDirectAsync(lab.B, Patience);
        await lab.B.WaitForDirectAsync(lab.A, Patience);
        NatReport atA = await lab.A.WaitForNatAsync(nat => nat.LifetimeSeconds is not null, "measured", MeasuredWithin);
        NatReport atB = await lab.B.WaitForNatAsync(nat => nat.LifetimeSeconds is not null, "measured", MeasuredWithin);
        PingLoss loss = await pings.StopAsync();

        PeerReport before = await lab.A.PeerAsync(lab.B);
        List<bool> isKept = [];
        for (int i = 0; i < KeptSeconds * 3 / 2; i++)
        {
            await Task.Delay(LookInterval);
            CommandResult flows = await siteOfA.Router.TryRunAsync([Program, "-L", "-p", "udp", "--dst", siteOfB.PublicAddress]);
            isKept.Add(flows.Output.Contains($"dst={siteOfB.PublicAddress} ", StringComparison.Ordinal));
        }

        return new ForgetfulPair(atA.LifetimeSeconds!.Value, atB.LifetimeSeconds!.Value, loss, isKept, before, await lab.A.PeerAsync(lab.B));
    }

    private static void ForgetSoon(NetworkNamespace router)
    {
        string kept = KeptSeconds.ToString(CultureInfo.InvariantCulture);
        router.WriteSysctls(("netfilter/nf_conntrack_udp_timeout", kept), ("netfilter/nf_conntrack_udp_timeout_stream", kept));
    }
}
