using System.Collections.Concurrent;
using Node.Traversal.Core;
using Node.Traversal.Core.Netcheck;

namespace Node.Traversal.Io;

/// <summary>
/// Looks up the STUN servers of the relay map, and what a NAT64 here makes of IPv4 addresses; again now and then, and in another network: names
/// may come to lead elsewhere.
/// </summary>
internal sealed class StunServerList : IAsyncDisposable
{
    private static readonly TimeSpan RefreshInterval = TimeSpan.FromMinutes(5);

    /// <summary>While IPv4 addresses are out of reach for want of a NAT64's prefix: the name servers of a network just come to may not be there yet. Doubled each time, up to the usual.</summary>
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(5);

    /// <summary>Names that are looked up at once: one that hangs must not hold up all the others.</summary>
    private const int AtOnce = 16;

    /// <summary>What is known by then is asked, and the rest when it is known: a name may take half a minute to be found or not.</summary>
    private static readonly TimeSpan FirstPatience = TimeSpan.FromSeconds(1);

    private readonly MarkedDns _dns;
    private readonly NodeLoop _loop;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _running;
    private volatile RelayMap _map;
    private volatile TaskCompletionSource? _pause;
    private volatile bool _isOutdated;

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

    /// <summary>The network is another one: they are looked up at once.</summary>
    public void LookAgain()
    {
        _dns.Nat64.Forget();
        _isOutdated = true;
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
        TimeSpan retry = FirstRetry;
        while (!_stopping.IsCancellationRequested)
        {
            RelayMap map = _map;
            if (_isOutdated) retry = FirstRetry;
            _isOutdated = false;
            try
            {
                await _loop.Faults.TryRunAsync(() => LookUpAsync(map));
            }
            catch (OperationCanceledException)
            {
                return;
            }

            TimeSpan interval = _dns.Nat64.IsMissing ? retry : RefreshInterval;
            retry = retry * 2 < RefreshInterval ? retry * 2 : RefreshInterval;
            TaskCompletionSource pause = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _pause = pause;
            if (map == _map && !_isOutdated) await pause.Task.WaitAsync(interval, _time, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // Ended early by a new map or network, or by the end.
            _pause = null;
        }
    }

    /// <summary>Looks up the STUN servers of a map: those given by their addresses first, then names, several at once.</summary>
    /// <exception cref="OperationCanceledException">The wait was ended.</exception>
    public static async Task<List<StunServerAddress>> FindAsync(RelayMap map, MarkedDns dns, CancellationToken cancellation)
    {
        Search search = new(map);
        await search.RunAsync(dns, cancellation);
        return search.Found();
    }

    private async Task LookUpAsync(RelayMap map)
    {
        Task translating = FindNat64Async();
        Search search = new(map);
        Task running = search.RunAsync(_dns, _stopping.Token);
        await Task.WhenAny(running, Task.Delay(FirstPatience, _time, _stopping.Token));
        if (!running.IsCompleted && search.Found() is { Count: > 0 } some) Tell(some);
        await running;
        Tell(search.Found());
        await translating;
    }

    private async Task FindNat64Async()
    {
        Nat64Prefix? prefix = await _dns.Nat64.FindAsync(_stopping.Token);
        _loop.Post((core, now) => core.HandleNat64(prefix, now));
    }

    private void Tell(List<StunServerAddress> servers) => _loop.Post((core, now) => core.HandleStunServers(servers, now));

    /// <summary>One going through a map.</summary>
    private sealed class Search(RelayMap map)
    {
        private readonly (int RegionId, RelayNode Node)[] _nodes = [.. map.Regions.SelectMany(region => region.Nodes.Where(node => node.StunPort != 0).Select(node => (region.Id, node)))];
        private readonly ConcurrentDictionary<int, StunServerAddress[]> _found = new(); // By place in the map.

        /// <summary>What was found so far, in the map's order.</summary>
        public List<StunServerAddress> Found() => [.. _found.OrderBy(entry => entry.Key).SelectMany(entry => entry.Value)];

        public Task RunAsync(MarkedDns dns, CancellationToken cancellation)
        {
            ParallelOptions options = new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellation };
            IEnumerable<int> order = Enumerable.Range(0, _nodes.Length).OrderBy(place => !(_nodes[place].Node.Ipv4.IsValid || _nodes[place].Node.Ipv6.IsValid));
            return Parallel.ForEachAsync(order, options, async (place, stopping) =>
            {
                (int regionId, RelayNode node) = _nodes[place];
                _found[place] = [.. (await dns.ResolveAsync(node, node.StunPort, stopping)).Select(address => new StunServerAddress(regionId, address))];
            });
        }
    }
}
