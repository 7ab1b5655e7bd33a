using System.Diagnostics;

namespace NatLab;

/// <summary>A program that runs until it is told to stop. What it prints is kept, so that a failure can be explained.</summary>
public sealed class LabProcess : IAsyncDisposable
{
    /// <summary>At this many lines the oldest are forgotten; a node that logs every packet must not eat the test's memory.</summary>
    private const int MaxLines = 5_000;

    private static readonly TimeSpan GracePeriod = TimeSpan.FromSeconds(5); // What our programs promise after SIGTERM.

    private readonly Lock _gate = new();
    private readonly Queue<string> _lines = new();
    private readonly Process _process;
    private readonly Task _reading;
    private TaskCompletionSource _changed = NewSignal();
    private bool _disposed;

    private LabProcess(string name, Process process)
    {
        Name = name;
        Id = process.Id;
        _process = process;
        _reading = Task.WhenAll(ReadAsync(process.StandardOutput), ReadAsync(process.StandardError));
    }

    public string Name { get; }
    public int Id { get; }
    public bool HasExited => _disposed || _process.HasExited;

    /// <summary>Everything printed so far, both streams as they came.</summary>
    public IReadOnlyList<string> Lines
    {
        get { lock (_gate) return [.. _lines]; }
    }

    internal static LabProcess Start(string name, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment)
    {
        Process process = Command.Start(command, environment);
        process.StandardInput.Close();
        return new LabProcess(name, process);
    }

    /// <summary>Waits for a line that <paramref name="isWanted"/> accepts, among those printed already and those to come.</summary>
    /// <exception cref="LabException">The process ended, or the time did, before there was one.</exception>
    public async Task<string> WaitForLineAsync(Func<string, bool> isWanted, TimeSpan timeout)
    {
        using CancellationTokenSource deadline = new(timeout);
        while (true)
        {
            Task changed;
            lock (_gate)
            {
                if (_lines.FirstOrDefault(isWanted) is { } line) return line;
                changed = _changed.Task;
            }
            if (_reading.IsCompleted)
            {
                await _process.WaitForExitAsync(deadline.Token);
                throw new LabException($"{Name} ended with exit code {_process.ExitCode} before it said what was waited for:\n{Tail()}");
            }
            try
            {
                await Task.WhenAny(changed, _reading).WaitAsync(deadline.Token);
            }
            catch (OperationCanceledException)
            {
                throw new LabException($"{Name} did not say in {timeout.TotalSeconds:0.#} s what was waited for:\n{Tail()}");
            }
        }
    }

    /// <summary>The last lines printed, for a message to a person.</summary>
    public string Tail(int count = 40) => string.Join('\n', Lines.TakeLast(count).Select(line => $"  {Name}| {line}"));

    public void Signal(UnixSignal signal)
    {
        if (!HasExited) _ = NativeMethods.Kill(Id, (int)signal);
    }

    /// <summary>Asks the process to end and waits for it; one that does not listen is killed.</summary>
    /// <returns>True if it ended by itself within the grace period.</returns>
    public async Task<bool> StopAsync(UnixSignal signal = UnixSignal.Terminate)
    {
        if (_disposed) return true;

        Signal(signal);
        using CancellationTokenSource deadline = new(GracePeriod);
        try
        {
            await _process.WaitForExitAsync(deadline.Token);
            await _reading;
            return true;
        }
        catch (OperationCanceledException)
        {
            await KillAsync();
            return false;
        }
    }

    /// <summary>Ends the process without asking, as a crash would.</summary>
    public async Task KillAsync()
    {
        if (_disposed) return;

        Signal(UnixSignal.Kill);
        await _process.WaitForExitAsync();
        await _reading;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _disposed = true;
        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader stream)
    {
        while (await stream.ReadLineAsync() is { } line)
        {
            TaskCompletionSource changed;
            lock (_gate)
            {
                if (_lines.Count == MaxLines) _lines.Dequeue();
                _lines.Enqueue(line);
                changed = _changed;
                _changed = NewSignal();
            }
            changed.SetResult();
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
