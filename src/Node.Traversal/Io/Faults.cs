using Microsoft.Extensions.Logging;
using Node.Traversal.Telemetry;
using Timing;

namespace Node.Traversal.Io;

/// <summary>
/// Where a fault of this program, or of what its embedder has handed it, may come to light with nobody there to hear of it: on a timer, on a
/// thread, in a task that is to run to the node's end. It costs the turn it came with, is counted, and the node goes on.
/// </summary>
internal sealed class Faults(TraversalCounters counters, ILogger log, MonotonicClock clock)
{
    /// <summary>After one is logged no other is for so long; and what goes wrong at once again must not spin.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private Instant? _loggedAt;

    /// <summary>One has come to light.</summary>
    public void Note(Exception exception)
    {
        counters.Count(TraversalDrop.Faulted);
        lock (_gate)
        {
            Instant now = clock.Now;
            if (_loggedAt is { } logged && now - logged < Pause) return;
            _loggedAt = now;
        }

        TraversalLog.Faulted(log, exception);
    }

#pragma warning disable CA1031 // Here, and nowhere else, whatever it is.
    /// <summary>Takes a turn. False where a fault has cost it.</summary>
    public bool TryRun(Action turn) => TryRun(turn, static given => given());

    /// <summary>As the other one, without a closure.</summary>
    public bool TryRun<T>(T given, Action<T> turn)
    {
        try
        {
            turn(given);
            return true;
        }
        catch (Exception exception)
        {
            Note(exception);
            return false;
        }
    }

    /// <summary>Takes a turn that awaits.</summary>
    /// <exception cref="OperationCanceledException">The turn was ended: that is no fault.</exception>
    public async Task<bool> TryRunAsync(Func<Task> turn)
    {
        try
        {
            await turn();
            return true;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            Note(exception);
            return false;
        }
    }

    /// <summary>Asks the embedder something; null where that throws.</summary>
    public Func<string?>? Guard(Func<string?>? ask) => ask is null ? null : () =>
    {
        try
        {
            return ask();
        }
        catch (Exception exception)
        {
            Note(exception);
            return null;
        }
    };
#pragma warning restore CA1031
}
