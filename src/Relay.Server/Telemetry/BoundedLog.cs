using Relay.Server.Core;
using Timing;

namespace Relay.Server.Telemetry;

/// <summary>
/// A log that nobody outside can fill: of lines up to Information it passes so many a second, and says how many it has left out. Warnings
/// have a share of their own.
/// </summary>
internal sealed class BoundedLog(ILogger inner, MonotonicClock clock) : ILogger
{
    /// <summary>Lines a second: more than anybody reads.</summary>
    public static readonly Rate Lines = new(100, 500);

    private readonly Lock _lock = new();
    private Quota _ordinary;
    private Quota _serious;
    private long _leftOut;

    /// <summary>Lines left out so far.</summary>
    public long LeftOut { get; private set; }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => inner.BeginScope(state);

    public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!inner.IsEnabled(logLevel)) return;
        long leftOut;
        lock (_lock)
        {
            bool isPassed = logLevel >= LogLevel.Warning ? _serious.TryCharge(1, Lines, clock.Now) : _ordinary.TryCharge(1, Lines, clock.Now);
            if (!isPassed)
            {
                _leftOut++;
                LeftOut++;
                return;
            }

            leftOut = _leftOut;
            _leftOut = 0;
        }

        if (leftOut > 0) RelayLog.LeftOut(inner, leftOut);
        inner.Log(logLevel, eventId, state, exception, formatter);
    }
}
