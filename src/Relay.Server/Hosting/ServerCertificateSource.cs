namespace Relay.Server.Hosting;

/// <summary>
/// Holds the certificate that new TLS connections are opened with: the program has read or made it before the host was built, and a reload
/// puts another in its place. Connections that are open keep the one they have.
/// </summary>
internal sealed class ServerCertificateSource(ServerCertificate? certificate)
{
    private volatile ServerCertificate? _certificate = certificate;

    /// <summary>The certificate; null where nothing listens with TLS.</summary>
    public ServerCertificate? Certificate => _certificate;

    /// <summary>Has new connections opened with another certificate.</summary>
    public void Replace(ServerCertificate certificate) => _certificate = certificate;
}
