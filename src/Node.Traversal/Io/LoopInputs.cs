using System.Diagnostics.CodeAnalysis;

namespace Node.Traversal.Io;

/// <summary>What waits for the one thread of a loop, in order. That thread waits here for more.</summary>
/// <typeparam name="T">An input.</typeparam>
internal sealed class LoopInputs<T>
{
    private readonly Queue<T> _waiting = new(); // Locked by whoever touches any of this, and pulsed when there is news.
    private bool _isCompleted;

    /// <summary>Adds an input, from any thread. False, and nothing done, once <see cref="Complete"/> was called.</summary>
    public bool TryAdd(T input)
    {
        lock (_waiting)
        {
            if (_isCompleted) return false;
            _waiting.Enqueue(input);
            Monitor.Pulse(_waiting);
            return true;
        }
    }

    /// <summary>Takes the oldest input; false where there is none.</summary>
    public bool TryTake([MaybeNullWhen(false)] out T input)
    {
        lock (_waiting) return _waiting.TryDequeue(out input);
    }

    /// <summary>Waits for an input to take, and for so long at most.</summary>
    /// <param name="most">Rounded up to milliseconds, in which the system waits: who comes too early looks again and again until it is time. <see cref="Timeout.InfiniteTimeSpan"/> for no limit.</param>
    /// <returns>False once <see cref="Complete"/> was called and all is taken.</returns>
    public bool Wait(TimeSpan most)
    {
        lock (_waiting)
        {
            if (_waiting.Count == 0 && !_isCompleted) Monitor.Wait(_waiting, RoundUp(most));
            return _waiting.Count > 0 || !_isCompleted;
        }
    }

    /// <summary>Ends it: what waits is still taken, and nothing more is added.</summary>
    public void Complete()
    {
        lock (_waiting)
        {
            _isCompleted = true;
            Monitor.Pulse(_waiting);
        }
    }

    private static TimeSpan RoundUp(TimeSpan wait) => wait == Timeout.InfiniteTimeSpan ? wait : TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds));
}
