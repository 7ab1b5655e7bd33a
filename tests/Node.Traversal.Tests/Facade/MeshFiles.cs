using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Node.Traversal.Tests.Facade;

/// <summary>What the relays of one region share: a certificate for loopback and the region's secret, in a directory that goes with it.</summary>
internal sealed class MeshFiles : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("relay-mesh-").FullName;

    public MeshFiles()
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=localhost", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using X509Certificate2 certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(At("relay.pem"), certificate.ExportCertificatePem());
        File.WriteAllText(At("relay.key"), key.ExportPkcs8PrivateKeyPem());
        File.WriteAllText(At("mesh.key"), new string('a', 64));
        Fingerprint = Convert.ToHexStringLower(SHA256.HashData(certificate.RawData));
    }

    /// <summary>The certificate's SHA-256.</summary>
    public string Fingerprint { get; }

    /// <summary>The options of a relay that shares its region with the one on <paramref name="otherPort"/>.</summary>
    public string[] OptionsWith(int otherPort) =>
    [
        "--tls-cert", At("relay.pem"), "--tls-key", At("relay.key"), "--mesh-key-file", At("mesh.key"), "--mesh-with", $"localhost:{otherPort}/127.0.0.1", "--mesh-pin", $"sha256-raw:{Fingerprint}",
    ];

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private string At(string name) => Path.Combine(_directory, name);
}
