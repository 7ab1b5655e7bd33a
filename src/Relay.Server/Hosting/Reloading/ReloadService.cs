using System.Security.Cryptography;
using Relay.Server.Admission;
using Relay.Server.Telemetry;
using Settings;

namespace Relay.Server.Hosting.Reloading;

/// <summary>
/// Reads what came from files again when a file changes, and all of it on SIGHUP. What cannot be used is refused, with the reason in the log,
/// and what was read before stays. No connection ends for it, but those that the new file shuts out.
/// </summary>
internal sealed class ReloadService(IEnumerable<Reloadable> reloadables, LiveAdmission live, ReloadCounters counters, HangupSignal hangup, TimeProvider time, ILogger<ReloadService> log) : BackgroundService
{
    /// <summary>How often the files are looked at. A change counts once a file looks the same twice in a row.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    private readonly Watched[] _watched = [.. reloadables.Select(reloadable => new Watched(reloadable))];
    private int _isAsked;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        foreach (Watched watched in _watched) counters.Begin(watched.Reloadable.Name);
        hangup.Listen(() => Volatile.Write(ref _isAsked, 1));
        using PeriodicTimer timer = new(LookInterval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                bool isAsked = Interlocked.Exchange(ref _isAsked, 0) == 1;
                foreach (Watched watched in _watched)
                {
                    if (watched.IsDue(time.GetTimestamp(), time) || isAsked) await ReloadAsync(watched.Reloadable, stoppingToken);
                }

                live.EndWhatNoLongerHolds();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task ReloadAsync(Reloadable reloadable, CancellationToken stopping)
    {
        try
        {
            await reloadable.LoadAsync(stopping);
            counters.Count(reloadable.Name, isTaken: true);
            if (reloadable.ConcernsAdmission) live.HasChanged();
            RelayLog.Reloaded(log, reloadable.Name);
        }
        catch (Exception exception) when (exception is FormatException or OptionException or IOException or UnauthorizedAccessException or CryptographicException or ArgumentException or HttpRequestException)
        {
            counters.Count(reloadable.Name, isTaken: false);
            RelayLog.ReloadRefused(log, reloadable.Name, exception.Message);
        }
    }

    private sealed class Watched(Reloadable reloadable)
    {
        private readonly FileWatch[] _files = [.. reloadable.Files.Select(file => new FileWatch(file))];
        private long _last;

        public Reloadable Reloadable => reloadable;

        public bool IsDue(long now, TimeProvider time)
        {
            bool hasChanged = false;
            foreach (FileWatch file in _files) hasChanged |= file.HasChanged();
            bool isTime = reloadable.Every is { } every && (_last == 0 || time.GetElapsedTime(_last, now) >= every);
            if (hasChanged || isTime) _last = now;
            return hasChanged || isTime;
        }
    }
}

/// <summary>Counts what was read again, and what was refused.</summary>
internal sealed class ReloadCounters
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<(string Name, bool IsTaken), long> _counts = new();

    public IEnumerable<(string Name, bool IsTaken, long Count)> All => _counts.Select(count => (count.Key.Name, count.Key.IsTaken, count.Value));

    /// <summary>Begins to count: a count that begins with the first event hides it.</summary>
    public void Begin(string name)
    {
        _counts.TryAdd((name, true), 0);
        _counts.TryAdd((name, false), 0);
    }

    public void Count(string name, bool isTaken) => _counts.AddOrUpdate((name, isTaken), 1, static (_, old) => old + 1);
}
