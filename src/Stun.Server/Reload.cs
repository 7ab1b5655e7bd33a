using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Settings;
using Stun.Server.Streams;

namespace Stun.Server;

/// <summary>On SIGHUP reads the settings again and applies the limits, and reads the certificate again. What cannot be used changes nothing and is logged.</summary>
internal sealed class Reload : IDisposable
{
    private readonly string[] _arguments;
    private readonly StunServer _server;
    private readonly ServerCertificate? _certificate;
    private readonly ILogger _logger;
    private readonly PosixSignalRegistration _registration;

    public Reload(string[] arguments, StunServer server, ServerCertificate? certificate, ILogger logger)
    {
        _arguments = arguments;
        _server = server;
        _certificate = certificate;
        _logger = logger;
        _registration = PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            signal.Cancel = true; // Otherwise the process would end.
            Run();
        });
    }

    public void Dispose() => _registration.Dispose();

    private void Run()
    {
        try
        {
            // All is read before any of it is applied: what is refused has changed nothing.
            StunLimits limits = ProgramOptions.Limits(ProgramOptions.Set.Parse(_arguments, ProgramRunner.CurrentEnvironment()));
            _certificate?.Reload();
            _server.Apply(limits);
            if (_certificate is not null) StunServerLog.CertificateReloaded(_logger);
        }
        catch (Exception exception) when (exception is OptionException or IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            StunServerLog.ReloadRefused(_logger, exception.Message);
        }
    }
}
