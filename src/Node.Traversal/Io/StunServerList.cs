using Node.Traversal.Core;

namespace Node.Traversal.Io;

/// <summary>Looks up the STUN servers of the relay map, and again now and then: names may come to lead elsewhere.</summary>
internal sealed class StunServerList : IAsyncDisposable
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(5);

    private readonly MarkedDns _dns;
    private readonly NodeLoop _loop;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private volatile RelayMap _map;
    private volatile TaskCompletionSource? _pause;

    public StunServerList(RelayMap map, MarkedDns dns, NodeLoop loop, TimeProvider time)
    {
        _map = map;
        _dns = dns;
        _loop = loop;
        _time = time;
        _running = Task.Run(RunAsync);
    }

    /// <summary>The map has changed: its servers are looked up at once.</summary>
    public void SetMap(RelayMap map)
    {
        _map = map;
        _pause?.TrySetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            RelayMap map = _map;
            try
            {
                List<StunServerAddress> servers = await FindAsync(map, _dns, _stopping.Token);
                _loop.Post((core, now) => core.HandleStunServers(servers, now));
            }
            catch (OperationCanceledException)
            {
                return;
            }

            TaskCompletionSource pause = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _pause = pause;
            if (map == _map) await pause.Task.WaitAsync(RefreshInterval, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Ended early by a new map, or by the end.
            _pause = null;
        }
    }

    /// <summary>Looks up the STUN servers of a map.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task<List<StunServerAddress>> FindAsync(RelayMap map, MarkedDns dns, CancellationToken cancellation)
    {
        List<StunServerAddress> servers = [];
        foreach (RelayRegion region in map.Regions)
        {
            foreach (RelayNode node in region.Nodes.Where(node => node.StunPort != 0))
            {
                servers.AddRange((await dns.ResolveAsync(node, node.StunPort, cancellation)).Select(address => new StunServerAddress(region.Id, address)));
            }
        }

        return servers;
    }
}
