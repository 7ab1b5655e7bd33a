using System.Globalization;

namespace NatLab;

/// <summary>Watches how many flows a router's connection tracking holds, and keeps the most.</summary>
public sealed class RouterEntries : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(100);

    private readonly NetworkNamespace _router;
    private readonly CancellationTokenSource _end = new();
    private readonly Task _watching;

    /// <summary>Starts watching.</summary>
    public RouterEntries(NetworkNamespace router)
    {
        _router = router;
        _watching = WatchAsync();
    }

    /// <summary>The most there were at once.</summary>
    public int Most { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _watching;
        _end.Dispose();
    }

    private async Task WatchAsync()
    {
        while (!_end.IsCancellationRequested)
        {
            Most = Math.Max(Most, Read());
            await Task.Delay(LookInterval, _end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private int Read() => _router.Enter(() => int.Parse(File.ReadAllText("/proc/sys/net/netfilter/nf_conntrack_count"), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture));
}
