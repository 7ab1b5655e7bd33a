using System.Runtime.InteropServices;

namespace Settings;

/// <summary>
/// SIGHUP, for programs that read their settings again. Make it first of all: by itself the signal ends a process, and a service manager may
/// send it while the program starts. What comes before anybody listens is kept, for settings may have been read before they changed.
/// </summary>
public sealed class HangupSignal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PosixSignalRegistration? _registration;
    private Action? _handler;
    private bool _isPending;

    /// <summary>From here on the signal no longer ends the process.</summary>
    public HangupSignal()
    {
        if (OperatingSystem.IsWindows()) return; // It means there that the window was closed.
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true;
            Handle();
        });
    }

    /// <summary>Calls a method for each signal from now on, at once where one has come already. Calls come one at a time, from a thread of their own.</summary>
    public void Listen(Action handler)
    {
        lock (_lock)
        {
            _handler = handler;
            if (_isPending) handler();
            _isPending = false;
        }
    }

    /// <summary>As the signal does.</summary>
    internal void Handle()
    {
        lock (_lock)
        {
            if (_handler is null) _isPending = true;
            else _handler();
        }
    }

    /// <summary>From here on the signal ends the process again.</summary>
    public void Dispose() => _registration?.Dispose();
}
