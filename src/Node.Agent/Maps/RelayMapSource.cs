using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Node.Traversal;
using Settings;

namespace Node.Agent.Maps;

/// <summary>The relay map for as long as the agent runs: a file that is watched, or a URL that is fetched again from time to time.</summary>
internal sealed class RelayMapSource : IAsyncDisposable
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan FetchInterval = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(10);

    private readonly RelayMapLocation _location;
    private readonly RelayMapDownload? _download;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stopping = new();
    private readonly FileWatch? _watch;
    private readonly Task _running;
    private RelayMap? _arrived;

    private RelayMapSource(RelayMapLocation location, RelayMapDownload? download, FileWatch? watch, RelayMap first, TimeProvider time, ILogger logger)
    {
        _location = location;
        _download = download;
        _watch = watch;
        _time = time;
        _logger = logger;
        First = first;
        _running = location.File is { } file ? WatchAsync(file) : FetchAsync();
    }

    /// <summary>The map to begin with: what the file says, or the last good copy; empty where there is none yet.</summary>
    public RelayMap First { get; }

    /// <summary>Opens the source without waiting for the network.</summary>
    /// <exception cref="OptionException">The file cannot be read or is no relay map.</exception>
    public static RelayMapSource Open(RelayMapLocation location, StateDirectory? state, Func<string, int, CancellationToken, ValueTask<Socket>> connect, Func<ProxySettings> proxies, TimeProvider time, ILogger logger)
    {
        if (location.File is { } file)
        {
            FileWatch watch = new(file);
            return new RelayMapSource(location, null, watch, RelayMapFile.Load(file, location.Source), time, logger);
        }

        RelayMapDownload download = new(location, state, connect, proxies, logger);
        return new RelayMapSource(location, download, null, download.LastGoodCopy() ?? RelayMap.Empty, time, logger);
    }

    /// <summary>Takes the newest map that has come since the last call, if one has.</summary>
    public RelayMap? TakeArrived() => Interlocked.Exchange(ref _arrived, null);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _download?.Dispose();
        _stopping.Dispose();
    }

    private async Task WatchAsync(string file)
    {
        while (true)
        {
            await Task.Delay(LookInterval, _time, _stopping.Token);
            if (_watch is null || !_watch.HasChanged()) continue;
            try
            {
                Volatile.Write(ref _arrived, RelayMapFile.Load(file, _location.Source));
            }
            catch (OptionException exception)
            {
                _logger.MapRefused(exception.Message);
            }
        }
    }

    private async Task FetchAsync()
    {
        TimeSpan retry = FirstRetry;
        while (_download is not null)
        {
            TimeSpan pause = FetchInterval;
            try
            {
                Volatile.Write(ref _arrived, await _download.FetchAsync(_stopping.Token));
                retry = FirstRetry;
            }
            catch (RelayMapException exception)
            {
                _logger.MapRefused(exception.Message);
                pause = retry;
                retry = retry * 2 < LongestRetry ? retry * 2 : LongestRetry;
            }

            // Half of it at random: a fleet that starts together should not ask together.
            await Task.Delay(pause * (0.5 + Random.Shared.NextDouble()), _time, _stopping.Token);
        }
    }
}
