using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Node.Traversal.Io;

/// <summary>Those who watch the paths of a node: each is told of every change, in order, at its own pace. For any thread.</summary>
internal sealed class PathWatchers
{
    /// <summary>Changes that wait for a slow watcher; the oldest makes room.</summary>
    private const int MaxWaiting = 1024;

    private readonly ConcurrentDictionary<Channel<PathChange>, byte> _watchers = new();
    private volatile bool _hasEnded;

    /// <summary>Tells every change from now on, until cancelled or the node ends.</summary>
    public async IAsyncEnumerable<PathChange> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        Channel<PathChange> changes = Channel.CreateBounded<PathChange>(new BoundedChannelOptions(MaxWaiting) { FullMode = BoundedChannelFullMode.DropOldest });
        _watchers.TryAdd(changes, 0);
        if (_hasEnded) changes.Writer.TryComplete(); // The end has come between, or before.
        try
        {
            await foreach (PathChange change in changes.Reader.ReadAllAsync(cancellation)) yield return change;
        }
        finally
        {
            _watchers.TryRemove(changes, out _);
        }
    }

    /// <summary>A path has changed.</summary>
    public void Tell(PathChange change)
    {
        foreach (Channel<PathChange> watcher in _watchers.Keys) watcher.Writer.TryWrite(change);
    }

    /// <summary>There will be no more changes.</summary>
    public void End()
    {
        _hasEnded = true;
        foreach (Channel<PathChange> watcher in _watchers.Keys) watcher.Writer.TryComplete();
    }
}
