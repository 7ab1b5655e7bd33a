using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stun.Server.Streams;

/// <summary>The certificate for TLS, from PEM files: the server's own first, then its chain. Can be read again while connections use it.</summary>
public sealed class ServerCertificate
{
    private readonly string _certificatePath;
    private readonly string _keyPath;
    private SslStreamCertificateContext _current;

    /// <summary>Reads the files.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">A file may not be read.</exception>
    /// <exception cref="CryptographicException">The files are not PEM, or of a kind that is not known.</exception>
    /// <exception cref="ArgumentException">The key is not the certificate's.</exception>
    public ServerCertificate(string certificatePath, string keyPath)
    {
        _certificatePath = certificatePath;
        _keyPath = keyPath;
        _current = Read();
    }

    /// <summary>What new connections show.</summary>
    internal SslStreamCertificateContext Current => Volatile.Read(ref _current);

    /// <summary>Reads the files again. Where they cannot be used it throws as the constructor does, and what was read before stays.</summary>
    public void Reload() => Volatile.Write(ref _current, Read());

    private SslStreamCertificateContext Read()
    {
        var certificate = X509Certificate2.CreateFromPemFile(_certificatePath, _keyPath);
        var chain = new X509Certificate2Collection();
        chain.ImportFromPemFile(_certificatePath);
        return SslStreamCertificateContext.Create(certificate, chain, offline: true); // Nothing is fetched from anywhere.
    }
}
