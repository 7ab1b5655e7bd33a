using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Stun.Server.Tests;

/// <summary>A self-signed certificate and its key as PEM files, in a directory of their own.</summary>
internal sealed class CertificateFiles : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("stun-test-");

    public CertificateFiles(string name) => Write(name);

    public string CertificatePath => Path.Combine(_directory.FullName, "cert.pem");

    public string KeyPath => Path.Combine(_directory.FullName, "key.pem");

    public void Write(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 certificate = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(CertificatePath, certificate.ExportCertificatePem());
        File.WriteAllText(KeyPath, key.ExportPkcs8PrivateKeyPem());
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
