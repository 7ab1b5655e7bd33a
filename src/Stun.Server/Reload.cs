using System.Security.Cryptography;
using Settings;
using Stun.Server.Streams;

namespace Stun.Server;

/// <summary>On SIGHUP reads the settings again and applies the limits, and reads the certificate again. What cannot be used changes nothing and is logged.</summary>
internal sealed class Reload(string[] arguments, StunServer server, ServerCertificate? certificate, ILogger logger)
{
    /// <summary>Does so once.</summary>
    public void Run()
    {
        try
        {
            // All is read before any of it is applied: what is refused has changed nothing.
            StunLimits limits = ProgramOptions.Limits(ProgramOptions.Set.Parse(arguments, ProgramRunner.CurrentEnvironment()));
            certificate?.Reload();
            server.Apply(limits);
            if (certificate is not null) StunServerLog.CertificateReloaded(logger);
        }
        catch (Exception exception) when (exception is OptionException or IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            StunServerLog.ReloadRefused(logger, exception.Message);
        }
    }
}
