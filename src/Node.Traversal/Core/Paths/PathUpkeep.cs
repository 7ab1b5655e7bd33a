using Timing;

namespace Node.Traversal.Core.Paths;

/// <summary>
/// When a path that is well is checked all the same: itself, often enough that the NATs on it keep it open, and now and then all pairs, for
/// another may have become the better one. While there is no path nothing is planned.
/// </summary>
internal sealed class PathUpkeep
{
    /// <summary>How often a path is checked that nothing passes over, where the NATs' patience is not known: half of the usual 30 s, with room for a lost check.</summary>
    public static readonly TimeSpan UsualKeepalive = TimeSpan.FromSeconds(15);

    /// <summary>How often it is checked while there is traffic; a pair that has answered within that is known to work.</summary>
    public static readonly TimeSpan ActiveInterval = TimeSpan.FromSeconds(5);

    /// <summary>A path that was never better may have become so: all pairs are checked again this often while there is traffic.</summary>
    private static readonly TimeSpan UpgradeInterval = TimeSpan.FromSeconds(60);

    /// <summary>The first answer wins at once; a better pair may have lost a packet, and has its chance this soon after.</summary>
    private static readonly TimeSpan FirstUpgradeAfter = TimeSpan.FromSeconds(1);

    /// <summary>Who hears the other's check has its NAT opened by its answer, and need not check by itself unless the next fails to come.</summary>
    private const double KeepaliveOfFollower = 1.1;

    private bool _isIpv4;

    /// <summary>How often an idle path is checked: less than the NATs on it keep a mapping.</summary>
    public TimeSpan Keepalive { get; set; } = UsualKeepalive;

    /// <summary>When the path is checked next; null = there is none.</summary>
    public Instant? NextKeepalive { get; private set; }

    /// <summary>When all pairs are checked next; null = not before there is traffic.</summary>
    public Instant? NextUpgrade { get; private set; }

    /// <summary>What is known of the NATs is IPv4's where there is any: of a firewall's patience with IPv6, more than the usual is not taken for granted.</summary>
    private TimeSpan IdleInterval => !_isIpv4 && UsualKeepalive < Keepalive ? UsualKeepalive : Keepalive;

    /// <summary>There is a path, or another one.</summary>
    public void Begin(bool isIpv4, bool isActive, Instant now)
    {
        _isIpv4 = isIpv4;
        NextUpgrade = now + FirstUpgradeAfter;
        HandleChecked(isActive, now);
    }

    /// <summary>There is no path any more.</summary>
    public void Stop()
    {
        NextKeepalive = null;
        NextUpgrade = null;
    }

    /// <summary>The path is being checked, or has answered.</summary>
    public void HandleChecked(bool isActive, Instant now) => NextKeepalive = now + (isActive && ActiveInterval < IdleInterval ? ActiveInterval : IdleInterval);

    /// <summary>The peer has checked the path.</summary>
    public void HandlePeerChecked(bool isActive, Instant now)
    {
        if (!isActive) NextKeepalive = now + IdleInterval * KeepaliveOfFollower;
    }

    /// <summary>There is traffic on the path.</summary>
    /// <param name="lastCheck">When the path was last checked.</param>
    /// <param name="now">The present.</param>
    public void HandleTraffic(Instant lastCheck, Instant now)
    {
        if (NextKeepalive is { } next) NextKeepalive = Instant.Min(next, lastCheck + ActiveInterval);
        NextUpgrade ??= now + UpgradeInterval;
    }

    /// <summary>All pairs are being checked.</summary>
    public void TakeUpgrade(bool isActive, Instant now) => NextUpgrade = isActive ? now + UpgradeInterval : null;
}
